//! The listener's routes: who is asked, in which encoding, and what the answer looks like.

mod negotiation;
mod stream;

use std::sync::Arc;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
    routing::{any, get},
};
use mesos::v1::{executor, scheduler};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use self::{
    negotiation::{accepted, decoded},
    stream::Subscription,
};
use crate::{
    access::{self, Access},
    codec::Codec,
    core::{Refusal, VERSION},
    events::Events,
    inbox::Message,
};

/// The header that ties a scheduler's calls to its subscription.
const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// The largest call that is read, in bytes. A launch carries the task's data.
const MAX_CALL: usize = 64 << 20;

/// What the routes need.
#[derive(Debug)]
pub(crate) struct Api {
    /// Where the state's owner reads.
    pub(crate) inbox: mpsc::UnboundedSender<Message>,
    pub(crate) codec: Codec,
    /// `127.0.0.1:port`.
    pub(crate) address: String,
    /// How many agents there are.
    pub(crate) agents: usize,
}

pub(crate) fn router(api: Arc<Api>, access: Arc<Access>) -> Router {
    Router::new()
        .route("/api/v1/scheduler", any(scheduler_call))
        .route("/master/api/v1/scheduler", any(scheduler_call))
        .route("/{agent}/api/v1/executor", any(executor_call))
        .route("/redirect", get(redirect))
        .route("/master/redirect", get(redirect))
        .route("/health", get(|| async {}))
        .route("/master/health", get(|| async {}))
        .route("/version", get(async || axum::Json(serde_json::json!({ "version": VERSION }))))
        .fallback(|| async { not_found() })
        .layer(DefaultBodyLimit::max(MAX_CALL))
        .layer(middleware::from_fn_with_state(access, access::enter))
        .with_state(api)
}

async fn redirect(State(api): State<Arc<Api>>) -> Response {
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, format!("//{}", api.address))])
        .into_response()
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "404 Not Found.").into_response()
}

async fn scheduler_call(
    State(api): State<Arc<Api>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call: scheduler::Call = match decoded(&api.codec, &method, &headers, &body) {
        Ok(call) => call,
        Err(response) => return *response,
    };
    let subscribes = call.r#type() == scheduler::call::Type::Subscribe;
    let claimed =
        headers.get(STREAM_ID).map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let message = |stream, events, reply| Message::Scheduler {
        call: Box::new(call),
        claimed,
        stream,
        events,
        reply,
    };
    match ask(&api, &headers, subscribes, message).await {
        Ok(Some(subscription)) => {
            ([(STREAM_ID, subscription.id().to_string())], subscription.into_response())
                .into_response()
        }
        Ok(None) => StatusCode::ACCEPTED.into_response(),
        Err(response) => *response,
    }
}

async fn executor_call(
    State(api): State<Arc<Api>>,
    Path(agent): Path<String>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let number = agent.strip_prefix("slave(").and_then(|rest| rest.strip_suffix(")"));
    let index = number
        .and_then(|number| number.parse::<usize>().ok())
        .and_then(|number| number.checked_sub(1));
    let Some(agent) = index.filter(|index| *index < api.agents) else { return not_found() };
    let call: executor::Call = match decoded(&api.codec, &method, &headers, &body) {
        Ok(call) => call,
        Err(response) => return *response,
    };
    let subscribes = call.r#type() == executor::call::Type::Subscribe;
    let message = |stream, events, reply| Message::Executor {
        agent,
        call: Box::new(call),
        stream,
        events,
        reply,
    };
    match ask(&api, &headers, subscribes, message).await {
        Ok(Some(subscription)) => subscription.into_response(),
        Ok(None) => StatusCode::ACCEPTED.into_response(),
        Err(response) => *response,
    }
}

/// Puts a call before the state's owner. A SUBSCRIBE that is accepted becomes a subscription.
async fn ask(
    api: &Api,
    headers: &HeaderMap,
    subscribes: bool,
    message: impl FnOnce(Uuid, Option<Events>, oneshot::Sender<Result<(), Refusal>>) -> Message,
) -> Result<Option<Subscription>, Box<Response>> {
    let stream = Uuid::new_v4();
    let media = if subscribes { Some(accepted(headers)?) } else { None };
    let (events, subscription) =
        media.map(|media| stream::open(stream, media, api.inbox.clone())).unzip();
    let (reply, answer) = oneshot::channel();
    let ended =
        || Box::new((StatusCode::SERVICE_UNAVAILABLE, "The local Mesos has ended").into_response());
    api.inbox.send(message(stream, events, reply)).map_err(|_| ended())?;
    match answer.await {
        Ok(Ok(())) => Ok(subscription),
        Ok(Err(refusal)) => Err(Box::new(refusal.into_response())),
        Err(_) => Err(ended()),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::BadRequest(message) => (StatusCode::BAD_REQUEST, message).into_response(),
            Self::Forbidden(message) => (StatusCode::FORBIDDEN, message).into_response(),
            Self::NotImplemented(message) => (StatusCode::NOT_IMPLEMENTED, message).into_response(),
        }
    }
}
