//! Digests remembered from one start of the application master to the next, so that an unchanged distribution is not read
//! again.
//!
//! A remembered digest counts only for a file of the same path, size, time of change, inode and device. A wrong one, by
//! whatever accident, cannot make anybody run wrong bytes: it only makes workers refuse what they are sent.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::hashing::Fingerprint;
use crate::manifest::Blob;

/// A file changed shortly before it was hashed may be changed once more without a new time of change, since the clock of
/// file systems is coarse (two seconds on the coarsest).
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// What was hashed before.
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
    /// Reads what an earlier [`HashCache::save`] wrote. What cannot be read counts as nothing: it will be hashed again.
    /// Blocks.
    pub(super) fn load(path: &Path) -> Self {
        let read = fs_err::read(path).and_then(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::other));
        read.unwrap_or_else(|error: io::Error| {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(path = %path.display(), %error, "Cannot use the cache of hashes; hashing everything");
            }
            Self::default()
        })
    }

    /// The hashes of a file that is still as it was.
    pub(super) fn get(&self, path: &Path, fingerprint: &Fingerprint) -> Option<&Blob> {
        self.files.get(path).filter(|known| known.fingerprint == *fingerprint).map(|known| &known.blob)
    }

    /// Remembers a file unless it may still be in motion.
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
