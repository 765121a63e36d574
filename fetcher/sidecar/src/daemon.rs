//! The daemon: the cache, the connections that it serves, and its life from the first lock to the
//! last byte.
//!
//! ```text
//! locks its socket's path → opens the cache → listens → READY
//! SIGTERM or SIGINT → STOPPING, stops listening → running fetches get the grace → exit
//! ```
//!
//! One thread does everything that waits. Blocking work (writing, hashing, unpacking) is on threads
//! that end when idle. An idle daemon only wakes up for the watchdog.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use common::descriptors;
use fetcher_client::cache::Cache;
use fetcher_client::fetch::UNPACKED_AT_ONCE;
use fetcher_client::sidecar::{Connection, SidecarError};
use fetcher_server::{Metrics, PeerOptions, PeerServer, ServerError};
use hyper::Method;
use tokio::select;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cache::open_cache;
use crate::settings::{Settings, human_bytes};
use crate::usage::Usages;
use crate::wire::HEALTH;
use body::Memory;
use permits::Permits;
use socket::Socket;
use state::Daemon;

pub use metrics::reference as metrics_reference;

mod body;
mod fetching;
mod metrics;
mod permits;
mod routes;
mod serving;
mod socket;
mod state;
mod systemd;

/// Threads for blocking work besides fetches.
const SPARE_THREADS: usize = 16;

/// Runs the daemon until it gets a signal to stop.
pub fn run(settings: Settings) -> anyhow::Result<()> {
    // A fetch writes on as many threads as it has connections, and unpacks on some more. With fewer
    // threads, fetches could deadlock waiting for each other.
    let threads = settings.fetches * (settings.connections + UNPACKED_AT_ONCE) + SPARE_THREADS;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(threads)
        .thread_keep_alive(Duration::from_secs(1))
        .build()?;
    runtime.block_on(live(settings))
}

async fn live(settings: Settings) -> anyhow::Result<()> {
    // Files made here must be readable for others, whatever umask we were started with.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    if let Err(error) = descriptors::raise() {
        tracing::warn!(%error, "Cannot raise the limit of open files");
    }
    let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let socket = Socket::take(&settings.socket).await?;
    let cache = open(&settings).await?;
    let grace = settings.grace;
    let daemon = Arc::new(Daemon {
        started: Instant::now(),
        permits: Arc::new(Permits::new(settings.fetches)),
        memory: Memory::all(),
        healthy: Arc::new(AtomicBool::new(true)),
        fetches: TaskTracker::new(),
        stop: CancellationToken::new(),
        peers: OnceLock::new(),
        usages: Usages::default(),
        cache,
        settings,
    });
    serve_other_hosts(&daemon).await?;
    say_hello(&daemon);
    let mut serving = pin!(serve_this_host(&daemon, &socket)?);
    systemd::ready();
    select! {
        () = &mut serving => anyhow::bail!("the daemon no longer listens"),
        name = stop_signal(signals) => tracing::info!(signal = name, "Daemon is stopping"),
        () = systemd::keep_watchdog_quiet(async || answers(&daemon.settings.socket).await) => {}
    }
    systemd::stopping();
    daemon.stop.cancel();
    daemon.fetches.close();
    let ended = select! {
        ended = timeout(grace, serving) => ended,
        () = systemd::keep_watchdog_quiet(async || true) => return Ok(()),
    };
    if ended.is_err() {
        tracing::warn!(fetches = daemon.fetches.len(), "Aborting fetches that did not end in time");
    }
    tracing::info!("Daemon stopped");
    Ok(())
}

/// Logs where the daemon can be reached, and its settings.
fn say_hello(daemon: &Daemon) {
    let settings = &daemon.settings;
    tracing::info!(
        socket = %settings.socket.display(),
        cache = %settings.cache.display(),
        budget = %human_bytes(settings.budget),
        listen = daemon.peer_address().map(tracing::field::display),
        "flink-mesos-fetcher {} started",
        common::version!()
    );
}

async fn open(settings: &Settings) -> anyhow::Result<Cache> {
    let cache = open_cache(settings).await?.leaving_spare();
    let tidying = cache.clone();
    if let Err(error) = tokio::task::spawn_blocking(move || tidying.remove_leftovers()).await? {
        tracing::warn!(%error, "Cannot remove what an earlier process left in the cache");
    }
    Ok(cache)
}

/// Whether a daemon answers at the socket.
async fn answers(socket: &Path) -> bool {
    let asked = async {
        let mut daemon = Connection::open(socket).await?;
        daemon.request(Method::GET, HEALTH, Vec::new(), None).await.map(drop)
    };
    asked
        .await
        .inspect_err(|error: &SidecarError| tracing::debug!(%error, "Sent a request to the socket"))
        .is_ok()
}

/// Serves executors until the daemon stops and all connections have ended.
fn serve_this_host(
    daemon: &Arc<Daemon>,
    socket: &Socket,
) -> io::Result<impl Future<Output = ()> + use<>> {
    let routes = routes::for_this_host(Arc::clone(daemon));
    Ok(serving::serve(socket.listener()?, routes, daemon.stop.clone(), Arc::clone(&daemon.healthy)))
}

/// Serves the cache's contents, and metrics, to other machines if configured, until the daemon is
/// dropped.
async fn serve_other_hosts(daemon: &Arc<Daemon>) -> Result<(), ServerError> {
    let Some(bind) = daemon.settings.listen else { return Ok(()) };
    let itself = Arc::downgrade(daemon);
    let metrics: Metrics = Arc::new(move || {
        let daemon = itself.upgrade();
        Box::pin(async move {
            let Some(daemon) = daemon else { return String::new() };
            daemon.metrics().await.unwrap_or_else(|error| {
                tracing::error!(%error, "Cannot collect metrics");
                String::new()
            })
        })
    });
    let options =
        PeerOptions { bind, healthy: Arc::clone(&daemon.healthy), ..PeerOptions::default() };
    let server = PeerServer::start(options, daemon.cache.clone(), Some(metrics)).await?;
    daemon.peers.get_or_init(|| server);
    Ok(())
}

async fn stop_signal((mut terminate, mut interrupt): (Signal, Signal)) -> &'static str {
    select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
