//! What goes into the core and what comes out of it.

use std::{fmt, sync::Arc, time::Duration};

use fetcher::Progress;
use mesos::v1::{
    ExecutorId, TaskId, TaskInfo, TaskState, TaskStatus,
    task_status::{Reason, Source},
};

pub use overlays::blame::Blame;

use super::{task::Report, worker::Worker};
use crate::text;

/// When something happens.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Time since the executor started, from a clock that never jumps.
    pub elapsed: Duration,
    /// Seconds since 1970, for the timestamps of updates.
    pub unix: f64,
}

/// What the core needs to know once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Our id at the agent.
    pub executor_id: String,
    /// With checkpointing: how long a restarting agent may stay away.
    pub recovery_timeout: Option<Duration>,
    /// The longest pause between two attempts to subscribe that the agent asks for.
    pub subscription_backoff_max: Duration,
    /// After SHUTDOWN the agent waits this long before it kills us.
    pub shutdown_grace: Duration,
    /// From SIGTERM to SIGKILL when no kill policy says otherwise.
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
    /// `LAUNCH_GROUP`: not for us.
    LaunchGroup(Vec<TaskInfo>),
    /// KILL.
    Kill {
        /// Which task.
        task_id: String,
        /// From the event's kill policy.
        grace: Option<Duration>,
    },
    /// ACKNOWLEDGED.
    Acknowledged {
        /// Whose update.
        task_id: String,
        /// Which update.
        uuid: Vec<u8>,
    },
    /// SHUTDOWN, or a signal that asks us to end, or a fatal ERROR of the agent: the text says which.
    Shutdown(&'static str),
    /// The request of a `Send` failed.
    SendFailed,
    /// The fetch goes on.
    Progress(Progress),
    /// All artifacts are there.
    Fetched,
    /// The process is up.
    Started {
        /// Its process id.
        pid: u32,
        /// It was started with class data that another one has left.
        class_data: bool,
    },
    /// The process listens on its data port.
    Listening,
    /// The process has registered with the JobManager.
    Registered,
    /// It has not, for as long as its options allow: what its log says about that.
    Unregistered(String),
    /// The fetch or the start failed.
    Failed(Failure),
    /// The fetch or the start was cancelled, nothing runs.
    Cancelled,
    /// The process ended and nothing of it is left.
    Exited(Exit),
    /// The time that [`super::Core::deadline`] named has come.
    Tick,
}

/// What is to be done.
#[derive(Debug)]
pub enum Output {
    /// Open the event stream.
    Subscribe {
        /// Launched tasks of which the agent has acknowledged nothing.
        tasks: Vec<TaskInfo>,
        /// Unacknowledged updates, oldest first.
        updates: Vec<TaskStatus>,
    },
    /// A new update, once: for those who ask later, whether or not the agent is there to hear it.
    Note(Box<TaskStatus>),
    /// Send the update; in the order of these outputs.
    Send(Box<TaskStatus>),
    /// Fetch the artifacts.
    Fetch(Arc<Worker>),
    /// Write the configuration and start the TaskManager.
    Start {
        /// Which.
        worker: Arc<Worker>,
        /// Not so with what the one before was started with: that is not to be used again.
        distrust: bool,
    },
    /// Give up the fetch or the start under way.
    Cancel,
    /// SIGTERM to the TaskManager and everything that came of it.
    Terminate,
    /// SIGKILL to everything that came of the TaskManager.
    Destroy,
    /// The executor is done.
    End {
        /// Why, in a sentence.
        reason: &'static str,
        /// The agent has acknowledged everything.
        clean: bool,
    },
}

/// Why a task could not be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// `TASK_FAILED`, or `TASK_ERROR` when the task itself is wrong.
    pub state: TaskState,
    /// Mesos's classification, where one fits.
    pub reason: Option<Reason>,
    /// Who has to act on it.
    pub blame: Blame,
    /// What happened, for that person.
    pub message: String,
}

/// How a process ended that was guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Code or signal.
    pub status: ExitStatus,
    /// What it took.
    pub survivors: Survivors,
}

/// What was still alive when the grace after SIGTERM was over, and was ended by SIGKILL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Survivors {
    /// The TaskManager itself.
    pub task_manager: bool,
    /// How many of the processes that came of it.
    pub others: usize,
}

/// How the TaskManager's process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Code or signal.
    pub status: ExitStatus,
    /// What had to be killed.
    pub survivors: Survivors,
    /// Mesos's classification, where one fits.
    pub reason: Option<Reason>,
    /// Who has to act on it.
    pub blame: Blame,
    /// What the log says about it, for that person; may be empty.
    pub explanation: String,
}

impl Exit {
    /// It failed, nobody killed it, and nothing that it left behind says what somebody could do about it.
    pub(super) fn is_unexplained_death(&self) -> bool {
        use nix::libc::{SIGKILL, SIGTERM};
        let unforced =
            !matches!(self.status, ExitStatus::Code(0) | ExitStatus::Signal(SIGKILL | SIGTERM) | ExitStatus::Unknown);
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
    /// Its guard was lost, so nobody saw how it ended.
    Unknown,
}

impl Settings {
    /// The report as Mesos wants it, without its uuid.
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
    /// As of a process that does what SIGTERM asks for.
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
            Self::Unknown => write!(f, "ended in a way nobody saw"),
        }
    }
}
