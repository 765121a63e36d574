//! The cache's folders: who may write to them, and where each thing is.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::trusted_path::check_way;
use fetcher_formats::digest::Digest;
use nix::unistd::Uid;

use crate::counters::Counters;

/// Location and size of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheOptions {
    /// The cache's folder, created if it does not exist. It must belong to the user of this
    /// process, and no other user may have write access.
    pub path: PathBuf,
    /// How many bytes of content to keep. Content in use stays even above this budget.
    pub budget: u64,
}

/// The cache of this host. Any number of processes may have it open at the same time.
#[derive(Debug, Clone)]
pub struct Cache {
    pub(super) options: Arc<CacheOptions>,
    /// Leaves some of the file system free, for others.
    pub(super) leaves_spare: bool,
    pub(super) counters: Arc<Counters>,
}

/// Why a folder cannot be used as a cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It cannot be created or read; the error names the path.
    #[error(transparent)]
    Disk(#[from] io::Error),
    /// Another user could replace it; the error names both.
    #[error(transparent)]
    Replaceable(io::Error),
    /// Another user could put wrong content there.
    #[error("cache folder {path} {reason}, so its content could not be trusted")]
    Untrusted {
        /// The folder.
        path: PathBuf,
        /// Who has access and should not.
        reason: String,
    },
}

impl Cache {
    /// Opens the cache, creating it if needed, unless another user could replace it. Blocks.
    pub fn open(options: CacheOptions) -> Result<Self, CacheError> {
        check_way(&options.path).map_err(CacheError::Replaceable)?;
        let cache =
            Self { options: Arc::new(options), leaves_spare: false, counters: Arc::default() };
        for folder in
            [cache.root().to_owned()].into_iter().chain(FOLDERS.map(|name| cache.root().join(name)))
        {
            std::fs::DirBuilder::new().recursive(true).mode(0o755).create(&folder).map_err(
                |error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())),
            )?;
            check_owner(&folder, nix::unistd::geteuid())?;
        }
        Ok(cache)
    }

    /// The same cache, which leaves a twentieth of its file system free (at most 1 GiB and 50 000
    /// inodes): for a program that fetches what others name.
    #[must_use]
    pub fn leaving_spare(self) -> Self {
        Self { leaves_spare: true, ..self }
    }

    /// The counters of this process for this cache.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// The options it was opened with.
    pub fn options(&self) -> &CacheOptions {
        &self.options
    }

    pub(super) fn root(&self) -> &Path {
        &self.options.path
    }

    pub(super) fn blob(&self, key: &str) -> PathBuf {
        self.root().join("blobs").join(key)
    }

    pub(super) fn partial(&self, key: &str) -> PathBuf {
        self.root().join("partial").join(key)
    }

    pub(super) fn tree_path(&self, digest: &Digest) -> PathBuf {
        self.root().join("trees").join(digest.to_string())
    }

    pub(super) fn manifest(&self, digest: &Digest) -> PathBuf {
        self.root().join("manifests").join(digest.to_string())
    }

    pub(super) fn lock(&self, name: &str) -> PathBuf {
        self.root().join("locks").join(name)
    }
}

const FOLDERS: [&str; 9] = [
    "archives",
    "blobs",
    "class-data",
    "partial",
    "trees",
    "manifests",
    "locks",
    "reserved",
    "quarantine",
];

pub(super) fn check_owner(folder: &Path, owner: Uid) -> Result<(), CacheError> {
    let metadata = fs_err::symlink_metadata(folder)?;
    let untrusted = |reason| CacheError::Untrusted { path: folder.to_owned(), reason };
    if !metadata.is_dir() {
        return Err(untrusted("is not a folder".to_owned()));
    }
    if metadata.uid() != owner.as_raw() {
        return Err(untrusted(format!("belongs to user {}", metadata.uid())));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(untrusted(format!(
            "can be written to by others (mode {:o})",
            metadata.mode() & 0o7777
        )));
    }
    Ok(())
}
