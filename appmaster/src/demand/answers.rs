//! Answers of Flink's REST API, as far as they say what jobs need. Fields that a version of Flink
//! lacks are optional.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `/jobs/overview`.
#[derive(Debug, Deserialize)]
pub(crate) struct JobsOverview {
    pub(crate) jobs: Vec<JobSummary>,
}

/// One job in `/jobs/overview`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct JobSummary {
    pub(crate) jid: String,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) tasks: TaskCounts,
    /// From Flink 2.3 on.
    #[serde(rename = "schedulerType")]
    pub(crate) scheduler: Option<String>,
    /// From Flink 2.3 on.
    #[serde(rename = "jobType")]
    pub(crate) kind: Option<String>,
}

impl JobSummary {
    /// Whether tasks run, and none is on the way to that. Later tasks of a batch job may be created
    /// only.
    pub(crate) fn runs(&self) -> bool {
        self.state == "RUNNING"
            && self.tasks.running > 0
            && self.tasks.running == self.tasks.active()
    }
}

/// Number of tasks by state. The overview has the states in small letters.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub(crate) struct TaskCounts {
    #[serde(alias = "SCHEDULED")]
    pub(crate) scheduled: u64,
    #[serde(alias = "DEPLOYING")]
    pub(crate) deploying: u64,
    #[serde(alias = "INITIALIZING")]
    pub(crate) initializing: u64,
    #[serde(alias = "RUNNING")]
    pub(crate) running: u64,
    #[serde(alias = "CANCELING")]
    pub(crate) canceling: u64,
}

impl TaskCounts {
    /// Tasks that have a slot or wait for one.
    pub(crate) fn active(self) -> u64 {
        [self.scheduled, self.deploying, self.initializing, self.running, self.canceling]
            .into_iter()
            .fold(0, u64::saturating_add)
    }
}

/// `/jobs/:id`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct JobDetail {
    #[serde(default)]
    pub(crate) vertices: Vec<Vertex>,
    /// From Flink 1.20 on.
    #[serde(rename = "job-type")]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) plan: Plan,
}

impl JobDetail {
    /// `STREAMING` or `BATCH`, if it is known.
    pub(crate) fn kind(&self) -> Option<&str> {
        self.kind.as_deref().or(self.plan.kind.as_deref())
    }
}

/// The plan of a job.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Plan {
    /// Whether the job is a streaming or a batch job.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
}

/// A vertex of a job.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Vertex {
    pub(crate) id: String,
    /// -1: not decided yet.
    #[serde(default)]
    pub(crate) parallelism: i64,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) tasks: TaskCounts,
    /// Vertices with the same one share slots. From Flink 1.20 on.
    #[serde(rename = "slotSharingGroupId")]
    pub(crate) group: Option<String>,
}

/// `/jobs/:id/resource-requirements`: by vertex.
pub(crate) type Requirements = BTreeMap<String, Requirement>;

/// What the adaptive scheduler wants for one vertex.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Requirement {
    pub(crate) parallelism: Parallelism,
}

/// The bounds of a vertex's parallelism.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Parallelism {
    #[serde(rename = "upperBound")]
    pub(crate) upper: i64,
}

/// `/taskmanagers`.
#[derive(Debug, Deserialize)]
pub(crate) struct TaskManagers {
    pub(crate) taskmanagers: Vec<TaskManager>,
}

/// A registered TaskManager.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TaskManager {
    pub(crate) id: String,
    #[serde(default, rename = "slotsNumber")]
    pub(crate) slots: u64,
    #[serde(default, rename = "freeSlots")]
    pub(crate) free: u64,
}

/// `/jobs/:id/vertices/:id/taskmanagers`.
#[derive(Debug, Deserialize)]
pub(crate) struct VertexPlaces {
    pub(crate) taskmanagers: Vec<VertexPlace>,
}

/// A TaskManager with tasks of a vertex.
#[derive(Debug, Deserialize)]
pub(crate) struct VertexPlace {
    #[serde(rename = "taskmanager-id")]
    pub(crate) id: String,
}

/// `/datasets`: results of jobs that have ended, which later jobs may read.
#[derive(Debug, Deserialize)]
pub(crate) struct DataSets {
    #[serde(rename = "dataSets")]
    pub(crate) data_sets: Vec<serde::de::IgnoredAny>,
}
