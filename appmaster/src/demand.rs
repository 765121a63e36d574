//! How many TaskManagers the jobs need, read from the JobManager's REST API.
//!
//! ```text
//!   JobManager ◀── poller ──▶ Observation ──▶ policy ──▶ more wanted, at once
//!                  (answers, slots)             │        fewer wanted, once workers were idle
//!                                               ▼
//!                                    reasons: why jobs still wait
//! ```
//!
//! `slots` and `policy` do no I/O and read no clock.

pub(crate) mod answers;
pub(crate) mod policy;
pub(crate) mod poller;
pub(crate) mod reasons;
mod slots;

use std::collections::BTreeMap;

use scheduler::core::ids::WorkerId;
use tokio::time::Instant;

/// What the JobManager has answered at one moment.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The jobs that have not ended.
    pub jobs: Vec<JobNeed>,
    /// Whether each of these jobs has said what it needs.
    pub is_complete: bool,
    /// The registered TaskManagers.
    pub task_managers: BTreeMap<WorkerId, Slots>,
    /// When the TaskManagers were listed.
    pub at: Instant,
}

/// What a job needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobNeed {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The slots that it can use.
    pub slots: u64,
    /// The slots that it needs in addition if it still waits with these. Flink 1.18 does not say
    /// which vertices share slots.
    pub more: u64,
    /// Whether any of its tasks waits for a slot.
    pub waits: bool,
    /// Whether tasks run, and none is on the way to that.
    pub runs: bool,
    /// Whether it is, or may be, a batch job, whose results stay on TaskManagers without a task.
    pub keeps_results: bool,
    /// Its vertices.
    pub vertices: Vec<String>,
}

/// The slots of a TaskManager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// All of them.
    pub all: u64,
    /// Those that are free.
    pub free: u64,
}

impl Slots {
    /// Those that jobs have.
    pub(crate) fn used(&self) -> u64 {
        self.all.saturating_sub(self.free)
    }

    /// Whether no job has a slot of it.
    pub(crate) fn is_idle(self) -> bool {
        self.free >= self.all
    }
}

impl Observation {
    /// The slots that all jobs can use.
    pub(crate) fn wanted_slots(&self) -> u64 {
        self.jobs.iter().fold(0, |sum, job| sum.saturating_add(job.slots))
    }

    /// The free slots of all TaskManagers.
    pub(crate) fn free_slots(&self) -> u64 {
        self.task_managers.values().fold(0, |sum, slots| sum.saturating_add(slots.free))
    }
}
