//! The host's cache: each content once, each tree at a stable path, however many workers use it.
//!
//! ```text
//! <cache>/blobs/<key>          verified content, read-only; the key says what was verified
//! <cache>/partial/<key>        incomplete content, locked by its writer; the lane follows the key
//! <cache>/trees/<manifest>/    complete trees of hard links to blobs; the modification time is the last use
//! <cache>/manifests/<manifest> the entries of each tree
//! <cache>/archives/<key>       the files of each unpacked archive
//! <cache>/class-data/<key>.jsa archives of class data, written by JVMs
//! <cache>/locks/<manifest>     shared while a tree is in use, exclusive while it is removed
//! <cache>/locks/<manifest>.making  exclusive while a tree is made; the lane precedes the suffix
//! <cache>/locks/gc             exclusive while room is made
//! <cache>/reserved/<random>/   what a running fetch needs: room, and existing contents
//! <cache>/quarantine/<key>     damaged content that `verify` found
//! ```
//!
//! All users of the host can read `trees`, `manifests` and `archives`, so that a sidecar that runs as another user can
//! give trees to their workers. They can lock the trees too, to keep them while in use.
//!
//! Everything gets its name by a rename once it is complete and on the disk. So it is complete or absent at every
//! moment, also after a crash. A fetcher for several users works in lanes: one lane does not wait for the incomplete
//! content of another. All locks are the kernel's, so they end with the process that holds them.
//! Secrets never get here, nor does anything that says more about them than that they exist: they and their manifest go
//! from the server directly into the sandbox of the worker whose token fetched them.

use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use nix::unistd::Uid;
use tokio::sync::watch;

use crate::counters::Counters;
use crate::digest::Digest;
use crate::fetch::{
    Download, FetchError, FetchOptions, Materialised, Meter, Progress, Request, Shared, Staging, Target, blocking,
    start,
};
use crate::manifest::{Entry, Manifest};
use crate::project::{Projection, Projector};
pub(crate) use lock::FileLock;
#[cfg(feature = "sidecar")]
pub(crate) use lock::Mode;
pub(crate) use reading::Shelf;

mod archives;
mod blobs;
mod class_data;
mod lock;
mod reading;
mod reservation;
mod room;
mod space;
mod trees;
mod verify;

pub use class_data::ClassDataMaking;
pub use room::{Removed, Usage};
pub use verify::Verified;

/// Environment variable with the path of the cache. Operators set it on a host; it overrides the framework's setting.
pub const PATH_VARIABLE: &str = "FLINK_MESOS_CACHE_DIR";

/// Location and size of a cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheOptions {
    /// The cache's folder, created if it does not exist. It must belong to the user of this process, and no other user
    /// may have write access.
    pub path: PathBuf,
    /// How many bytes of content to keep. Content in use stays even above this budget.
    pub budget: u64,
}

/// The cache of this host. Any number of processes may have it open at the same time.
#[derive(Debug, Clone)]
pub struct Cache {
    options: Arc<CacheOptions>,
    /// Leaves some of the file system free, for others.
    leaves_spare: bool,
    counters: Arc<Counters>,
}

/// Why a folder cannot be used as a cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It cannot be created or read; the error names the path.
    #[error(transparent)]
    Disk(#[from] io::Error),
    /// Another user could put wrong content there.
    #[error("cache folder {path} {reason}, so its content could not be trusted")]
    Untrusted {
        /// The folder.
        path: PathBuf,
        /// Who has access and should not.
        reason: String,
    },
}

/// A complete tree in the cache, which stays there as long as this lives.
pub(crate) struct Tree {
    pub(crate) path: PathBuf,
    pub(crate) manifest: Manifest,
    /// Its entries with all archives unpacked. None is secret.
    pub(crate) entries: Vec<Entry>,
    /// Whether the tree was in the cache before this fetch.
    pub(crate) was_there: bool,
    pub(crate) pin: FileLock,
}

