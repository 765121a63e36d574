//! Write an archive, from its start to its final name.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fetcher_formats::digest::Digest;
use fetcher_formats::hashing::Fingerprint;
use fs_err::File;
use tempfile::TempDir;

use super::record::{digest_of, keep_record};
use crate::cache::eviction::Removed;
use crate::cache::folders::Cache;
use crate::crash;
use crate::lock::FileLock;

/// Share of the cache's budget for archives, as a divisor. It is small because an archive saves a
/// second, but removing a tree for it costs minutes.
const SHARE: u64 = 10;

/// An archive being written. Dropping it discards the archive.
#[derive(Debug)]
pub struct ClassDataMaking {
    pub(super) cache: Cache,
    pub(super) key: Digest,
    pub(super) folder: TempDir,
    pub(super) _alone: FileLock,
}

impl ClassDataMaking {
    /// Path to write the archive to.
    pub fn archive(&self) -> PathBuf {
        self.folder.path().join("archive.jsa")
    }

    /// A folder for temporary files, removed with this.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the complete archive its name, once it is on the disk, and makes room for it. Blocks.
    pub fn finish(self) -> io::Result<PathBuf> {
        let (written, place) = (self.archive(), self.cache.archive(&self.key));
        fs_err::set_permissions(&written, Permissions::from_mode(0o444))?;
        let file = File::open(&written)?;
        file.sync_all()?;
        let digest = digest_of(&written)?.to_string();
        crash::point();
        keep_record(&place.with_extension("json"), digest, Fingerprint::of(&file.metadata()?))?;
        crash::point();
        fs_err::rename(&written, &place)?;
        crash::point();
        self.cache.bound_class_data(self.cache.options.budget / SHARE, &mut Removed::default())?;
        Ok(place)
    }

    /// Gives up: nobody should try again for a day.
    pub fn refuse(self, why: &str) -> io::Result<()> {
        self.cache.refuse_class_data(&self.key, why)
    }
}
