//! The daemon's routes, and who may use them.

use std::sync::Arc;

use axum::extract::connect_info::ConnectInfo;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use fetcher_client::cache::{Removed, Verified};
use fetcher_client::sidecar::{FETCH, TreeRequest, USAGE};
use fetcher_client::{FetchError, blocking};

use super::body::{Body, LARGEST, LARGEST_WITH_CERTIFICATES, Memory};
use super::state::Daemon;
use super::{fetching, metrics};
use crate::caller::Caller;
use crate::status::Status;
use crate::usage::Usage;
use crate::wire::{GC, HEALTH, Keep, STATUS, VERIFY};

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
