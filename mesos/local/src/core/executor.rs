//! What an agent knows of an executor.

use std::time::Duration;

use mesos::v1::{ExecutorInfo, FrameworkInfo, TaskInfo, task_status::Reason};
use uuid::Uuid;

use super::Amount;

/// An executor's name: unique among those that live.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExecutorKey {
    pub(crate) framework: String,
    pub(crate) executor: String,
    /// Index of the agent.
    pub(crate) agent: usize,
}

impl ExecutorKey {
    /// The name of the executor that a task wants, if it wants one.
    pub(super) fn of(task: &TaskInfo, framework: &str, agent: usize) -> Option<Self> {
        let executor = task.executor.as_ref()?.executor_id.value.clone();
        Some(Self { framework: framework.to_owned(), executor, agent })
    }
}

#[derive(Debug)]
pub(super) struct Executor {
    pub(super) info: ExecutorInfo,
    pub(super) framework: FrameworkInfo,
    pub(super) container: Uuid,
    pub(super) resources: Amount,
    pub(super) phase: Phase,
    /// The executor's subscription while it is connected.
    pub(super) stream: Option<Uuid>,
    pub(super) pid: Option<u32>,
    /// Tasks that wait for its subscription.
    pub(super) queued: Vec<TaskInfo>,
    /// Whether it ever was given a task.
    pub(super) used: bool,
    /// Why the agent ended it, if it did: the reason that the status of its tasks must give.
    pub(super) ended_for: Option<(Reason, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Being fetched and started; given up at that moment.
    Registering(Duration),
    Running,
    /// Asked to end; killed at that moment. `None`: already killed.
    Terminating(Option<Duration>),
}

impl Executor {
    pub(super) fn deadline(&self) -> Option<Duration> {
        match self.phase {
            Phase::Registering(at) | Phase::Terminating(Some(at)) => Some(at),
            Phase::Running | Phase::Terminating(None) => None,
        }
    }
}

/// An executor to be started.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Container {
    pub(crate) id: Uuid,
    pub(crate) key: ExecutorKey,
    pub(crate) agent_id: String,
    pub(crate) info: ExecutorInfo,
    /// Whether the framework checkpoints.
    pub(crate) checkpoint: bool,
    /// How long it may take to end after SHUTDOWN.
    pub(crate) grace: Duration,
}

/// How a container came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The process ended, with this raw wait status.
    Exited(i32),
    /// It never came to a process; a sentence why.
    NotLaunched(String),
}
