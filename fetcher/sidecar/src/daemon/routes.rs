//! The daemon's routes, and who may use them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::ConnectInfo;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use common::files::LARGEST_CERTIFICATES;
use fetcher_client::cache::{Removed, Verified};
use fetcher_client::sidecar::{FETCH, TreeRequest, USAGE};
use fetcher_client::{FetchError, blocking};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::state::Daemon;
use super::{fetching, metrics};
use crate::caller::Caller;
use crate::status::Status;
use crate::usage::Usage;
use crate::wire::{GC, HEALTH, Keep, STATUS, VERIFY};

/// Time limit for a request's body; those of our clients have a few hundred bytes.
const BODY: Duration = Duration::from_secs(10);

/// The largest body of a request without certificates, in bytes.
const LARGEST: usize = 64 << 10;
/// The largest one with certificates. A line end of theirs has two characters in JSON.
const LARGEST_WITH_CERTIFICATES: usize = LARGEST_CERTIFICATES as usize + 4 * LARGEST;
/// How many of the largest fit into the memory for bodies with certificates.
const MOST_WITH_CERTIFICATES: usize = 4;

/// A request's body, if it arrives in time.
struct Body<T>(T);

/// Memory for a body that is larger than usual, until its fetch has ended. Connections share a
/// small amount: an executor that gets none fetches by itself.
pub(super) struct Memory(#[expect(dead_code, reason = "held")] Option<OwnedSemaphorePermit>);

impl Memory {
    /// The memory for all such bodies, in bytes.
    pub(super) fn all() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(MOST_WITH_CERTIFICATES * LARGEST_WITH_CERTIFICATES))
    }
}

impl FromRequestParts<Arc<Daemon>> for Memory {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(
        parts: &mut Parts,
        daemon: &Arc<Daemon>,
    ) -> Result<Self, Self::Rejection> {
        let length = parts.headers.get(header::CONTENT_LENGTH);
        // Without a length, the body may have any.
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let length = length.unwrap_or(usize::MAX).min(LARGEST_WITH_CERTIFICATES);
        if length <= LARGEST {
            return Ok(Self(None));
        }
        let memory = Arc::clone(&daemon.memory).try_acquire_many_owned(length as u32);
        memory.map(|memory| Self(Some(memory))).map_err(|_| {
            let why = "too many requests with large certificates are being answered; try again\n";
            (StatusCode::SERVICE_UNAVAILABLE, why)
        })
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match timeout(BODY, Json::from_request(request, state)).await {
            Ok(Ok(Json(body))) => Ok(Self(body)),
            Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let why = format!(
                    "the request is too large: allowed are {LARGEST} bytes, and \
                     {LARGEST_WITH_CERTIFICATES} for a fetch with certificates\n"
                );
                Err((StatusCode::PAYLOAD_TOO_LARGE, why).into_response())
            }
            Ok(Err(rejection)) => Err(rejection.into_response()),
            Err(_) => Err((StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time\n")
                .into_response()),
        }
    }
}

/// The routes for executors and people on this host.
pub(super) fn for_this_host(daemon: Arc<Daemon>) -> Router {
    let for_the_owner =
        Router::new().route(GC, post(gc)).route(VERIFY, post(verify)).layer(from_fn(owner_only));
    let for_all = Router::new()
        .route(FETCH, post(fetch).layer(DefaultBodyLimit::max(LARGEST_WITH_CERTIFICATES)))
        .route(USAGE, post(usage))
        .route(STATUS, get(status))
        .route("/metrics", get(show_metrics))
        .route(HEALTH, get(async || "ok"));
    let all = for_all.merge(for_the_owner).layer(DefaultBodyLimit::max(LARGEST));
    all.with_state(daemon)
}

/// Rejects callers other than root and the daemon's own user: only they may remove files that
/// others use.
async fn owner_only(
    ConnectInfo(caller): ConnectInfo<Caller>,
    request: Request,
    next: Next,
) -> Response {
    if caller.is_root() || caller.is_ourselves() {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "only root and the daemon's own user may do that\n").into_response()
}

async fn fetch(
    State(daemon): State<Arc<Daemon>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    memory: Memory,
    Body(request): Body<TreeRequest>,
) -> Response {
    match fetching::begin(&daemon, caller, request, memory) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

async fn usage(
    State(daemon): State<Arc<Daemon>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    Body(usage): Body<Usage>,
) -> Response {
    match daemon.usages.record(caller, usage) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refused) => (refused.status(), format!("{refused}\n")).into_response(),
    }
}

async fn status(State(daemon): State<Arc<Daemon>>) -> Result<Json<Status>, Trouble> {
    Ok(Json(daemon.status().await?))
}

async fn gc(
    State(daemon): State<Arc<Daemon>>,
    Body(keep): Body<Keep>,
) -> Result<Json<Removed>, Trouble> {
    let keep = keep.bytes.unwrap_or(daemon.settings.budget);
    Ok(Json(daemon.cache.collect_garbage(keep).await?))
}

async fn verify(State(daemon): State<Arc<Daemon>>) -> Result<Json<Verified>, Trouble> {
    let cache = daemon.cache.clone();
    Ok(Json(blocking(move || cache.verify().map_err(FetchError::Disk)).await?))
}

async fn show_metrics(State(daemon): State<Arc<Daemon>>) -> Result<Response, Trouble> {
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], daemon.metrics().await?).into_response())
}

/// A disk error.
struct Trouble(FetchError);

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        tracing::error!(error = %self.0, "Cannot answer a request");
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", self.0)).into_response()
    }
}
