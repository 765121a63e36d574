//! Fetching a tree: manifest and blobs from artifact servers, verified, in place all at once.
//!
//! ```text
//! connection ──frames──▶ writer thread: hash + write     one pair per piece, several pieces at a time
//! connection ──frames──▶ writer thread: hash + write     into <parent>/.<name>.<random>.partial/
//!                                                        and, when all is verified, rename to <parent>/<name>
//! ```
//!
//! Large files are cut into pieces of chunks that are verified one by one. A connection that breaks off is followed by one
//! that goes on at the same byte. Archives are unpacked while they come, behind what has been verified. Dropping the future
//! ends connections and writers and removes what was there.

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

pub(crate) use error::available;
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

/// Archives that are unpacked at the same time. Each takes a thread that waits for its bytes: they must not take all
/// threads from those who write these bytes.
pub(crate) const UNPACKED_AT_ONCE: usize = 4;

/// What to fetch, from where, to where.
#[derive(Debug, Clone)]
pub struct Request {
    /// Base addresses of artifact servers; each has everything, and any may be asked for any part.
    pub urls: Vec<String>,
    /// The name of the tree.
    pub manifest: Digest,
    /// What the servers want to see.
    pub token: Token,
    /// The folder to make. It must not exist; its parent must.
    pub target: PathBuf,
}

/// How hard to try.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// Requests under way at the same time.
    pub connections: usize,
    /// Certificates in PEM of those who may vouch for servers; `None`: those that this machine trusts.
    pub trusted: Option<Vec<u8>>,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// The slowest server that is borne.
    pub floor: RateFloor,
    /// The slowest peer that is borne: unlike the server it can be done without.
    pub peer_floor: RateFloor,
    /// Whether to let the server send us to other hosts that hold what we ask for.
    pub follow_peers: bool,
    /// The peer port of this host: what is fetched into the cache is announced with it. An unspecified address is taken
    /// for the one that the server sees.
    pub announce: Option<SocketAddr>,
    /// How long the manifest may take each time it is asked for, however fast it comes.
    pub manifest_time: Duration,
    /// How long to go on after errors that may pass while not a byte comes from anywhere.
    pub patience: Duration,
    /// The same while servers say that they are busy.
    pub busy_patience: Duration,
    /// How long to wait for a sidecar that brings nothing further of this very tree, whatever else it says and does.
    pub sidecar_patience: Duration,
    /// Shortest and longest pause before asking again.
    pub backoff: (Duration, Duration),
    /// Where it is counted what comes and what goes wrong.
    pub counters: Arc<Counters>,
}

impl Default for FetchOptions {
    /// Four connections; peers of at least 64 KiB/s over five seconds; two minutes of patience, ten with busy servers,
    /// half of one with a sidecar.
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
    /// Where it is.
    pub target: PathBuf,
    /// What it holds.
    pub manifest: Manifest,
    /// The same tree in the host's cache, when it came from there.
    pub shared: Option<Shared>,
}

/// A tree in the host's cache. It stays there for as long as this lives.
#[derive(Debug)]
pub struct Shared {
    /// Where it is: the same place for all workers of this host that have the same manifest. Without secrets.
    pub path: PathBuf,
    /// Whether it was there before this fetch.
    pub was_there: bool,
    /// How the files of the target came about.
    pub projection: Projection,
    pub(crate) _pin: FileLock,
}

/// Fetches a tree with the default options. See [`materialise_with`].
pub async fn materialise(request: Request, progress: watch::Sender<Progress>) -> Result<Materialised, FetchError> {
    materialise_with(request, FetchOptions::default(), progress).await
}

/// Fetches a tree and puts it in place: complete and verified, or not at all. Files are read-only, secrets belong to their
/// owner alone. Cancelled by dropping the future.
pub async fn materialise_with(
    request: Request,
    options: FetchOptions,
    progress: watch::Sender<Progress>,
) -> Result<Materialised, FetchError> {
    let target = request.target.clone();
    let wanted = request.manifest;
    let (download, meter) = start(request, options, progress).await?;
    let manifest = download.manifest(wanted).await?;
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

/// What a fetch needs before it knows what to fetch.
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

/// Runs what would hold up the async threads elsewhere.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| FetchError::Stopped)?
}
