//! Download the manifest and every piece of every blob.

use std::cmp::Reverse;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use fetcher_formats::digest::Digest;
use fetcher_formats::manifest::{Blob, Entry, MAX_ENCODED, Manifest};
use futures_util::stream::{self, FuturesUnordered};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::frontier::Feed;
use super::meter::Meter;
use super::notices::Notices;
use super::options::FetchOptions;
use super::origin::{Found, Incoming, Origins};
use super::peers::{Chosen, Peers};
use super::piece::Piece;
use super::retry::{Attempts, Mirrors};
use super::trail::Trail;
use super::writer::{WriteError, Writer};
use crate::blocking::blocking;
use crate::error::FetchError;

/// Frames (of up to 400 KiB) that may wait between a connection and its writer.
const FRAMES: usize = 4;
/// Files at the same time; most wait for a connection.
const FILES: usize = 32;

/// How many peers in a row a server may redirect to before it must serve the content itself.
const REDIRECTS_IN_A_ROW: usize = 2;

/// Path of the manifest of the secrets. Unlike other manifests it is not requested by digest,
/// because errors with the path are public.
const SECRETS: &str = "/v1/secrets";
/// Its name in errors.
const LIST_OF_SECRETS: &str = "the list of secrets";

/// One fetch from one set of servers.
pub(crate) struct Download {
    origins: Origins,
    mirrors: Mirrors,
    peers: Peers,
    meter: Arc<Meter>,
    options: FetchOptions,
    /// One permit per running request.
    connections: Semaphore,
    /// Number of pieces begun, to distribute them among the servers.
    begun: AtomicUsize,
}

/// The destination of content.
pub(crate) trait Store: Send + Sync + 'static {
    /// Called off the async threads once a file is complete and verified.
    fn complete(&self, target: &Target) -> Result<(), FetchError>;
}

/// A file to fill.
#[derive(Debug)]
pub(crate) struct Target {
    /// An existing file.
    pub(crate) path: PathBuf,
    pub(crate) blob: Arc<Blob>,
    /// What is still missing.
    missing: Vec<Piece>,
    /// Allows reading the file meanwhile.
    feed: Option<Arc<Feed>>,
    /// What errors call the file if it is a secret.
    secret: Option<String>,
}

impl Target {
    /// An empty file.
    pub(crate) fn empty(path: PathBuf, blob: Blob) -> Self {
        Self::with(path, blob, |_| false)
    }

    /// Allows reading the file while it is being downloaded; `feed` has begun.
    pub(crate) fn feeding(self, feed: Option<Feed>) -> Self {
        Self { feed: feed.map(Arc::new), ..self }
    }

    /// The file of this entry, which may be a secret.
    pub(crate) fn named(self, entry: &Entry) -> Self {
        Self { secret: entry.secret.then(|| format!("secret {}", entry.path)), ..self }
    }

    /// A file in which some chunks exist and were verified.
    pub(crate) fn with(path: PathBuf, blob: Blob, is_there: impl Fn(usize) -> bool) -> Self {
        let blob = Arc::new(blob);
        let missing = Piece::missing(&blob, is_there);
        Self { path, blob, missing, feed: None, secret: None }
    }
}

impl Download {
    pub(super) fn new(origins: Origins, meter: Arc<Meter>, options: FetchOptions) -> Self {
        let mirrors = Mirrors::new(origins.count());
        let connections = Semaphore::new(options.connections.max(1));
        let peers = Peers::new(&options, Notices::to(&origins, options.announce));
        Self { origins, mirrors, peers, meter, options, connections, begun: AtomicUsize::new(0) }
    }

    /// Fetches the manifest with this digest.
    pub(crate) async fn manifest(&self, digest: Digest) -> Result<Manifest, FetchError> {
        self.manifest_at(&format!("/v1/manifests/{digest}"), digest, None).await
    }

    /// Adds the secrets to a manifest, if there are any.
    pub(crate) async fn with_secrets(
        &self,
        shared: Manifest,
        secrets: Option<Digest>,
    ) -> Result<Manifest, FetchError> {
        let Some(digest) = secrets else { return Ok(shared) };
        let secrets = self.manifest_at(SECRETS, digest, Some(LIST_OF_SECRETS)).await?;
        let error = |source| {
            FetchError::Manifest { url: SECRETS.to_owned(), source }.of_secret(LIST_OF_SECRETS)
        };
        blocking(move || shared.with_secrets(&secrets).map_err(error)).await
    }

