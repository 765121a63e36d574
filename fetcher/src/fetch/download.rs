//! Downloading the manifest and every piece of every blob.

use std::cmp::Reverse;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::stream::{self, FuturesUnordered};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::error::FetchError;
use super::frontier::Feed;
use super::meter::Meter;
use super::notices::Notices;
use super::origin::{Found, Incoming, Origins};
use super::peers::{Chosen, Peers};
use super::piece::Piece;
use super::retry::{Attempts, Mirrors};
use super::trail::Trail;
use super::writer::{WriteError, Writer};
use super::{FetchOptions, blocking};
use crate::digest::Digest;
use crate::manifest::{Blob, MAX_ENCODED, Manifest};

/// Frames (of up to 400 KiB) on their way from a connection to its writer.
const FRAMES: usize = 4;
/// Files under way at the same time; most wait for a connection.
const FILES: usize = 32;

/// Peers that the server may name one after another before it has to serve itself.
const NAMED: usize = 2;

/// One fetch from one set of servers.
pub(crate) struct Download {
    origins: Origins,
    mirrors: Mirrors,
    peers: Peers,
    meter: Arc<Meter>,
    options: FetchOptions,
    /// One permit per request under way.
    connections: Semaphore,
    /// Pieces that have been begun, to share them out among the servers.
    begun: AtomicUsize,
}

/// Where content goes.
pub(crate) trait Store: Send + Sync + 'static {
    /// Called off the async threads when everything in a file is there and verified.
    fn complete(&self, target: &Target) -> Result<(), FetchError>;
}

/// A file to be filled.
#[derive(Debug)]
pub(crate) struct Target {
    /// An existing file.
    pub(crate) path: PathBuf,
    pub(crate) blob: Arc<Blob>,
    /// What is not there yet.
    missing: Vec<Piece>,
    /// Who reads it meanwhile.
    feed: Option<Arc<Feed>>,
}

impl Target {
    /// A file with nothing in it.
    pub(crate) fn empty(path: PathBuf, blob: Blob) -> Self {
        Self::with(path, blob, |_| false)
    }

    /// Lets it be read while it comes; `feed` has begun.
    pub(crate) fn feeding(self, feed: Option<Feed>) -> Self {
        Self { feed: feed.map(Arc::new), ..self }
    }

    /// A file with some chunks in it that have been verified.
    pub(crate) fn with(path: PathBuf, blob: Blob, is_there: impl Fn(usize) -> bool) -> Self {
        let blob = Arc::new(blob);
        let missing = Piece::missing(&blob, is_there);
        Self { path, blob, missing, feed: None }
    }
}

impl Download {
    pub(super) fn new(origins: Origins, meter: Arc<Meter>, options: FetchOptions) -> Self {
        let mirrors = Mirrors::new(origins.count());
        let connections = Semaphore::new(options.connections.max(1));
        let peers = Peers::new(&options, Notices::to(&origins, options.announce));
        Self { origins, mirrors, peers, meter, options, connections, begun: AtomicUsize::new(0) }
    }

    /// The manifest of that name.
    pub(crate) async fn manifest(&self, digest: Digest) -> Result<Manifest, FetchError> {
        let mut attempts = Attempts::new(0, &self.mirrors, &self.meter, &self.options, &self.peers.news);
        let path = format!("/v1/manifests/{digest}");
        loop {
            let limit = self.options.manifest_time;
            let got = match timeout(limit, self.manifest_from(attempts.origin(), &path, digest)).await {
                Ok(got) => got,
                Err(_) => Err(FetchError::Network {
                    url: path.clone(),
                    bytes: 0,
                    reason: format!("the manifest did not come within {} s", limit.as_secs()),
                }),
            };
            match got {
                Ok(manifest) => return Ok(manifest),
                Err(error) => attempts.after(error).await?,
            }
        }
    }

    async fn manifest_from(&self, origin: usize, path: &str, expected: Digest) -> Result<Manifest, FetchError> {
        let mut incoming = self.origins.get(origin, path, None).await?;
        let mut encoded = Vec::new();
        while let Some(bytes) = incoming.next().await? {
            self.options.counters.received(incoming.source, bytes.len() as u64);
            encoded.extend_from_slice(&bytes);
            if encoded.len() > MAX_ENCODED {
                let (expected, seen) = (MAX_ENCODED as u64, encoded.len() as u64);
                return Err(FetchError::Size { url: incoming.url, expected, seen });
            }
        }
        // A large one takes a while, during which the async threads have others to serve.
        blocking(move || {
            let seen = Digest::of(&encoded);
            if seen != expected {
                return Err(FetchError::Digest { url: incoming.url, expected, seen, bytes: encoded.len() as u64 });
            }
            Manifest::decode(&encoded).map_err(|source| FetchError::Manifest { url: incoming.url, source })
        })
        .await
    }

    /// Every target, several pieces at a time, large files first.
    pub(crate) async fn targets<S: Store>(&self, mut targets: Vec<Target>, store: &Arc<S>) -> Result<(), FetchError> {
        targets.sort_by_key(|target| Reverse(target.blob.size));
        let targets = targets.into_iter().map(|target| self.target(target, store));
        stream::iter(targets).buffer_unordered(FILES).try_collect().await
    }