impl Cache {
    /// Opens the cache, creating it if needed. Blocks.
    pub fn open(options: CacheOptions) -> Result<Self, CacheError> {
        let cache = Self { options: Arc::new(options), leaves_spare: false, counters: Arc::default() };
        for folder in [cache.root().to_owned()].into_iter().chain(FOLDERS.map(|name| cache.root().join(name))) {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(&folder)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.display())))?;
            check_owner(&folder, nix::unistd::geteuid())?;
        }
        Ok(cache)
    }

    /// The same cache, which leaves a twentieth of its file system free (at most 1 GiB and 50 000 inodes): for a program
    /// that fetches what others name.
    #[must_use]
    pub fn leaving_spare(self) -> Self {
        Self { leaves_spare: true, ..self }
    }

    /// Fetches what is missing into the cache, and projects the tree from there. As with
    /// [`materialise_with`](crate::materialise_with), the target appears complete and verified, or not at all.
    pub async fn materialise(
        &self,
        request: Request,
        options: FetchOptions,
        progress: watch::Sender<Progress>,
    ) -> Result<Materialised, FetchError> {
        let fetch = Fetch::new(request, options, progress);
        let tree = self.tree(&fetch).await?;
        fetch.project(tree).await
    }

    /// Projects a tree that is in the cache, not being changed, and without secrets. [`Cache::materialise`] handles all
    /// other cases and all errors. Blocks; it is the fastest path, on one thread.
    pub(crate) fn materialise_at_once(
        &self,
        request: &Request,
        progress: &watch::Sender<Progress>,
    ) -> Option<Materialised> {
        if request.secrets.is_some() {
            return None;
        }
        let pin = FileLock::attempt(&self.lock(&request.manifest.to_string()), lock::Mode::Shared).ok()??;
        let (manifest, entries) = self.look_for_tree(&request.manifest)?;
        let path = self.tree_path(&request.manifest);
        let (Projected::Whole(target), projection) = project_into(request.target.clone(), &path, entries).ok()? else {
            return None;
        };
        self.counters.hit();
        trees::show_complete(progress, &manifest);
        Some(Materialised { target, manifest, shared: Some(Shared { path, was_there: true, projection, _pin: pin }) })
    }

    /// Fetches what is missing into the cache, for later fetches.
    pub async fn prefetch(
        &self,
        request: Request,
        options: FetchOptions,
        progress: watch::Sender<Progress>,
    ) -> Result<(), FetchError> {
        self.tree(&Fetch::new(request, options, progress)).await.map(drop)
    }

    /// The counters of this process for this cache.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// The options it was opened with.
    pub fn options(&self) -> &CacheOptions {
        &self.options
    }

    fn root(&self) -> &Path {
        &self.options.path
    }

    fn blob(&self, key: &str) -> PathBuf {
        self.root().join("blobs").join(key)
    }

    fn partial(&self, key: &str) -> PathBuf {
        self.root().join("partial").join(key)
    }

    fn tree_path(&self, digest: &Digest) -> PathBuf {
        self.root().join("trees").join(digest.to_string())
    }

    fn manifest(&self, digest: &Digest) -> PathBuf {
        self.root().join("manifests").join(digest.to_string())
    }

    fn lock(&self, name: &str) -> PathBuf {
        self.root().join("locks").join(name)
    }
}

const FOLDERS: [&str; 9] =
    ["archives", "blobs", "class-data", "partial", "trees", "manifests", "locks", "reserved", "quarantine"];

fn check_owner(folder: &Path, owner: Uid) -> Result<(), CacheError> {
    let metadata = fs_err::symlink_metadata(folder)?;
    let untrusted = |reason| CacheError::Untrusted { path: folder.to_owned(), reason };
    if !metadata.is_dir() {
        return Err(untrusted("is not a folder".to_owned()));
    }
    if metadata.uid() != owner.as_raw() {
        return Err(untrusted(format!("belongs to user {}", metadata.uid())));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(untrusted(format!("can be written to by others (mode {:o})", metadata.mode() & 0o7777)));
    }
    Ok(())
}

