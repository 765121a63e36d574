//! Downloading the manifest and every piece of every blob.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::FetchOptions;
use super::error::FetchError;
use super::meter::Meter;
use super::origin::{Incoming, Origins};
use super::piece::Piece;
use super::retry::{Attempts, Mirrors};
use super::staging::{Staging, Target};
use super::writer::{WriteError, Writer};
use crate::digest::Digest;
use crate::manifest::{MAX_ENCODED, Manifest};

/// Frames (of up to 400 KiB) on their way from a connection to its writer.
const FRAMES: usize = 4;

/// One fetch from one set of servers.
pub(super) struct Download {
    origins: Origins,
    mirrors: Mirrors,
    meter: Arc<Meter>,
    options: FetchOptions,
}

impl Download {
    pub(super) fn new(origins: Origins, meter: Arc<Meter>, options: FetchOptions) -> Self {
        let mirrors = Mirrors::new(origins.count());
        Self { origins, mirrors, meter, options }
    }

    /// The manifest of that name.
    pub(super) async fn manifest(&self, digest: Digest) -> Result<Manifest, FetchError> {
        let mut attempts = Attempts::new(0, &self.mirrors, &self.meter, &self.options);
        let path = format!("/v1/manifests/{digest}");
        loop {
            match self.manifest_from(attempts.origin(), &path, digest).await {
                Ok(manifest) => return Ok(manifest),
                Err(error) => attempts.after(error).await?,
            }
        }
    }

    async fn manifest_from(&self, origin: usize, path: &str, expected: Digest) -> Result<Manifest, FetchError> {
        let mut incoming = self.origins.get(origin, path, None).await?;
        let mut encoded = Vec::new();
        while let Some(bytes) = incoming.next().await? {
            encoded.extend_from_slice(&bytes);
            if encoded.len() > MAX_ENCODED {
                let (expected, seen) = (MAX_ENCODED as u64, encoded.len() as u64);
                return Err(FetchError::Size { url: incoming.url, expected, seen });
            }
        }
        let seen = Digest::of(&encoded);
        if seen != expected {
            return Err(FetchError::Digest { url: incoming.url, expected, seen, bytes: encoded.len() as u64 });
        }
        Manifest::decode(&encoded).map_err(|source| FetchError::Manifest { url: incoming.url, source })
    }

    /// Every target, several pieces at a time, large files first.
    pub(super) async fn targets(&self, targets: &[Target], staging: &Arc<Staging>) -> Result<(), FetchError> {
        let mut targets: Vec<&Target> = targets.iter().collect();
        targets.sort_by_key(|target| std::cmp::Reverse(target.blob.size));
        let pieces = targets.into_iter().flat_map(|target| {
            let pieces = Piece::all(&target.blob);
            let left = Arc::new(AtomicUsize::new(pieces.len()));
            pieces.into_iter().map(move |piece| (target, piece, Arc::clone(&left)))
        });
        let pieces = pieces.enumerate().map(|(at, (target, piece, left))| async move {
            self.piece(at, &piece, &target.path, staging).await?;
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.meter.file_done();
            }
            Ok(())
        });
        stream::iter(pieces).buffer_unordered(self.options.connections.max(1)).try_collect().await
    }

    /// One piece, begun anew elsewhere when a server sends wrong bytes.
    async fn piece(&self, at: usize, piece: &Piece, path: &Path, staging: &Arc<Staging>) -> Result<(), FetchError> {
        let mut attempts = Attempts::new(at % self.origins.count(), &self.mirrors, &self.meter, &self.options);
        loop {
            let (frames, written) = self.write(piece.clone(), path.to_owned(), Arc::clone(staging));
            let url = self.feed(piece, frames, &mut attempts).await?;
            match written.await.map_err(|_| FetchError::Stopped)? {
                Ok(()) => return Ok(()),
                Err(WriteError::Digest { expected, seen, bytes }) => {
                    attempts.after(FetchError::Digest { url, expected, seen, bytes }).await?;
                }
                Err(WriteError::Disk(error)) => return Err(error),
                Err(WriteError::Incomplete) => return Err(FetchError::Stopped),
            }
        }
    }

    fn write(
        &self,
        piece: Piece,
        path: PathBuf,
        staging: Arc<Staging>,
    ) -> (mpsc::Sender<Bytes>, JoinHandle<Result<(), WriteError>>) {
        let (sender, frames) = mpsc::channel(FRAMES);
        let meter = Arc::clone(&self.meter);
        let written = tokio::task::spawn_blocking(move || {
            let written = Writer::open(path, &piece).map_err(WriteError::Disk)?.run(frames, &meter);
            // Held until here so that nothing is removed under the writer.
            drop(staging);
            written
        });
        (sender, written)
    }

    /// Hands the bytes of a piece to its writer, over as many connections as it takes. Returns who sent the last ones,
    /// also when the writer has refused them.
    async fn feed(
        &self,
        piece: &Piece,
        frames: mpsc::Sender<Bytes>,
        attempts: &mut Attempts<'_>,
    ) -> Result<String, FetchError> {
        let path = format!("/v1/blobs/{}", piece.blob.digest);
        let mut position = piece.range.start;
        let mut url = path.clone();
        while position < piece.range.end {
            let part = (position > 0 || !piece.is_whole()).then_some(position..piece.range.end);
            let fed = match self.origins.get(attempts.origin(), &path, part).await {
                Ok(incoming) => {
                    url.clone_from(&incoming.url);
                    feed_from(incoming, piece, &mut position, &frames, attempts).await
                }
                Err(error) => Err(error),
            };
            match fed {
                Ok(Fed::Complete) => {}
                Ok(Fed::Refused) => break,
                Err(error) => attempts.after(error).await?,
            }
        }
        Ok(url)
    }
}

enum Fed {
    /// The server has sent all it was asked for.
    Complete,
    /// The writer takes no more and will say why.
    Refused,
}

/// Hands over what one connection brings, and moves `position` on.
async fn feed_from(
    mut incoming: Incoming,
    piece: &Piece,
    position: &mut u64,
    frames: &mpsc::Sender<Bytes>,
    attempts: &mut Attempts<'_>,
) -> Result<Fed, FetchError> {
    let wanted = if incoming.whole { piece.blob.size } else { piece.range.end - *position };
    if let Some(seen) = incoming.announced()
        && seen != wanted
    {
        return Err(FetchError::Size { url: incoming.url, expected: wanted, seen });
    }
    // A server that knows no ranges sends what comes behind this piece, too.
    let more_follows = incoming.whole && piece.range.end < piece.blob.size;
    while let Some(mut bytes) = incoming.next().await? {
        let left = piece.range.end - *position;
        if more_follows {
            bytes.truncate(left as usize);
        } else if bytes.len() as u64 > left {
            let seen = wanted - left + bytes.len() as u64;
            return Err(FetchError::Size { url: incoming.url, expected: wanted, seen });
        }
        attempts.moved();
        *position += bytes.len() as u64;
        if frames.send(bytes).await.is_err() {
            return Ok(Fed::Refused);
        }
        if more_follows && *position == piece.range.end {
            return Ok(Fed::Complete);
        }
    }
    if *position == piece.range.end { Ok(Fed::Complete) } else { Err(incoming.cut_short()) }
}
