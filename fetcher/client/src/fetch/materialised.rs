//! The result of a fetch.

use std::path::PathBuf;

use fetcher_formats::manifest::Manifest;

use crate::lock::FileLock;
use crate::project::Projection;

/// A tree in its place.
#[derive(Debug)]
pub struct Materialised {
    /// The folder.
    pub target: PathBuf,
    /// Its manifest, with the secrets.
    pub manifest: Manifest,
    /// The same tree in the host's cache, if it came from there.
    pub shared: Option<Shared>,
}

/// A tree in the host's cache, which stays there for as long as this lives.
#[derive(Debug)]
pub struct Shared {
    /// Path of the tree, without secrets. It is the same for all workers of this host with the same
    /// manifest.
    pub path: PathBuf,
    /// Whether the tree was in the cache before this fetch.
    pub was_there: bool,
    /// How the target's files were made from the cache's.
    pub projection: Projection,
    pub(crate) _pin: FileLock,
}
