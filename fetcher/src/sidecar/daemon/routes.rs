//! What can be asked, where, and by whom.

use std::sync::Arc;

use axum::extract::connect_info::{ConnectInfo, Connected, IntoMakeServiceWithConnectInfo};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use nix::unistd::{Uid, geteuid};
use tokio::net::UnixListener;

use super::{Daemon, fetching, metrics};
use crate::cache::{Removed, Verified};
use crate::fetch::{FetchError, blocking};
use crate::sidecar::status::Status;
use crate::sidecar::usage::Usage;
use crate::sidecar::wire::{Ask, FETCH, GC, Keep, STATUS, USAGE, VERIFY};

/// Who is at the other end of the socket, as the kernel says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller(Option<Uid>);

impl Connected<IncomingStream<'_, UnixListener>> for Caller {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        Self(stream.io().peer_cred().ok().map(|peer| Uid::from_raw(peer.uid())))
    }
}

/// For executors and for people at this host.
pub(super) fn for_this_host(daemon: Arc<Daemon>) -> IntoMakeServiceWithConnectInfo<Router, Caller> {
    let for_the_owner = Router::new().route(GC, post(gc)).route(VERIFY, post(verify)).layer(from_fn(owner_only));
    let for_all = Router::new()
        .route(FETCH, post(fetch))
        .route(USAGE, post(usage))
        .route(STATUS, get(status))
        .route("/metrics", get(show_metrics))
        .route("/healthz", get(async || "ok"));
    let routes = for_all.merge(for_the_owner).with_state(daemon);
    routes.into_make_service_with_connect_info::<Caller>()
}

/// Removing what others use is not for everybody.
async fn owner_only(ConnectInfo(Caller(caller)): ConnectInfo<Caller>, request: Request, next: Next) -> Response {
    if caller.is_some_and(|caller| caller.is_root() || caller == geteuid()) {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "only root and the daemon's own user may do that\n").into_response()
}

async fn fetch(State(daemon): State<Arc<Daemon>>, Json(ask): Json<Ask>) -> Response {
    match fetching::begin(&daemon, ask) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

async fn usage(State(daemon): State<Arc<Daemon>>, Json(usage): Json<Usage>) -> Response {
    match daemon.usages.tell(usage) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(wrong) => (StatusCode::BAD_REQUEST, format!("{wrong}\n")).into_response(),
    }
}

async fn status(State(daemon): State<Arc<Daemon>>) -> Result<Json<Status>, Trouble> {
    Ok(Json(daemon.status().await?))
}

async fn gc(State(daemon): State<Arc<Daemon>>, Json(keep): Json<Keep>) -> Result<Json<Removed>, Trouble> {
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

/// The disk does not do what it should.
struct Trouble(FetchError);

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        tracing::error!(error = %self.0, "A request could not be answered.");
        (StatusCode::INTERNAL_SERVER_ERROR, format!("{}\n", self.0)).into_response()
    }
}
