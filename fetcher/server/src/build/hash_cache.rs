//! A cache of digests from one start of the application master to the next, so that an unchanged
//! distribution is not read again.
//!
//! A cached digest counts only for a file with the same path, size, modification time, inode and
//! device. A wrong digest can never make a worker run wrong bytes: the worker only rejects the
//! file.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use fetcher_formats::hashing::Fingerprint;
use fetcher_formats::manifest::Blob;
use serde::{Deserialize, Serialize};

/// How old a modification time must be to be trusted. Clocks of file systems are coarse (two
/// seconds at worst), so a file may change again without a new time.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// The digests of earlier starts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct HashCache {
    files: HashMap<PathBuf, Known>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Known {
    fingerprint: Fingerprint,
    blob: Blob,
}

impl HashCache {
    /// Reads what an earlier [`HashCache::save`] wrote. A cache that cannot be read counts as
    /// empty, so everything is hashed again. Blocks.
    pub(super) fn load(path: &Path) -> Self {
        let read = fs_err::read(path)
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::other));
        read.unwrap_or_else(|error: io::Error| {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(path = %path.display(), %error, "Cannot use the cache of hashes; hashing everything");
            }
            Self::default()
        })
    }

    /// The hashes of a file that has not changed.
    pub(super) fn get(&self, path: &Path, fingerprint: &Fingerprint) -> Option<&Blob> {
        self.files
            .get(path)
            .filter(|known| known.fingerprint == *fingerprint)
            .map(|known| &known.blob)
    }

    /// Adds a file, unless it changed so recently that it may change again unnoticed.
    pub(super) fn put(&mut self, path: PathBuf, fingerprint: Fingerprint, blob: Blob) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let settled = now.saturating_sub(SETTLED_AFTER).as_nanos();
        if u128::try_from(fingerprint.modified()).is_ok_and(|modified| modified < settled) {
            self.files.insert(path, Known { fingerprint, blob });
        }
    }

    /// Writes everything for the next start. Blocks.
    pub(super) fn save(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(io::BufWriter::new(&mut file), self)?;
        file.persist(path)?;
        Ok(())
    }
}
