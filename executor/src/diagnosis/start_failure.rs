//! Why a TaskManager did not start.

use std::{fmt::Display, path::Path};

use fetcher_client::{FetchBlame, FetchError};
use mesos::v1::{TaskState, task_status::Reason};
use overlays::worker::ApplyError;

use crate::{
    core::{Blame, Ended, Exit, Failure},
    process::StartError,
};

impl Failure {
    /// The worker that the task describes can never run.
    pub fn wrong_task(error: &impl Display) -> Self {
        Self {
            state: TaskState::TaskError,
            reason: Some(Reason::TaskInvalid),
            blame: Blame::Configuration,
            message: format!("the worker's description is wrong: {error}"),
        }
    }

    /// The artifacts could not be fetched.
    pub fn fetch(error: &FetchError) -> Self {
        let (blame, advice) = match error.blame() {
            FetchBlame::Artifact => {
                (Blame::Artifact, "the artifact server has wrong or missing files")
            }
            FetchBlame::Network => {
                (Blame::Network, "is the artifact server reachable from this agent?")
            }
            FetchBlame::Host => (Blame::Agent, "this agent's disk is full or broken"),
            FetchBlame::Configuration => (Blame::Configuration, "the scheduler sent invalid data"),
        };
        let reason = matches!(error, FetchError::NoSpace { .. } | FetchError::NoInodes { .. })
            .then_some(Reason::ContainerLimitationDisk);
        Self::failed(
            reason,
            blame,
            format!("the artifacts could not be fetched: {error} ({advice})"),
        )
    }

    /// The configuration could not be written, or no java was found.
    pub fn configuration(error: &ApplyError) -> Self {
        let blame = match error {
            ApplyError::Java(_) | ApplyError::Io(_) | ApplyError::Host { is_agents: true, .. } => {
                Blame::Agent
            }
            ApplyError::Flink(_) | ApplyError::Version { .. } | ApplyError::Secrets { .. } => {
                Blame::Artifact
            }
            _ => Blame::Configuration,
        };
        Self::failed(None, blame, format!("the TaskManager could not be configured: {error}"))
    }

    /// The process could not be started.
    pub fn start(program: &Path, error: &StartError) -> Self {
        let message =
            format!("the TaskManager could not be started with {}: {error}", program.display());
        Self::failed(None, Blame::Agent, message)
    }

    /// A defect of the executor.
    pub fn internal(error: &impl Display) -> Self {
        Self::failed(None, Blame::Worker, format!("the executor failed: {error}"))
    }

    fn failed(reason: Option<Reason>, blame: Blame, message: String) -> Self {
        Self { state: TaskState::TaskFailed, reason, blame, message }
    }
}

impl Exit {
    /// The end of a TaskManager whose cause could not be determined, because of a defect of the
    /// executor.
    pub fn unexplained(ended: Ended, error: &impl Display) -> Self {
        let Ended { status, survivors } = ended;
        Self {
            status,
            survivors,
            reason: None,
            blame: Blame::Worker,
            explanation: error.to_string(),
        }
    }
}
