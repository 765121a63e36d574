//! Using trees without making any: those of a cache that may belong to somebody else.

use std::path::PathBuf;
use std::sync::Arc;

use nix::unistd::Uid;

use super::lock::{FileLock, Mode};
use super::{Cache, CacheError, CacheOptions, Tree, check_owner};
use crate::digest::Digest;
use crate::fetch::{FetchError, blocking};

/// What has to be the owner's alone so that a tree can be believed without reading it again.
const BELIEVED: [&str; 4] = ["archives", "locks", "manifests", "trees"];

/// A cache of somebody who is trusted.
pub(crate) struct Shelf(Cache);

impl Shelf {
    /// The cache of `owner` at `path`. Blocks.
    pub(crate) fn open(path: PathBuf, owner: Uid) -> Result<Self, CacheError> {
        check_owner(&path, owner)?;
        for folder in BELIEVED {
            check_owner(&path.join(folder), owner)?;
        }
        Ok(Self(Cache { options: Arc::new(CacheOptions { path, budget: 0 }), counters: Arc::default() }))
    }

    /// The tree if it is there, which it stays for as long as the answer lives.
    pub(crate) async fn tree(&self, digest: Digest) -> Result<Option<Tree>, FetchError> {
        self.0.tree_if_there(digest).await
    }
}

impl Cache {
    /// The tree if it is there and nobody is just making or removing it.
    pub(crate) async fn tree_if_there(&self, digest: Digest) -> Result<Option<Tree>, FetchError> {
        let cache = self.clone();
        blocking(move || {
            let lock = cache.lock(&digest.to_string());
            let pin = FileLock::attempt(&lock, Mode::Shared).map_err(FetchError::Disk)?;
            let Some(pin) = pin else { return Ok(None) };
            let Some((manifest, entries)) = cache.look_for_tree(&digest) else { return Ok(None) };
            Ok(Some(Tree { path: cache.tree_path(&digest), manifest, entries, was_there: true, pin }))
        })
        .await
    }
}
