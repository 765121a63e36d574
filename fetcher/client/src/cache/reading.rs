//! Use existing trees of a cache that may belong to another user.

use std::path::PathBuf;
use std::sync::Arc;

use fetcher_formats::digest::Digest;
use nix::unistd::Uid;

use super::folders::{Cache, CacheError, CacheOptions, check_owner};
use super::trees::Tree;
use crate::blocking::blocking;
use crate::error::FetchError;
use crate::lock::{FileLock, Mode};

/// The folders that must belong to the owner alone, so that a tree can be trusted without reading
/// it again.
const OWNED_FOLDERS: [&str; 4] = ["archives", "locks", "manifests", "trees"];

/// A trusted user's cache, read-only.
pub struct Shelf(Cache);

impl Shelf {
    /// Opens the cache of `owner` at `path`. Blocks.
    pub fn open(path: PathBuf, owner: Uid) -> Result<Self, CacheError> {
        check_owner(&path, owner)?;
        for folder in OWNED_FOLDERS {
            check_owner(&path.join(folder), owner)?;
        }
        Ok(Self(Cache {
            options: Arc::new(CacheOptions { path, budget: 0 }),
            leaves_spare: false,
            counters: Arc::default(),
        }))
    }

    /// The tree, if it exists; it stays as long as the result lives.
    pub async fn tree(&self, digest: Digest) -> Result<Option<Tree>, FetchError> {
        self.0.tree_if_there(digest).await
    }
}

impl Cache {
    /// The tree, if it exists and no process is making or removing it.
    pub async fn tree_if_there(&self, digest: Digest) -> Result<Option<Tree>, FetchError> {
        let cache = self.clone();
        blocking(move || {
            let lock = cache.lock(&digest.to_string());
            let pin = FileLock::attempt(&lock, Mode::Shared).map_err(FetchError::Disk)?;
            let Some(pin) = pin else { return Ok(None) };
            let Some((manifest, entries)) = cache.look_for_tree(&digest) else { return Ok(None) };
            Ok(Some(Tree {
                path: cache.tree_path(&digest),
                manifest,
                entries,
                was_there: true,
                pin,
            }))
        })
        .await
    }
}
