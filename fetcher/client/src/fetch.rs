//! Fetch a tree: manifest and blobs from artifact servers, verified, and put in place all at once.
//!
//! ```text
//! connection ──frames──▶ writer thread: hash + write     one pair per piece, several pieces at a time
//! connection ──frames──▶ writer thread: hash + write     into <parent>/.<name>.<random>.partial/
//!                                                        and, when all is verified, rename to <parent>/<name>
//! ```
//!
//! Large files are split into pieces of chunks, which are verified one by one. After a lost
//! connection, the next one continues at the same byte. Archives are unpacked while they are being
//! downloaded, behind what was verified. Dropping the future ends connections and writers, and
//! removes what was fetched.

use std::sync::Arc;

use futures_util::future::try_join;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::watch;

use crate::blocking::blocking;
use crate::error::FetchError;
use download::Download;
use meter::Meter;
use origin::Origins;
use staging::Staging;

pub use known::{Failure, Known};
pub use materialised::{Materialised, Shared};
pub use meter::Progress;
pub use options::{FetchOptions, Request};
pub use piece::pieces;
pub use retry::when_busy;

pub(crate) mod download;
pub(crate) mod frontier;
mod known;
mod materialised;
pub(crate) mod meter;
mod notices;
mod options;
mod origin;
mod peers;
mod piece;
mod retry;
pub(crate) mod staging;
mod trail;
mod writer;

/// Archives that are unpacked at the same time. Each blocks a thread that waits for bytes, and
/// enough threads must be left to write those bytes.
pub const UNPACKED_AT_ONCE: usize = 4;

/// Fetches a tree with the default options. See [`materialise_with`].
pub async fn materialise(
    request: Request,
    progress: watch::Sender<Progress>,
) -> Result<Materialised, FetchError> {
    materialise_with(request, FetchOptions::default(), progress).await
}

/// Fetches a tree and puts it in place: complete and verified, or not at all. Files are read-only;
/// only the owner can read secrets. Dropping the future cancels the fetch.
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