    /// One file.
    pub(crate) async fn target<S: Store>(&self, target: Target, store: &Arc<S>) -> Result<(), FetchError> {
        let pieces: FuturesUnordered<_> =
            target.missing.iter().map(|piece| self.piece(piece, &target, store)).collect();
        pieces.try_collect::<()>().await?;
        let store = Arc::clone(store);
        tokio::task::spawn_blocking(move || store.complete(&target)).await.map_err(|_| FetchError::Stopped)??;
        self.meter.file_done();
        Ok(())
    }

    /// Tells the servers that this host holds a content, or the tree of that name, and serves it to others.
    pub(crate) fn announce(&self, digest: Digest) {
        self.peers.announce(digest);
    }

    /// One piece, begun anew elsewhere when wrong bytes come.
    async fn piece<S: Store>(&self, piece: &Piece, target: &Target, store: &Arc<S>) -> Result<(), FetchError> {
        let Ok(_permit) = self.connections.acquire().await else { return Err(FetchError::Stopped) };
        let origin = self.begun.fetch_add(1, Ordering::Relaxed) % self.origins.count();
        let mut attempts = Attempts::new(origin, &self.mirrors, &self.meter, &self.options, &self.peers.news);
        let mut with_peers = true;
        loop {
            let (frames, written) = self.write(piece.clone(), target, Arc::clone(store));
            let trail = self.feed(piece, frames, &mut attempts, with_peers).await?;
            match written.await.map_err(|_| FetchError::Stopped)? {
                Ok(()) => {
                    trail.peers_in(&piece.range).for_each(|peer| self.peers.served(peer));
                    return Ok(());
                }
                Err(WriteError::Digest { expected, seen, range }) => {
                    let bytes = range.end - range.start;
                    let error = FetchError::Digest { url: trail.url.clone(), expected, seen, bytes };
                    // Their bytes are nobody else's fault.
                    let peers: Vec<Chosen> = trail.peers_in(&range).collect();
                    for peer in &peers {
                        with_peers = false;
                        self.peers.failed(*peer, &piece.blob.digest, &error);
                    }
                    if peers.is_empty() {
                        attempts.after(error).await?;
                    }
                }
                Err(WriteError::Disk(error)) => return Err(error),
                Err(WriteError::Incomplete) => return Err(FetchError::Stopped),
            }
        }
    }

    fn write<S: Store>(
        &self,
        piece: Piece,
        target: &Target,
        store: Arc<S>,
    ) -> (mpsc::Sender<Bytes>, JoinHandle<Result<(), WriteError>>) {
        let (sender, frames) = mpsc::channel(FRAMES);
        let meter = Arc::clone(&self.meter);
        let (path, feed) = (target.path.clone(), target.feed.clone());
        let written = tokio::task::spawn_blocking(move || {
            let written = Writer::open(path, &piece, feed).map_err(WriteError::Disk)?.run(frames, &meter);
            // Held until here so that nothing is removed under the writer.
            drop(store);
            written
        });
        (sender, written)
    }

    /// Hands the bytes of a piece to its writer, over as many connections as it takes. Returns who sent them, also when
    /// the writer has refused them.
    async fn feed(
        &self,
        piece: &Piece,
        frames: mpsc::Sender<Bytes>,
        attempts: &mut Attempts<'_>,
        with_peers: bool,
    ) -> Result<Trail, FetchError> {
        let mut trail = Trail::new(blob_path(piece));
        let mut position = piece.range.start;
        while position < piece.range.end {
            let part = (position > 0 || !piece.is_whole()).then_some(position..piece.range.end);
            let (peer, incoming) = self.ask(piece, part, attempts.origin(), with_peers).await;
            trail.step(position, peer);
            let fed = match incoming {
                Ok(incoming) => {
                    trail.url.clone_from(&incoming.url);
                    feed_from(incoming, piece, &mut position, &frames, attempts).await
                }
                Err(error) => Err(error),
            };
            match (fed, peer) {
                (Ok(Fed::Complete), _) => {}
                (Ok(Fed::Refused), _) => break,
                // It goes on at once with somebody else.
                (Err(error), Some(peer)) => self.peers.failed(peer, &piece.blob.digest, &error),
                (Err(error), None) => attempts.after(error).await?,
            }
        }
        Ok(trail)
    }

    /// Asks for a part of a blob: a peer that is known, or the server, or the peer that the server names.
    async fn ask(
        &self,
        piece: &Piece,
        part: Option<Range<u64>>,
        origin: usize,
        with_peers: bool,
    ) -> (Option<Chosen>, Result<Incoming, FetchError>) {
        let (digest, path) = (&piece.blob.digest, blob_path(piece));
        if let Some(follow) = self.peers.header.as_deref().filter(|_| with_peers) {
            if let Some(peer) = self.peers.guess(digest) {
                return (Some(peer), self.peers.get(peer, &piece.blob, part).await);
            }
            let mut avoid = None;
            for _ in 0..NAMED {
                let address = match self.origins.get_or_follow(origin, &path, part.clone(), follow, avoid).await {
                    Ok(Found::Here(incoming)) => return (None, Ok(*incoming)),
                    Ok(Found::AtPeer(address)) => address,
                    Err(error) => return (None, Err(error)),
                };
                if let Some(peer) = self.peers.follow(address, digest) {
                    return (Some(peer), self.peers.get(peer, &piece.blob, part).await);
                }
                avoid = Some(address);
            }
        }
        (None, self.origins.get(origin, &path, part).await)
    }
}

fn blob_path(piece: &Piece) -> String {
    format!("/v1/blobs/{}", piece.blob.digest)
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
        attempts.received(incoming.source, bytes.len() as u64);
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
