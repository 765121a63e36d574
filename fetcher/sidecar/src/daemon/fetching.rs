//! One executor's request for a tree, until it closes the connection.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use fetcher_client::FetchError;
use fetcher_client::cache::{Fetch, Tree};
use fetcher_client::fetch::{FetchOptions, Progress, Request};
use fetcher_client::sidecar::{Failure, Reply, TreeRequest};
use fetcher_formats::digest::Digest;
use fetcher_formats::token::TokenError;
use futures_util::future::BoxFuture;
use futures_util::stream::unfold;
use tokio::select;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::body::Memory;
use super::state::Daemon;
use crate::caller::Caller;

/// Shortest time between two progress reports.
const SHORTEST: Duration = Duration::from_millis(100);
/// Longest time between two reports, below the silence at which executors give up.
const LONGER: Duration = Duration::from_millis(900);

/// How long a tree is held for an executor that neither closes its connection nor locks the tree.
const HELD: Duration = Duration::from_secs(60);
/// The same when the daemon is stopping.
const HELD_AT_THE_END: Duration = Duration::from_secs(5);

/// The most artifact servers of a request.
const MOST_URLS: usize = 16;
/// The longest address of an artifact server, in bytes.
const LONGEST_URL: usize = 2048;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadRequest {
    #[error("the request has {0} URLs: at most {MOST_URLS} are allowed")]
    TooMany(usize),
    #[error("a URL of the request has {0} bytes: at most {LONGEST_URL} are allowed")]
    TooLong(usize),
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// An answer being sent. It is dropped when the executor is gone, which ends the fetch.
enum Answer {
    Fetching(AbortOnDropHandle<Result<Tree, FetchError>>, watch::Receiver<Progress>),
    /// The tree is in the cache and held there.
    Holding(Tree),
    Over,
}

/// Begins the fetch and its answer. The fetch holds `memory` until it ends.
pub(super) fn begin(
    daemon: &Arc<Daemon>,
    caller: Caller,
    wanted: TreeRequest,
    memory: Memory,
) -> Result<Body, BadRequest> {
    check(&wanted.urls)?;
    let lane = lane(caller, &wanted);
    let (sender, progress) = watch::channel(Progress::default());
    let request = Request {
        urls: wanted.urls,
        manifest: wanted.manifest,
        secrets: None,
        token: wanted.token.parse()?,
        target: PathBuf::new(),
    };
    let options = FetchOptions {
        connections: daemon.settings.connections,
        patience: daemon.settings.patience,
        announce: daemon.peer_address(),
        trusted: wanted.trusted.map(String::into_bytes),
        counters: Arc::clone(daemon.cache.counters()),
        ..FetchOptions::default()
    };
    // A task of its own: an executor that does not read its answer must not delay others that wait
    // for the same tree.
    let permits = Arc::clone(&daemon.permits);
    let permission = move || -> BoxFuture<'static, Box<dyn Send>> {
        let permits = Arc::clone(&permits);
        Box::pin(async move { Box::new(permits.acquire(caller).await) as Box<dyn Send> })
    };
    let fetch = Fetch::new(request, options, sender).in_lane(&lane, Box::new(permission));
    let getting = get(Arc::clone(daemon), fetch);
    let got = async move {
        let got = getting.await;
        drop(memory);
        got
    };
    let fetching = AbortOnDropHandle::new(daemon.fetches.spawn(got));
    let (cache, stop) = (daemon.settings.cache.clone(), daemon.stop.clone());
    let lines = unfold(Answer::Fetching(fetching, progress), move |answer| {
        answer.next(cache.clone(), stop.clone())
    });
    Ok(Body::from_stream(lines))
}

fn check(urls: &[String]) -> Result<(), BadRequest> {
    if urls.len() > MOST_URLS {
        return Err(BadRequest::TooMany(urls.len()));
    }
    let longest = urls.iter().map(String::len).max().unwrap_or(0);
    if longest > LONGEST_URL { Err(BadRequest::TooLong(longest)) } else { Ok(()) }
}

/// Only fetches of the same user from the same servers wait for each other, so other users' fetches
/// may be as slow as they like.
fn lane(caller: Caller, wanted: &TreeRequest) -> String {
    let mut urls = wanted.urls.clone();
    urls.sort();
    let trusted = wanted.trusted.as_deref().unwrap_or_default();
    let digest =
        Digest::of(format!("{caller}\n{}\n\n{trusted}", urls.join("\n")).as_bytes()).to_string();
    digest.chars().take(16).collect()
}

async fn get(daemon: Arc<Daemon>, fetch: Fetch) -> Result<Tree, FetchError> {
    let manifest = fetch.request.manifest;
    let got = get_tree(&daemon, &fetch).await;
    match &got {
        Ok(tree) => tracing::info!(%manifest, files = tree.entries.len(), "Tree is in the cache"),
        Err(error) => {
            daemon.cache.counters().fetch_failed(error);
            let (kind, blame) = (error.kind(), error.blame().name());
            tracing::warn!(%manifest, kind, blame, %error, "Cannot fetch a tree");
        }
    }
    got
}

async fn get_tree(daemon: &Daemon, fetch: &Fetch) -> Result<Tree, FetchError> {
    // A tree in the cache needs no permit.
    if let Some(tree) = daemon.cache.tree_if_there(fetch.request.manifest).await? {
        daemon.cache.counters().hit();
        fetch.show_complete(&tree.manifest);
        return Ok(tree);
    }
    daemon.cache.tree(fetch).await
}

impl Answer {
    /// The next line, and the state after it.
    async fn next(
        self,
        cache: PathBuf,
        stop: CancellationToken,
    ) -> Option<(std::io::Result<Bytes>, Self)> {
        match self {
            Self::Fetching(mut fetching, mut progress) => select! {
                biased;
                got = &mut fetching => match got.unwrap_or(Err(FetchError::Stopped)) {
                    Ok(tree) => {
                        let ready = Reply::Ready { cache, tree: tree.path.clone(), was_there: tree.was_there };
                        Some((line(&ready), Self::Holding(tree)))
                    }
                    Err(error) => Some((line(&Reply::Failed(Failure::from(&error))), Self::Over)),
                },
                () = news(&mut progress) => {
                    let latest = *progress.borrow_and_update();
                    Some((line(&Reply::Progress(latest)), Self::Fetching(fetching, progress)))
                }
            },
            Self::Holding(_tree) => {
                select! {
                    () = sleep(HELD) => {}
                    () = async { stop.cancelled().await; sleep(HELD_AT_THE_END).await } => {}
                }
                None
            }
            Self::Over => None,
        }
    }
}

/// Waits until there is something to report.
async fn news(progress: &mut watch::Receiver<Progress>) {
    sleep(SHORTEST).await;
    if let Ok(Err(_)) = timeout(LONGER, progress.changed()).await {
        // The fetch has ended: the outcome is about to come.
        sleep(LONGER).await;
    }
}

fn line(reply: &Reply) -> std::io::Result<Bytes> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    Ok(Bytes::from(line))
}
