//! The peer server: serves the contents of this host's cache to other hosts.
//!
//! ```text
//! /v1/blobs/<name>     a complete content of the cache   by BlobName, which only clients with a manifest know
//! /metrics             the metrics of this process       if there are any
//! /healthz             "ok"
//! ```
//!
//! It requires no token: the cache contains no secrets, and clients verify what they receive.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use common::log_rate_limit::Quiet;
use common::rate::RateFloor;
use fetcher_client::Cache;
use fetcher_formats::manifest::BlobName;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::answer::{Answer, Body, Status};
use crate::connection::{Client, Shared, Site};
use crate::error::ServerError;
use crate::file::{self, FOREVER};
use crate::listening::{accept, listen};
use crate::request::Head;

/// How a peer server listens, and its limits.
#[derive(Debug, Clone)]
pub struct PeerOptions {
    /// Address to listen on; port 0 means any free port.
    pub bind: SocketAddr,
    /// Files sent at the same time; further requests are answered with 503 and `Retry-After`.
    pub max_streams: usize,
    /// How many of them may go to one address.
    pub max_streams_each: usize,
    /// The most open connections, if the system allows as many (see [`common::descriptors`]); a
    /// quarter of them may come from one address. Beyond that, a connection without a request is
    /// closed; if there is none, the new one gets a 503.
    pub max_connections: usize,
    /// Slowest accepted rate of a client.
    pub floor: RateFloor,
    /// How long a connection may stay without a request.
    pub idle: Duration,
    /// The health that `/healthz` reports.
    pub healthy: Arc<AtomicBool>,
}

impl Default for PeerOptions {
    /// Any free port on all addresses, 8 streams, 4 of them to one address, 1024 connections, 64
    /// KiB/s over 10 seconds.
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([0, 0, 0, 0], 0)),
            max_streams: 8,
            max_streams_each: 4,
            max_connections: 1024,
            floor: RateFloor { bytes_per_second: 64 << 10, window: Duration::from_secs(10) },
            idle: Duration::from_secs(30),
            healthy: Arc::new(AtomicBool::new(true)),
        }
    }
}

/// Renders the metrics of this process in Prometheus's text format; this may read the disk.
pub type Metrics = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// A running peer server. Dropping it stops it at once, with all transfers.
pub struct PeerServer {
    address: SocketAddr,
    shared: Arc<Shared<Shelf>>,
    stop: CancellationToken,
    accepting: JoinHandle<()>,
}

impl PeerServer {
    /// Starts serving the contents of `cache`, and `/metrics` if given.
    pub async fn start(
        options: PeerOptions,
        cache: Cache,
        metrics: Option<Metrics>,
    ) -> Result<Self, ServerError> {
        let (listener, address) = listen("peer server", options.bind).await?;
        let shared = Arc::new(Shared {
            site: Shelf { cache, metrics, healthy: options.healthy, trouble: Quiet::default() },
            streams: Semaphore::new(options.max_streams),
            max_streams: options.max_streams,
            max_streams_each: options.max_streams_each,
            streams_of_each: Mutex::default(),
            idle: options.idle,
            floor: options.floor,
            acceptor: None,
            sent: AtomicU64::new(0),
        });
        tracing::info!(%address, "Peer server started");
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(accept(
            listener,
            Arc::clone(&shared),
            options.max_connections,
            stop.clone(),
        ));
        Ok(Self { address, shared, stop, accepting })
    }

    /// The address that it listens on, to be announced. It may be unspecified.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes of contents sent to peers since the start, without headers.
    pub fn bytes_sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Number of contents being sent.
    pub fn streams(&self) -> usize {
        self.shared.streams()
    }

    /// Stops listening, and ends all transfers.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.accepting).await {
            tracing::error!(%error, "The peer server failed while stopping");
        }
    }
}

impl fmt::Debug for PeerServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PeerServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for PeerServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What the server serves.
struct Shelf {
    cache: Cache,
    metrics: Option<Metrics>,
    healthy: Arc<AtomicBool>,
    trouble: Quiet,
}

impl Site for Shelf {
    async fn answer(&self, head: &Head, _client: Client, _streams: usize) -> Answer {
        match (head.path.as_str(), &self.metrics) {
            ("/healthz", _) if self.healthy.load(Ordering::Relaxed) => {
                Answer::text(Status::Ok, "ok")
            }
            ("/healthz", _) => {
                Answer::text(Status::Unavailable, "the socket accepts no connection")
            }
            ("/metrics", Some(metrics)) => Answer::new(
                Status::Ok,
                "text/plain; version=0.0.4",
                Body::Bytes(Bytes::from(metrics().await)),
            ),
            (path, _) => match path.strip_prefix("/v1/blobs/").map(str::parse) {
                Some(Ok(name)) => self.content(name, head).await,
                _ => not_found(),
            },
        }
    }
}

impl Shelf {
    async fn content(&self, name: BlobName, head: &Head) -> Answer {
        let cache = self.cache.clone();
        match tokio::task::spawn_blocking(move || cache.open_content(&name)).await {
            Ok(Ok(Some(opened))) => file::answer(opened, &format!("\"{name}\""), FOREVER, head),
            Ok(Ok(None)) => not_found(),
            Ok(Err(error)) => {
                if let Some(before) = self.trouble.now() {
                    tracing::error!(%error, before, "Cannot read a file of the cache");
                }
                Answer::text(Status::Internal, "the file cannot be read")
            }
            Err(_) => Answer::text(Status::Unavailable, "the server is stopping").closing(),
        }
    }
}

fn not_found() -> Answer {
    Answer::text(Status::NotFound, "no such content")
}
