//! The cluster at a glance: the answer to `GET /status`, shared by the API and its clients.

mod conditions;
mod text;

use serde::{Deserialize, Serialize};

pub(crate) use self::{
    conditions::{Disconnected, Facts, waiting_for},
    text::lines,
};

/// The cluster at a glance. Times are RFC 3339, in UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The framework's name.
    pub cluster: String,
    /// The framework's id at Mesos, once it is registered.
    pub framework: Option<String>,
    /// The user of the application master.
    pub user: String,
    /// Flink's version.
    pub flink: String,
    /// Since when this application master leads.
    pub since: String,
    /// What can be said of the whole.
    pub conditions: Conditions,
    /// Flink's JobManager.
    pub job_manager: JobManager,
    /// How many TaskManagers are in which state.
    pub workers: WorkerCounts,
    /// The jobs that have not ended; `None` if the JobManager does not answer.
    pub jobs: Option<Vec<Job>>,
    /// The last failure of a TaskManager or the JobManager.
    pub last_failure: Option<LastFailure>,
    /// What the cluster waits for.
    pub waiting_for: Vec<String>,
}

/// What can be said of the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// JobManager and all wanted TaskManagers work.
    pub ready: Condition,
    /// Something is starting, moving or stopping.
    pub progressing: Condition,
    /// Something is missing or fails.
    pub degraded: Condition,
}

/// Whether something holds, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Whether it holds.
    pub status: bool,
    /// A sentence.
    pub reason: String,
}

/// Flink's JobManager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobManager {
    /// What it does.
    pub state: JobManagerState,
    /// Its web page, as far as it is known.
    pub web: Option<String>,
}

/// What the JobManager does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobManagerState {
    /// Its REST API does not answer yet.
    #[default]
    Starting,
    /// Its REST API has answered.
    Running,
    /// It has ended and is started again.
    Restarting,
    /// Somebody else runs it, and it does not answer.
    Unreachable,
}

/// How many TaskManagers are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerCounts {
    /// How many there should be.
    pub wanted: usize,
    /// Listed by the JobManager.
    pub registered: usize,
    /// Between the decision to launch and the registration.
    pub starting: usize,
    /// Being stopped.
    pub stopping: usize,
    /// Mesos has lost contact with their agent.
    pub unreachable: usize,
    /// Must leave their agent, or are restarted.
    pub moving: usize,
}

/// A job that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Flink's word for its state, e.g. `RUNNING`.
    pub state: String,
    /// When it was submitted.
    pub since: String,
}

/// A failure of a TaskManager or the JobManager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailure {
    /// When.
    pub at: String,
    /// The TaskManager's id, or `jobmanager`.
    pub what: String,
    /// Why.
    pub reason: String,
}
