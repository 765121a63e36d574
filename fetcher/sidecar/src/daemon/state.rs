//! What all connections of the daemon share.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use fetcher_client::cache::Cache;
use fetcher_client::{FetchError, blocking};
use fetcher_server::PeerServer;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::metrics;
use super::permits::Permits;
use crate::settings::Settings;
use crate::status::{Running, Status};
use crate::usage::Usages;

/// The running daemon.
pub(super) struct Daemon {
    pub(super) settings: Settings,
    pub(super) cache: Cache,
    pub(super) started: Instant,
    /// One permit per tree being fetched.
    pub(super) permits: Arc<Permits>,
    /// Memory for requests with large certificates, in bytes.
    pub(super) memory: Arc<Semaphore>,
    /// Whether connections can be accepted.
    pub(super) healthy: Arc<AtomicBool>,
    /// The fetches that have not ended.
    pub(super) fetches: TaskTracker,
    pub(super) stop: CancellationToken,
    /// The server for other machines, if configured.
    pub(super) peers: OnceLock<PeerServer>,
    pub(super) usages: Usages,
}

impl Daemon {
    /// The port that other hosts fetch from.
    pub(super) fn peer_address(&self) -> Option<SocketAddr> {
        self.peers.get().map(PeerServer::address)
    }

    /// The metrics in Prometheus's format.
    pub(super) async fn metrics(&self) -> Result<String, FetchError> {
        Ok(metrics::text(&self.status().await?))
    }

    pub(super) async fn status(&self) -> Result<Status, FetchError> {
        let running = Running {
            pid: std::process::id(),
            uptime_seconds: self.started.elapsed().as_secs_f64(),
            fetches_in_flight: self.fetches.len(),
            peer_streams: self.peers.get().map_or(0, PeerServer::streams),
            bytes_to_peers: self.peers.get().map_or(0, PeerServer::bytes_sent),
            counts: self.cache.counters().counts(),
            task_managers: self.usages.now(),
        };
        let cache = self.cache.clone();
        blocking(move || Status::look(&cache, Some(running)).map_err(FetchError::Disk)).await
    }
}
