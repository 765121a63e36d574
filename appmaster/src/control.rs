//! The operator's API: a small HTTP API of the leading application master.
//!
//! ```text
//! GET  /status     the cluster at a glance, see `status`
//! GET  /workers    the current state, see `view`
//! GET  /events     the last events, see `events`
//! GET  /offers     why offers are declined, see `offers`
//! GET  /logs       a part of a log, see `logs`
//! GET  /metrics    metrics for Prometheus
//! GET  /healthz    whether the application master answers
//! GET  /readyz     whether the cluster is ready
//! GET  /history    the last transitions of workers, with cause and initiator
//! POST /commands   a `Command` as JSON; answers like /workers, once the command is durable;
//!                  `hand-over` answers with how far it is, see `hand_over`
//! ```
//!
//! Every request but those for health must carry a token (`Authorization: Bearer …`): see
//! `access` for what the token for viewers suffices. By default it is generated at
//! the start, and commands of the same user find it in the run file. The API listens on loopback
//! unless an option says otherwise.

mod access;
pub mod client;
mod command;
pub mod events;
pub mod hand_over;
mod health;
mod listener;
pub mod logs;
pub mod offers;
pub mod run_file;
pub mod status;
#[cfg(test)]
mod tests;
mod token;
pub(crate) mod view;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{HeaderName, StatusCode, header::CONTENT_TYPE},
    middleware,
    routing::{get, post},
};
use rustls::ServerConfig;
use serde::Deserialize;
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

pub use self::command::Command;
pub(crate) use self::command::{Answer, PendingRequest, Refusal, Request};
pub use self::token::{SHORTEST, Token, TokenError};
use self::{access::Gate, logs::LogRequest, run_file::RunFile};
use crate::{address::in_url, metrics::CONTENT_TYPE as OPEN_METRICS};

/// Options of the server.
#[derive(Debug)]
pub struct ControlOptions {
    /// The address to listen on.
    pub bind: SocketAddr,
    /// The token that allows everything.
    pub token: Token,
    /// The token that only allows to look.
    pub view_token: Option<Token>,
    /// This machine's host name as others know it.
    pub name: String,
    /// The host by which others reach the API, if it is configured.
    pub address: Option<String>,
    /// The port by which others reach the API, if it is not the one that it listens on.
    pub port: Option<u16>,
    /// Certificate and key; if set, only TLS is spoken.
    pub tls: Option<Arc<ServerConfig>>,
}

/// The running API; dropping it ends the API.
#[derive(Debug)]
pub struct ControlServer {
    address: SocketAddr,
    url: String,
    asked: mpsc::Receiver<PendingRequest>,
    run_file: Option<RunFile>,
    _task: AbortOnDropHandle<()>,
}

impl ControlServer {
    /// Starts to listen.
    pub async fn start(options: ControlOptions) -> std::io::Result<Self> {
        let ControlOptions { bind, token, view_token, name, address: advertised, port, tls } =
            options;
        let listener = TcpListener::bind(bind).await?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let host = match &advertised {
            Some(host) => host.clone(),
            None if address.ip().is_loopback() && tls.is_some() => "localhost".to_owned(),
            None if address.ip().is_unspecified() || tls.is_some() => name.clone(),
            None => address.ip().to_string(),
        };
        let is_configured = advertised.is_some() || port.is_some();
        let port = port.unwrap_or(address.port());
        let url = format!("{scheme}://{}:{port}", in_url(&host));
        let (sender, asked) = mpsc::channel(16);
        let gate = Arc::new(Gate {
            token,
            view_token,
            name,
            advertised: is_configured.then_some((host, port)),
        });
        let router = Router::new()
            .route("/status", get(async |State(to): State<Inbox>| ask(to, Request::Status).await))
            .route("/workers", get(async |State(to): State<Inbox>| ask(to, Request::Workers).await))
            .route("/offers", get(async |State(to): State<Inbox>| ask(to, Request::Offers).await))
            .route("/events", get(events))
            .route("/logs", get(logs))
            .route("/history", get(async |State(to): State<Inbox>| ask(to, Request::History).await))
            .route("/commands", post(command))
            .route("/metrics", get(metrics))
            .merge(health::routes(sender.clone()))
            .fallback(async || (StatusCode::NOT_FOUND, UNKNOWN_PATH))
            .with_state(sender)
            .layer(middleware::from_fn_with_state(gate, access::enter));
        let task = tokio::spawn(listener::serve(listener, router, tls.map(TlsAcceptor::from)));
        Ok(Self { address, url, asked, run_file: None, _task: AbortOnDropHandle::new(task) })
    }

    /// The URL for other machines.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The URL for this machine.
    pub fn local_url(&self) -> String {
        // The certificate has the name for others.
        if self.url.starts_with("https:") {
            return self.url.clone();
        }
        let host = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(host, self.address.port()))
    }

    /// Keeps the run file while the API runs.
    pub fn keep(&mut self, run_file: RunFile) {
        self.run_file = Some(run_file);
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Option<PendingRequest> {
        self.asked.recv().await
    }
}

const UNKNOWN_PATH: &str = "unknown path: the API has /status, /workers, /history, /events, /offers, \
                            /logs, /metrics, /healthz, /readyz and /commands";

/// How long storing a command may take.
const PATIENCE: Duration = Duration::from_secs(30);

type Inbox = mpsc::Sender<PendingRequest>;
type Refused = (StatusCode, String);

async fn ask(to: Inbox, request: Request) -> Result<Json<Value>, Refused> {
    let ended =
        || (StatusCode::SERVICE_UNAVAILABLE, "this application master no longer leads".to_owned());
    let (answer, answered) = oneshot::channel();
    to.send(PendingRequest { request, answer }).await.map_err(|_| ended())?;
    let answered = timeout(PATIENCE, answered).await.map_err(|_| {
        let why = "the command is being carried out but is not persisted yet: a crash of the application master would undo it";
        (StatusCode::GATEWAY_TIMEOUT, why.to_owned())
    })?;
    let answer = answered.map_err(|_| ended())?;
    answer.map(Json).map_err(|refusal| match refusal {
        Refusal::Mistake(reason) => (StatusCode::BAD_REQUEST, reason),
        Refusal::Unavailable(reason) => (StatusCode::BAD_GATEWAY, reason),
    })
}

async fn metrics(
    State(to): State<Inbox>,
) -> Result<([(HeaderName, &'static str); 1], String), Refused> {
    let Json(text) = ask(to, Request::Metrics).await?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text.as_str().unwrap_or_default().to_owned()))
}

/// Which events are requested.
#[derive(Deserialize)]
struct Newer {
    #[serde(default)]
    after: u64,
}

async fn events(
    State(to): State<Inbox>,
    Query(Newer { after }): Query<Newer>,
) -> Result<Json<Value>, Refused> {
    ask(to, Request::Events(after)).await
}

async fn logs(
    State(to): State<Inbox>,
    Query(request): Query<LogRequest>,
) -> Result<Json<Value>, Refused> {
    ask(to, Request::Log(request)).await
}

async fn command(
    State(to): State<Inbox>,
    Json(command): Json<Command>,
) -> Result<Json<Value>, Refused> {
    let request = command.into_request().map_err(|reason| (StatusCode::BAD_REQUEST, reason))?;
    ask(to, request).await
}
