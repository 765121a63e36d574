//! What to fetch, and how.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use common::rate::RateFloor;
use fetcher_formats::digest::Digest;
use fetcher_formats::token::Token;

use crate::counters::Counters;

/// What to fetch, from where, to where.
#[derive(Debug, Clone)]
pub struct Request {
    /// Base URLs of artifact servers. Each has all content, and any can serve any part.
    pub urls: Vec<String>,
    /// Digest of the tree's manifest. The host's cache and its sidecar may know it.
    pub manifest: Digest,
    /// Digest of the manifest of the tree's secrets, if it has any: see
    /// [`Manifest::split`](fetcher_formats::manifest::Manifest::split).
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
    /// Peer port of this host, announced with everything fetched into the cache. The server
    /// replaces an unspecified address by the one that it sees.
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
    /// Four connections; peers of at least 64 KiB/s over five seconds; two minutes of patience, ten
    /// with busy servers, half a minute with a sidecar.
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
