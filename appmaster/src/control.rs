//! The operator's API: a small HTTP API of the leading application master.
//!
//! ```text
//! GET  /workers    the current state, see `view`
//! GET  /history    the last transitions of workers, with cause and initiator
//! POST /commands   a `Command` as JSON; answers like /workers, once the command is durable
//! ```
//!
//! Every request must carry the token (`Authorization: Bearer …`). By default it is generated at
//! the start, and commands of the same user find it in the run file. The API listens on loopback
//! unless an option says otherwise.

mod access;
pub mod client;
mod listener;
pub mod run_file;
mod token;
pub(crate) mod view;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    middleware,
    routing::{get, post},
};
use rustls::ServerConfig;
use scheduler::core::{message::Input, state::Move};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

pub use self::token::{SHORTEST, Token, TokenError};
use self::{access::Gate, run_file::RunFile};

/// A command of the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Move workers off this agent, given by id or host name, and launch none there.
    Drain {
        /// The agent.
        agent: String,
    },
    /// Allow launches on the agent again.
    Undrain {
        /// The agent.
        agent: String,
    },
    /// Replace all workers, one after the other.
    Restart {
        /// Extra workers allowed during the restart.
        surge: usize,
        /// Number of workers that may be missing during the restart.
        max_unavailable: usize,
    },
    /// Forget the failures on this agent, or on all.
    ClearAgent {
        /// The agent's id; `None` for all agents.
        agent: Option<String>,
    },
    /// Stop the cluster and all standby application masters.
    // The braces make serde refuse unknown fields.
    Stop {},
}

impl Command {
    /// The request to the application master, or the error in the command.
    pub(crate) fn into_request(self) -> Result<Request, String> {
        Ok(Request::Command(match self {
            Self::Stop {} => return Ok(Request::Stop),
            Self::Drain { agent } | Self::Undrain { agent } if agent.trim().is_empty() => {
                return Err(format!("{agent:?} is not an agent: its id or host name is required"));
            }
            Self::Drain { agent } => Input::Drain(agent),
            Self::Undrain { agent } => Input::Undrain(agent),
            Self::Restart { surge, max_unavailable } => {
                let pace = Move { surge, max_unavailable };
                pace.check()?;
                Input::Restart(pace)
            }
            Self::ClearAgent { agent } => Input::ClearAgent(agent),
        }))
    }
}

/// A request to the application master.
#[derive(Debug)]
pub(crate) enum Request {
    Workers,
    History,
    Command(Input),
    Stop,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct PendingRequest {
    pub(crate) request: Request,
    pub(crate) answer: oneshot::Sender<Value>,
}

/// Options of the server.
#[derive(Debug)]
pub struct ControlOptions {
    /// The address to listen on.
    pub bind: SocketAddr,
    /// The token that every request must carry.
    pub token: Token,
    /// This machine's host name as others know it.
    pub name: String,
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
        let ControlOptions { bind, token, name, tls } = options;
        let listener = TcpListener::bind(bind).await?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let host = match () {
            () if address.ip().is_loopback() && tls.is_some() => "localhost".to_owned(),
            () if address.ip().is_unspecified() || tls.is_some() => name.clone(),
            () => address.ip().to_string(),
        };
        let url = format!("{scheme}://{}:{}", in_url(&host), address.port());
        let (sender, asked) = mpsc::channel(16);
        let gate = Arc::new(Gate { token, name });
        let router = Router::new()
            .route("/workers", get(async |State(to): State<Inbox>| ask(to, Request::Workers).await))
            .route("/history", get(async |State(to): State<Inbox>| ask(to, Request::History).await))
            .route("/commands", post(command))
            .fallback(async || {
                (
                    StatusCode::NOT_FOUND,
                    "unknown path: the API has /workers, /history and /commands",
                )
            })
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
        let ip = self.address.ip();
        if !ip.is_unspecified() || self.url.starts_with("https:") {
            return self.url.clone();
        }
        let host = if ip.is_ipv4() { "127.0.0.1" } else { "[::1]" };
        format!("http://{host}:{}", self.address.port())
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
    answered.map(Json).map_err(|_| ended())
}

async fn command(
    State(to): State<Inbox>,
    Json(command): Json<Command>,
) -> Result<Json<Value>, Refused> {
    let request = command.into_request().map_err(|reason| (StatusCode::BAD_REQUEST, reason))?;
    ask(to, request).await
}

/// In a URL, an IPv6 address has brackets.
fn in_url(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
    };

    use super::{client::Client, *};

    const TOKEN: &str = "a-token-of-a-test";

    /// A server whose owner answers each request with its debug text.
    pub(super) async fn echo() -> (String, AbortOnDropHandle<()>) {
        let token = Token::parse(TOKEN).unwrap();
        let options = ControlOptions {
            bind: ([127, 0, 0, 1], 0).into(),
            token,
            name: "here".to_owned(),
            tls: None,
        };
        let server = ControlServer::start(options).await.unwrap();
        let address = format!("http://{}", server.address());
        assert_eq!(server.url(), address);
        let task = tokio::spawn(async move {
            let mut server = server;
            while let Some(PendingRequest { request, answer }) = server.next().await {
                _ = answer.send(json!(format!("{request:?}")));
            }
        });
        (address, AbortOnDropHandle::new(task))
    }

