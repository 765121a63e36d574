//! The operator's way in: a small HTTP API of the leading application master.
//!
//! ```text
//! GET  /workers    what there is, see `view`
//! GET  /history    the last steps of workers, with cause and initiator
//! POST /commands   a `Command` as JSON; the answer is that of /workers, and comes when the command is durable
//! ```
//!
//! It listens on this machine alone, unless there is a token that every request must show (`Authorization: Bearer …`).
//! Commands must come as `application/json`, which no foreign web page can make a browser send.

pub mod client;
pub(crate) mod view;

use std::{net::SocketAddr, time::Duration};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use subtle::ConstantTimeEq as _;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use crate::core::message::{Input, Move};

/// What an operator can have done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Workers leave this agent, given by id or host name, and no new ones come.
    Drain {
        /// The agent.
        agent: String,
    },
    /// The agent may be used again.
    Undrain {
        /// The agent.
        agent: String,
    },
    /// All workers are replaced, one after the other.
    Restart {
        /// So many more than wanted may live meanwhile.
        surge: usize,
        /// So many fewer than wanted may be ready meanwhile.
        max_unavailable: usize,
    },
    /// What failed on this agent, or on all, is forgotten.
    ClearAgent {
        /// The agent's id; all if there is none.
        agent: Option<String>,
    },
    /// The cluster ends, for those who stand by, too.
    Stop,
}

impl Command {
    /// What the application master is asked for, or what is wrong with it.
    pub(crate) fn ask(self) -> Result<Ask, String> {
        Ok(Ask::Command(match self {
            Self::Stop => return Ok(Ask::Stop),
            Self::Drain { agent } | Self::Undrain { agent } if agent.trim().is_empty() => {
                return Err(format!("{agent:?} is no agent: its id or host name is needed"));
            }
            Self::Drain { agent } => Input::Drain(agent),
            Self::Undrain { agent } => Input::Undrain(agent),
            Self::Restart { surge, max_unavailable } => {
                let pace = Move { surge, max_unavailable };
                if !pace.is_possible() {
                    return Err("with surge 0 and max-unavailable 0 no worker can be replaced".to_owned());
                }
                Input::Restart(pace)
            }
            Self::ClearAgent { agent } => Input::ClearAgent(agent),
        }))
    }
}

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Ask {
    Workers,
    History,
    Command(Input),
    Stop,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) what: Ask,
    pub(crate) answer: oneshot::Sender<Value>,
}

/// The API; it ends with this value.
#[derive(Debug)]
pub struct ControlServer {
    address: SocketAddr,
    asked: mpsc::Receiver<Asked>,
    _task: AbortOnDropHandle<()>,
}

impl ControlServer {
    /// Listens. With a token every request must show it.
    pub async fn start(bind: SocketAddr, token: Option<String>) -> std::io::Result<Self> {
        let listener = TcpListener::bind(bind).await?;
        let address = listener.local_addr()?;
        let (sender, asked) = mpsc::channel(16);
        let router = Router::new()
            .route("/workers", get(async |State(to): State<Inbox>| ask(to, Ask::Workers).await))
            .route("/history", get(async |State(to): State<Inbox>| ask(to, Ask::History).await))
            .route("/commands", post(command))
            .with_state(sender)
            .layer(middleware::from_fn_with_state(token, authorized));
        let task = tokio::spawn(async move {
            if let Err(e) = axum::serve(listener, router).await {
                tracing::error!("The operator's API has ended: {e}");
            }
        });
        Ok(Self { address, asked, _task: AbortOnDropHandle::new(task) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Option<Asked> {
        self.asked.recv().await
    }
}

/// How long the store may take for what an operator asks for.
const PATIENCE: Duration = Duration::from_secs(30);

type Inbox = mpsc::Sender<Asked>;
type Refused = (StatusCode, String);

async fn ask(to: Inbox, what: Ask) -> Result<Json<Value>, Refused> {
    let ended = || (StatusCode::SERVICE_UNAVAILABLE, "this application master does not lead any longer".to_owned());
    let (answer, answered) = oneshot::channel();
    to.send(Asked { what, answer }).await.map_err(|_| ended())?;
    let answered = timeout(PATIENCE, answered).await.map_err(|_| {
        let why = "it is being done, but the store does not take it: a crash now would undo it";
        (StatusCode::GATEWAY_TIMEOUT, why.to_owned())
    })?;
    answered.map(Json).map_err(|_| ended())
}

async fn command(State(to): State<Inbox>, Json(command): Json<Command>) -> Result<Json<Value>, Refused> {
    let what = command.ask().map_err(|reason| (StatusCode::BAD_REQUEST, reason))?;
    ask(to, what).await
}

async fn authorized(State(token): State<Option<String>>, request: Request, next: Next) -> Result<Response, Refused> {
    if let Some(token) = token {
        let shown = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown = shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
        if !bool::from(shown.as_bytes().ct_eq(token.as_bytes())) {
            return Err((StatusCode::UNAUTHORIZED, "the token of mesos.control.token is needed".to_owned()));
        }
    }
    Ok(next.run(request).await)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::{client::Client, *};

    /// A server whose owner answers everything with what was asked.
    async fn echo(token: Option<&str>) -> (String, AbortOnDropHandle<()>) {
        let server = ControlServer::start(([127, 0, 0, 1], 0).into(), token.map(str::to_owned)).await.unwrap();
        let address = format!("http://{}", server.address());
        let task = tokio::spawn(async move {
            let mut server = server;
            while let Some(Asked { what, answer }) = server.next().await {
                answer.send(json!(format!("{what:?}"))).unwrap();
            }
        });
        (address, AbortOnDropHandle::new(task))
    }

    #[tokio::test]
    async fn a_command_reaches_the_owner_and_its_answer_the_operator() {
        let (address, _server) = echo(None).await;
        let client = Client::new(&address, None).unwrap();
        let drain = Command::Drain { agent: "host-1".to_owned() };
        assert_eq!(client.command(&drain).await.unwrap(), json!("Command(Drain(\"host-1\"))"));
        assert_eq!(client.get("workers").await.unwrap(), json!("Workers"));
    }

    #[tokio::test]
    async fn a_restart_that_cannot_work_is_refused_with_the_reason() {
        let (address, _server) = echo(None).await;
        let client = Client::new(&address, None).unwrap();
        let error = client.command(&Command::Restart { surge: 0, max_unavailable: 0 }).await.unwrap_err().to_string();
        assert!(error.contains("no worker can be replaced"), "{error}");
    }

    #[tokio::test]
    async fn who_does_not_show_the_token_is_turned_away() {
        let (address, _server) = echo(Some("s3cret")).await;
        let error = Client::new(&address, Some("guess")).unwrap().get("workers").await.unwrap_err().to_string();
        assert!(error.contains("mesos.control.token") && !error.contains("s3cret"), "{error}");
        assert!(Client::new(&address, Some("s3cret")).unwrap().get("workers").await.is_ok());
    }

    #[tokio::test]
    async fn a_command_that_is_not_declared_as_json_is_refused() {
        let (address, _server) = echo(None).await;
        let body = r#"{"command":"drain","agent":"A"}"#;
        let answer = reqwest::Client::new().post(format!("{address}/commands")).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 415);
    }
}