    async fn manifest_at(
        &self,
        path: &str,
        digest: Digest,
        secret: Option<&str>,
    ) -> Result<Manifest, FetchError> {
        let mut attempts = self.attempts(0, secret);
        loop {
            let limit = self.options.manifest_time;
            let got =
                match timeout(limit, self.manifest_from(attempts.origin(), path, digest)).await {
                    Ok(got) => got,
                    Err(_) => Err(FetchError::Network {
                        url: path.to_owned(),
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

    async fn manifest_from(
        &self,
        origin: usize,
        path: &str,
        expected: Digest,
    ) -> Result<Manifest, FetchError> {
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
        // Decoding a large manifest takes a while, and the async threads must serve others.
        blocking(move || {
            let seen = Digest::of(&encoded);
            if seen != expected {
                return Err(FetchError::Digest {
                    url: incoming.url,
                    expected,
                    seen,
                    bytes: encoded.len() as u64,
                });
            }
            Manifest::decode(&encoded)
                .map_err(|source| FetchError::Manifest { url: incoming.url, source })
        })
        .await
    }

    /// Fetches every target, several pieces at a time, large files first.
    pub(crate) async fn targets<S: Store>(
        &self,
        mut targets: Vec<Target>,
        store: &Arc<S>,
    ) -> Result<(), FetchError> {
        targets.sort_by_key(|target| Reverse(target.blob.size));
        let targets = targets.into_iter().map(|target| self.target(target, store));
        stream::iter(targets).buffer_unordered(FILES).try_collect().await
    }

    /// Fetches one file.
    pub(crate) async fn target<S: Store>(
        &self,
        target: Target,
        store: &Arc<S>,
    ) -> Result<(), FetchError> {
        let pieces: FuturesUnordered<_> =
            target.missing.iter().map(|piece| self.piece(piece, &target, store)).collect();
        pieces.try_collect::<()>().await?;
        let store = Arc::clone(store);
        tokio::task::spawn_blocking(move || store.complete(&target))
            .await
            .map_err(|_| FetchError::Stopped)??;
        self.meter.file_done();
        Ok(())
    }

    /// Announces to the servers that this host serves this content, or the whole tree of this
    /// digest.
    pub(crate) fn announce(&self, digest: Digest) {
        self.peers.announce(digest);
    }

    /// Attempts that begin with server number `origin`. `secret` is the name of what is fetched, if
    /// it is a secret.
    fn attempts<'a>(&'a self, origin: usize, secret: Option<&'a str>) -> Attempts<'a> {
        let attempts =
            Attempts::new(origin, &self.mirrors, &self.meter, &self.options, &self.peers.news);
        attempts.of_secret(secret)
    }

    /// Fetches one piece, again from another source if the bytes are wrong.
    async fn piece<S: Store>(
        &self,
        piece: &Piece,
        target: &Target,
        store: &Arc<S>,
    ) -> Result<(), FetchError> {
        let Ok(_permit) = self.connections.acquire().await else { return Err(FetchError::Stopped) };
        let origin = self.begun.fetch_add(1, Ordering::Relaxed) % self.origins.count();
        let mut attempts = self.attempts(origin, target.secret.as_deref());
        // A peer must not learn from the request which digest a secret has.
        let mut with_peers = target.secret.is_none();
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
                    let error =
                        FetchError::Digest { url: trail.url.clone(), expected, seen, bytes };
                    // Wrong bytes of peers do not count against the server.
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
            let written =
                Writer::open(path, &piece, feed).map_err(WriteError::Disk)?.run(frames, &meter);
            // Held until here so that nothing is removed while the writer runs.
            drop(store);
            written
        });
        (sender, written)
    }

    /// Passes the bytes of a piece to its writer, over as many connections as needed. Returns who
    /// sent them, even if the writer has rejected them.
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
                // The next source continues at once.
                (Err(error), Some(peer)) => self.peers.failed(peer, &piece.blob.digest, &error),
                (Err(error), None) => attempts.after(error).await?,
            }
        }
        Ok(trail)
    }

    /// Requests a part of a blob: from a known peer, from the server, or from the peer that the
    /// server redirects to.
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
            for _ in 0..REDIRECTS_IN_A_ROW {
                let address = match self
                    .origins
                    .get_or_follow(origin, &path, part.clone(), follow, avoid)
                    .await
                {
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
    /// All requested bytes were sent.
    Complete,
    /// The writer accepts no more; it returns the reason.
    Refused,
}

/// Passes on what one connection brings, and advances `position`.
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
    // A server without range support also sends what follows this piece.
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
