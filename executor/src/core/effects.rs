//! What a step of the task asks the core to do.

use mesos::v1::{TaskState, task_status::Reason};

use super::{Blame, Output};

/// A status to report, without what the core adds: uuid, time and executor id.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) task_id: String,
    pub(super) state: TaskState,
    pub(super) message: String,
    pub(super) reason: Option<Reason>,
    pub(super) healthy: Option<bool>,
    pub(super) blame: Option<Blame>,
    /// Worth sending only if the agent has acknowledged everything before it: fetch progress.
    pub(super) droppable: bool,
}

impl Report {
    pub(super) fn new(task_id: &str, state: TaskState, message: String) -> Self {
        Self {
            task_id: task_id.to_owned(),
            state,
            message,
            reason: None,
            healthy: None,
            blame: None,
            droppable: false,
        }
    }
}

/// What a step of the task asks the core to do.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) outputs: Vec<Output>,
    pub(super) reports: Vec<Report>,
}
