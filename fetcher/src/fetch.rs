//! Fetch a tree: manifest and blobs from artifact servers, verified, and put in place all at once.
//!
//! ```text
//! connection ──frames──▶ writer thread: hash + write     one pair per piece, several pieces at a time
//! connection ──frames──▶ writer thread: hash + write     into <parent>/.<name>.<random>.partial/
//!                                                        and, when all is verified, rename to <parent>/<name>
//! ```
//!
//! Large files are split into pieces of chunks, which are verified one by one. After a lost connection, the next one
//! continues at the same byte. Archives are unpacked while they are being downloaded, behind what was verified.
//! Dropping the future ends connections and writers, and removes what was fetched.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::watch;

use crate::cache::FileLock;
use crate::counters::Counters;
use crate::digest::Digest;
use crate::manifest::Manifest;
use crate::project::Projection;
use crate::rate::RateFloor;
use crate::token::Token;
use origin::Origins;

pub use error::{Blame, FetchError};
pub use meter::Progress;
pub use piece::pieces;
pub use retry::when_busy;

pub(crate) use download::{Download, Store, Target};
pub(crate) use error::Retry;
pub(crate) use frontier::{Feed, Frontier, Growing};
pub(crate) use meter::Meter;
pub(crate) use origin::{broken, is_loopback, refusal, stalled};
pub(crate) use staging::{MODIFIED, Staging, finish_file, named, preallocate};

mod download;
mod error;
mod frontier;
mod meter;
mod notices;
mod origin;
mod peers;
mod piece;
mod retry;
mod staging;
mod trail;
mod writer;

/// Archives that are unpacked at the same time. Each blocks a thread that waits for bytes, and enough threads must be
/// left to write those bytes.
pub(crate) const UNPACKED_AT_ONCE: usize = 4;

/// What to fetch, from where, to where.
#[derive(Debug, Clone)]
pub struct Request {
    /// Base URLs of artifact servers. Each has all content, and any can serve any part.
    pub urls: Vec<String>,
    /// Digest of the tree's manifest. The host's cache and its sidecar may know it.
    pub manifest: Digest,
    /// Digest of the manifest of the tree's secrets, if it has any: see [`Manifest::split`].
    pub secrets: Option<Digest>,
    /// Token that the servers require.
    pub token: Token,
    /// Folder to create. It must not exist; its parent must.
    pub target: PathBuf,
}

/// Limits and options of a fetch.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// Requests at the same time.
    pub connections: usize,
    /// PEM certificates of the authorities to trust; `None` trusts those of this machine.
    pub trusted: Option<Vec<u8>>,
    /// Time limit for connecting.
    pub connect_timeout: Duration,
    /// Slowest accepted rate of a server.
    pub floor: RateFloor,
    /// Slowest accepted rate of a peer. A peer can always be replaced by the server.
    pub peer_floor: RateFloor,
    /// Whether the server may redirect us to other hosts that hold the content.
    pub follow_peers: bool,
    /// Peer port of this host, announced with everything fetched into the cache. The server replaces an unspecified
    /// address by the one that it sees.
    pub announce: Option<SocketAddr>,
    /// Time limit for each attempt to fetch the manifest, at any rate.
    pub manifest_time: Duration,
    /// How long to retry temporary errors while no server sends a byte.
    pub patience: Duration,
    /// How long to retry while servers say that they are busy.
    pub busy_patience: Duration,
    /// How long to wait for a sidecar that makes no progress with this tree, whatever else it does.
    pub sidecar_patience: Duration,
    /// Shortest and longest pause between attempts.
    pub backoff: (Duration, Duration),
    /// Counters for bytes and errors.
    pub counters: Arc<Counters>,
}

impl Default for FetchOptions {
    /// Four connections; peers of at least 64 KiB/s over five seconds; two minutes of patience, ten with busy servers,
    /// half a minute with a sidecar.
    fn default() -> Self {
        Self {
            connections: 4,
            trusted: None,
            connect_timeout: Duration::from_secs(10),
            floor: RateFloor::default(),
            peer_floor: RateFloor { bytes_per_second: 64 << 10, window: Duration::from_secs(5) },
            follow_peers: true,
            announce: None,
            manifest_time: Duration::from_secs(60),
            patience: Duration::from_secs(120),
            busy_patience: Duration::from_secs(600),
            sidecar_patience: Duration::from_secs(30),
            backoff: (Duration::from_millis(100), Duration::from_secs(5)),
            counters: Arc::default(),
        }
    }
}

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
    /// Path of the tree, without secrets. It is the same for all workers of this host with the same manifest.
    pub path: PathBuf,
    /// Whether the tree was in the cache before this fetch.
    pub was_there: bool,
    /// How the target's files were made from the cache's.
    pub projection: Projection,
    pub(crate) _pin: FileLock,
}

/// Fetches a tree with the default options. See [`materialise_with`].
pub async fn materialise(request: Request, progress: watch::Sender<Progress>) -> Result<Materialised, FetchError> {
    materialise_with(request, FetchOptions::default(), progress).await
}

/// Fetches a tree and puts it in place: complete and verified, or not at all. Files are read-only; only the owner can
/// read secrets. Dropping the future cancels the fetch.
pub async fn materialise_with(
    request: Request,
    options: FetchOptions,
    progress: watch::Sender<Progress>,
) -> Result<Materialised, FetchError> {
    let target = request.target.clone();
    let (wanted, secrets) = (request.manifest, request.secrets);
    let (download, meter) = start(request, options, progress).await?;
    let manifest = download.with_secrets(download.manifest(wanted).await?, secrets).await?;
    let (staging, manifest, targets, unpackings) = blocking(move || {
        let staging = Staging::create(target, manifest.entries())?;
        let (targets, unpackings) = staging.make_files(manifest.entries())?;
        Ok((staging, manifest, targets, unpackings))
    })
    .await?;
    let staging = Arc::new(staging);
    meter.expect(targets.len(), targets.iter().map(|target| target.blob.size).sum());
    let unpacked = unpackings.into_iter().map(|unpacking| {
        let staging = Arc::clone(&staging);
        blocking(move || staging.unpack(unpacking))
    });
    let unpacked = stream::iter(unpacked).buffer_unordered(UNPACKED_AT_ONCE).try_collect::<()>();
    try_join(download.targets(targets, &staging), unpacked).await?;

    let staging = Arc::into_inner(staging).ok_or(FetchError::Stopped)?;
    blocking(move || {
        staging.finish_files(manifest.entries())?;
        Ok(Materialised { target: staging.publish()?, manifest, shared: None })
    })
    .await
}

/// Connects and fetches the manifest, which says what to fetch.
pub(crate) async fn start(
    request: Request,
    options: FetchOptions,
    progress: watch::Sender<Progress>,
) -> Result<(Download, Arc<Meter>), FetchError> {
    let meter = Arc::new(Meter::new(progress));
    let wanted = options.clone();
    // Reading this machine's certificates takes a moment.
    let origins = blocking(move || Origins::new(&request.urls, &request.token, &wanted)).await?;
    Ok((Download::new(origins, Arc::clone(&meter), options), meter))
}

/// Runs a blocking function off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| FetchError::Stopped)?
}