    pub(super) fn client(address: &str) -> Client {
        Client::new(address, Some(TOKEN), None).unwrap()
    }

    async fn post(address: &str, kind: &str, body: impl Into<reqwest::Body>) -> (u16, String) {
        common::tls::install_provider();
        let request =
            reqwest::Client::new().post(format!("{address}/commands")).header("content-type", kind);
        let answer = request.bearer_auth(TOKEN).body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    #[tokio::test]
    async fn a_command_reaches_the_owner_and_its_answer_the_operator() {
        let (address, _server) = echo().await;
        let client = client(&address);
        let drain = Command::Drain { agent: "host-1".to_owned() };
        assert_eq!(client.command(&drain).await.unwrap(), json!("Command(Drain(\"host-1\"))"));
        assert_eq!(client.command(&Command::Stop {}).await.unwrap(), json!("Stop"));
        assert_eq!(client.get("workers").await.unwrap(), json!("Workers"));
    }

    #[tokio::test]
    async fn a_restart_that_cannot_work_is_refused_with_the_reason() {
        let (address, _server) = echo().await;
        let client = client(&address);
        for (surge, max_unavailable, expected) in [
            (0, 0, "no worker can be replaced"),
            (usize::MAX, 1, "100000"),
            (1, usize::MAX, "100000"),
        ] {
            let error = client
                .command(&Command::Restart { surge, max_unavailable })
                .await
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[tokio::test]
    async fn requests_without_the_token_are_refused() {
        let (address, _server) = echo().await;
        for shown in [None, Some("a-guess-of-a-test"), Some("")] {
            let error = Client::new(&address, shown, None)
                .unwrap()
                .get("workers")
                .await
                .unwrap_err()
                .to_string();
            assert!(error.contains("token") && !error.contains(TOKEN), "{error}");
        }
        assert!(client(&address).get("workers").await.is_ok());
    }

    #[tokio::test]
    async fn a_command_without_the_json_content_type_or_with_unknown_fields_is_refused() {
        let (address, _server) = echo().await;
        let (status, _) = post(&address, "text/plain", r#"{"command":"drain","agent":"A"}"#).await;
        assert_eq!(status, 415);
        for body in [
            r#"{"command":"stop","x":1}"#,
            r#"{"command":"drain","agent":"A","force":true}"#,
            r#"{"command":"undrain","agent":"A","force":true}"#,
            r#"{"command":"restart","surge":1,"max_unavailable":0,"x":1}"#,
            r#"{"command":"clear-agent","agent":null,"x":1}"#,
        ] {
            let (status, why) = post(&address, "application/json", body).await;
            assert!(status == 422 && why.contains("unknown field"), "{body}: {status} {why}");
        }
        assert_eq!(post(&address, "application/json", r#"{"command":"stop"}"#).await.0, 200);
    }

    #[tokio::test]
    async fn a_body_that_is_too_large_is_not_read_completely() {
        let (address, _server) = echo().await;
        let (status, why) = post(&address, "application/json", vec![b' '; 65 << 10]).await;
        assert_eq!((status, why.contains("65536")), (413, true), "{why}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_brings_no_request_is_closed_after_ten_seconds() {
        let (address, _server) = echo().await;
        let address = address.trim_start_matches("http://");
        let request = format!(
            "GET /workers HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        );
        for said in ["", "GET /workers HT", "GET /workers HTTP/1.1\r\nHost: x\r\n", &request] {
            let mut socket = TcpStream::connect(address).await.unwrap();
            socket.write_all(said.as_bytes()).await.unwrap();
            let began = tokio::time::Instant::now();
            let mut answer = Vec::new();
            timeout(Duration::from_secs(30), socket.read_to_end(&mut answer))
                .await
                .expect("the end")
                .unwrap();
            assert!(began.elapsed() <= Duration::from_secs(11), "{said:?}: {:?}", began.elapsed());
        }
    }

    #[tokio::test]
    async fn idle_connections_take_a_bounded_number_of_descriptors_and_keep_no_operator_out() {
        let (address, _server) = echo().await;
        let there = address.trim_start_matches("http://").to_owned();
        let mut idle = Vec::new();
        let (most, most_of_each) = listener::room();
        for _ in 0..most + 64 {
            idle.push(TcpStream::connect(&there).await.unwrap());
        }
        assert_eq!(client(&address).get("workers").await.unwrap(), json!("Workers"));
        let mut open = 0;
        for socket in &mut idle {
            let ended = timeout(Duration::from_millis(5), socket.read_u8()).await;
            open += usize::from(ended.is_err());
        }
        assert!(open <= most_of_each, "{open} are open");
    }
}