/// Projects the files of the tree at `path` into the target, except secrets. Blocks.
fn project_into(target: PathBuf, path: &Path, entries: Vec<Entry>) -> Result<(Projected, Projection), FetchError> {
    let staging = Staging::create(target, &entries)?;
    let mut projector = Projector::new();
    let (secrets, shared): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(|entry| entry.secret);
    staging.project(&shared, |entry| entry.path.under(path), &mut projector)?;
    let projection = projector.way();
    if secrets.is_empty() {
        return Ok((Projected::Whole(staging.publish()?), projection));
    }
    // A secret is never an archive.
    let (files, _) = staging.make_files(&secrets)?;
    Ok((Projected::ExceptSecrets { staging, secrets, files }, projection))
}

/// The result of projecting without any connection.
enum Projected {
    /// The whole tree is in place.
    Whole(PathBuf),
    /// The tree is in place except for its secrets.
    ExceptSecrets { staging: Staging, secrets: Vec<Entry>, files: Vec<Target> },
}

/// One fetch through the cache; it connects to servers only if something is missing.
pub(crate) struct Fetch {
    pub(crate) request: Request,
    pub(crate) options: FetchOptions,
    pub(crate) progress: watch::Sender<Progress>,
    /// Only fetches of the same lane wait for each other.
    lane: String,
    /// What the fetch must get before it may connect.
    permission: Option<Permission>,
    started: tokio::sync::OnceCell<(Arc<Download>, Arc<Meter>)>,
}

/// Waits until a fetch is allowed; it is allowed as long as the result lives.
pub(crate) type Permission = Box<dyn Fn() -> BoxFuture<'static, Box<dyn Send>> + Send + Sync>;

impl Fetch {
    pub(crate) fn new(request: Request, options: FetchOptions, progress: watch::Sender<Progress>) -> Self {
        let started = tokio::sync::OnceCell::new();
        Self { request, options, progress, lane: String::new(), permission: None, started }
    }

    /// Like [`Fetch::new`], for one of several users that must not wait for each other, and only with permission.
    #[cfg(feature = "sidecar")]
    pub(crate) fn in_lane(self, lane: &str, permission: Permission) -> Self {
        Self { lane: format!(".{lane}"), permission: Some(permission), ..self }
    }

    /// Puts a tree in place, with its secrets, which are fetched now.
    pub(crate) async fn project(&self, tree: Tree) -> Result<Materialised, FetchError> {
        let Tree { path, mut manifest, mut entries, was_there, pin } = tree;
        if self.request.secrets.is_some() {
            let (download, _) = self.start().await?;
            manifest = download.with_secrets(manifest, self.request.secrets).await?;
            entries.extend(manifest.entries().iter().filter(|entry| entry.secret).cloned());
        }
        let (target, place) = (self.request.target.clone(), path.clone());
        let (projected, projection) = blocking(move || project_into(target, &place, entries)).await?;
        let target = match projected {
            Projected::Whole(target) => target,
            Projected::ExceptSecrets { staging, secrets, files } => self.finish(staging, secrets, files).await?,
        };
        Ok(Materialised { target, manifest, shared: Some(Shared { path, was_there, projection, _pin: pin }) })
    }

    /// Fetches the secrets of a tree that is otherwise complete.
    async fn finish(&self, staging: Staging, secrets: Vec<Entry>, files: Vec<Target>) -> Result<PathBuf, FetchError> {
        let staging = Arc::new(staging);
        if !files.is_empty() {
            let (download, meter) = self.start().await?;
            meter.expect_more(files.len(), files.iter().map(|file| file.blob.size).sum());
            download.targets(files, &staging).await?;
        }
        let staging = Arc::into_inner(staging).ok_or(FetchError::Stopped)?;
        blocking(move || {
            staging.finish_files(&secrets)?;
            staging.publish()
        })
        .await
    }

    async fn start(&self) -> Result<(Arc<Download>, Arc<Meter>), FetchError> {
        let start = async {
            let (download, meter) = start(self.request.clone(), self.options.clone(), self.progress.clone()).await?;
            Ok((Arc::new(download), meter))
        };
        self.started.get_or_try_init(|| start).await.cloned()
    }
}

#[cfg(test)]
mod tests;
