//! What the operator can ask of the application master.

use scheduler::core::{message::Input, scale::ScaleError, state::Move};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use super::{
    hand_over::{HandOverRequest, Step},
    logs::LogRequest,
};

/// Takes an operator's number of workers back.
const DEFAULT_SCALE: &str = "default";

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
    /// Keep another number of workers.
    Scale {
        /// `N`, `MIN..MAX`, `MIN..`, or `default` for what is configured.
        workers: String,
    },
    /// Forget the failures on this agent, given by id or host name, or on all.
    ClearAgent {
        /// The agent; `None` for all agents.
        agent: Option<String>,
    },
    /// Give the job to the cluster that replaces this one.
    HandOver {
        /// The new cluster.
        to: String,
        /// What it wants.
        step: Step,
        /// The folder for the savepoint; `None`: the configured one.
        folder: Option<String>,
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
            Self::HandOver { to, step, folder } => {
                return Ok(Request::HandOver(HandOverRequest { to, step, folder }));
            }
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
            Self::Scale { workers } if workers == DEFAULT_SCALE => Input::Scale(None),
            Self::Scale { workers } => {
                Input::Scale(Some(workers.parse().map_err(|error: ScaleError| {
                    format!("{error}; or `{DEFAULT_SCALE}` for what is configured")
                })?))
            }
            Self::ClearAgent { agent } => Input::ClearAgent(agent),
        }))
    }
}

/// A request to the application master.
#[derive(Debug)]
pub(crate) enum Request {
    Status,
    /// Those with higher numbers.
    Events(u64),
    Offers,
    /// Whether the cluster is ready.
    Ready,
    Metrics,
    Log(LogRequest),
    Workers,
    History,
    Command(Input),
    HandOver(HandOverRequest),
    Stop,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct PendingRequest {
    pub(crate) request: Request,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// What is shown to the operator, or why the request is refused.
pub(crate) type Answer = Result<Value, Refusal>;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It has a mistake.
    Mistake(String),
    /// What it asks for cannot be had now.
    Unavailable(String),
}
