//! The inputs and outputs of the core.

use std::{fmt, sync::Arc, time::Duration};

use fetcher_client::Progress;
use mesos::v1::{
    ExecutorId, TaskId, TaskInfo, TaskState, TaskStatus,
    task_status::{Reason, Source},
};

pub use overlays::blame::Blame;

use super::{effects::Report, worker::Worker};
use crate::text;

/// The time of an input.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Time since the executor started, from a clock that never jumps.
    pub elapsed: Duration,
    /// Seconds since 1970, for the timestamps of updates.
    pub unix: f64,
}

/// Settings of the core that never change.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Our executor id, as the agent assigned it.
    pub executor_id: String,
    /// With checkpointing: how long a restarting agent may stay away. None without checkpointing.
    pub recovery_timeout: Option<Duration>,
    /// The longest pause between two attempts to subscribe, as the agent requests it.
    pub subscription_backoff_max: Duration,
    /// After SHUTDOWN the agent waits this long before it kills us.
    pub shutdown_grace: Duration,
    /// From SIGTERM to SIGKILL without a kill policy.
    pub kill_grace: Duration,
}

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The shell is ready.
    Begin,
    /// The agent answered a `Subscribe`.
    Subscribed {
        /// The framework wants to see `TASK_KILLING`.
        killing_state: bool,
    },
    /// An attempt to subscribe failed, or the stream ended.
    Disconnected,
    /// LAUNCH.
    Launch(Box<TaskInfo>),
    /// `LAUNCH_GROUP`, which this executor does not support.
    LaunchGroup(Vec<TaskInfo>),
    /// KILL.
    Kill {
        /// Id of the task.
        task_id: String,
        /// The grace in the event's kill policy, if any.
        grace: Option<Duration>,
    },
    /// ACKNOWLEDGED.
    Acknowledged {
        /// Id of the task.
        task_id: String,
        /// The acknowledged update.
        uuid: Vec<u8>,
    },
    /// SHUTDOWN, a signal that asks us to end, or a fatal ERROR of the agent; the text says which.
    Shutdown(&'static str),
    /// The request of a `Send` failed.
    SendFailed,
    /// The fetch has made progress.
    Progress(Progress),
    /// All artifacts are in the sandbox.
    Fetched,
    /// The process is up.
    Started {
        /// Its process id.
        pid: u32,
        /// Whether it was started with class data that an earlier TaskManager left.
        class_data: bool,
    },
    /// The process listens on its data port.
    Listening,
    /// The process has registered with the JobManager.
    Registered,
    /// The process did not register in time; the text is what its log says about that.
    Unregistered(String),
    /// The fetch or the start failed.
    Failed(Failure),
    /// The fetch or the start was cancelled, and no process is left.
    Cancelled,
    /// The process ended, and none of its descendants is left.
    Exited(Exit),
    /// The time that [`super::Core::deadline`] returned has come.
    Tick,
}

/// What the shell must do.
#[derive(Debug)]
pub enum Output {
    /// Open the event stream.
    Subscribe {
        /// Launched tasks of which the agent has acknowledged no update.
        tasks: Vec<TaskInfo>,
        /// Unacknowledged updates, oldest first.
        updates: Vec<TaskStatus>,
    },
    /// A new update, reported once: for the log and the journal, whether or not the agent is
    /// connected.
    Note(Box<TaskStatus>),
    /// Send the update. Updates are sent in the order of these outputs.
    Send(Box<TaskStatus>),
    /// Fetch the artifacts.
    Fetch(Arc<Worker>),
    /// Write the configuration and start the TaskManager.
    Start {
        /// The worker to start.
        worker: Arc<Worker>,
        /// Quarantine the class data of the previous start and start without any.
        quarantine: bool,
    },
    /// Cancel the fetch or the start under way.
    Cancel,
    /// Send SIGTERM to the TaskManager and all its descendants.
    Terminate,
    /// Send SIGKILL to the TaskManager and all its descendants.
    Destroy,
    /// The executor must exit.
    End {
        /// Why, in a sentence.
        reason: &'static str,
        /// Whether the agent has acknowledged everything.
        clean: bool,
    },
}

/// Why a task could not be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `TASK_FAILED`, or `TASK_ERROR` if the task itself is invalid.
    pub state: TaskState,
    /// Mesos's reason, where one fits.
    pub reason: Option<Reason>,
    /// Who can fix it.
    pub blame: Blame,
    /// What happened, written for the person who can fix it.
    pub message: String,
}

/// How a guarded process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Code or signal.
    pub status: ExitStatus,
    /// What SIGKILL had to end.
    pub survivors: Survivors,
}

/// The processes that were still alive after the grace and were ended by SIGKILL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survivors {
    /// Whether the TaskManager itself was.
    pub task_manager: bool,
    /// How many of its descendants were.
    pub others: usize,
}

/// How the TaskManager's process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Code or signal.
    pub status: ExitStatus,
    /// What SIGKILL had to end.
    pub survivors: Survivors,
    /// Mesos's reason, where one fits.
    pub reason: Option<Reason>,
    /// Who can fix it.
    pub blame: Blame,
    /// What the logs say about it, written for the person who can fix it; may be empty.
    pub explanation: String,
}

impl Exit {
    /// Whether it failed, was not killed, and left nothing that explains why.
    pub(super) fn is_unexplained_death(&self) -> bool {
        use nix::libc::{SIGKILL, SIGTERM};
        let unforced = !matches!(
            self.status,
            ExitStatus::Code(0) | ExitStatus::Signal(SIGKILL | SIGTERM) | ExitStatus::Unknown
        );
        unforced && self.blame == Blame::Worker
    }
}

/// Code or signal of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// The guard was lost, so the status is unknown.
    Unknown,
}

impl Settings {
    /// The report as a Mesos status, without its uuid.
    pub(super) fn status(&self, now: Now, report: Report) -> TaskStatus {
        TaskStatus {
            task_id: TaskId { value: report.task_id },
            state: report.state.into(),
            message: Some(text::lines(&report.message).into_owned()),
            source: Some(Source::Executor.into()),
            reason: report.reason.map(Into::into),
            executor_id: Some(ExecutorId { value: self.executor_id.clone() }),
            timestamp: Some(now.unix),
            healthy: report.healthy,
            ..TaskStatus::default()
        }
    }
}

impl ExitStatus {
    /// Whether it is the status of a process that obeyed SIGTERM.
    pub(super) fn obeys_sigterm(self) -> bool {
        matches!(self, Self::Code(0 | 143) | Self::Signal(nix::libc::SIGTERM))
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(number) => match nix::sys::signal::Signal::try_from(*number) {
                Ok(signal) => write!(f, "was ended by {signal}"),
                Err(_) => write!(f, "was ended by signal {number}"),
            },
            Self::Unknown => write!(f, "ended with unknown status"),
        }
    }
}
