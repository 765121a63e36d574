//! What kept a TaskManager from starting.

use std::{fmt::Display, path::Path};

use fetcher::{Blame, FetchError};
use mesos::v1::{TaskState, task_status::Reason};
use overlays::worker::ApplyError;

use crate::{core::Failure, process::StartError};

impl Failure {
    /// The task's description names something impossible.
    pub fn wrong_task(error: &impl Display) -> Self {
        let message = format!("the worker's description is wrong: {error}");
        Self { state: TaskState::TaskError, reason: Some(Reason::TaskInvalid), message }
    }

    /// The artifacts did not come.
    pub fn fetch(error: &FetchError) -> Self {
        let advice = match error.blame() {
            Blame::Artifact => "the artifact server offers something wrong",
            Blame::Network => "is the artifact server reachable from this agent?",
            Blame::Host => "this agent's disk is full or broken",
            Blame::Configuration => "the scheduler told us something wrong",
        };
        let reason = matches!(error, FetchError::NoSpace { .. }).then_some(Reason::ContainerLimitationDisk);
        Self::failed(reason, format!("the artifacts could not be fetched: {error} ({advice})"))
    }

    /// The configuration could not be written, or no java was found.
    pub fn configuration(error: &ApplyError) -> Self {
        Self::failed(None, format!("the TaskManager could not be configured: {error}"))
    }

    /// The process could not be started.
    pub fn start(program: &Path, error: &StartError) -> Self {
        Self::failed(None, format!("the TaskManager could not be started with {}: {error}", program.display()))
    }

    /// A defect of ours.
    pub fn internal(error: &impl Display) -> Self {
        Self::failed(None, format!("the executor failed: {error}"))
    }

    fn failed(reason: Option<Reason>, message: String) -> Self {
        Self { state: TaskState::TaskFailed, reason, message }
    }
}
