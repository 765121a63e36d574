//! Why workers make transitions, and who causes them.

use std::{fmt, sync::Arc, time::Duration};

use super::{origin::Misfit, state::AgentProfile};

/// Who caused a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// This scheduler.
    Scheduler,
    /// An operator, by a command.
    Operator,
    /// The Mesos master or agent.
    Mesos,
    /// The worker's executor.
    Executor,
    /// Flink's JobManager.
    JobManager,
}

/// Why a worker made a transition. Formatted only on request, because there are far more
/// transitions than requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An offer of this agent fits.
    Fits(Arc<AgentProfile>),
    /// Its launch was sent to Mesos.
    Launched(Arc<AgentProfile>),
    /// Its offer was declined before the launch was sent.
    OfferDeclined,
    /// A status of its task, as text.
    Status(String),
    /// The JobManager lists it.
    Listed,
    /// Its executor has not reported for this long.
    Silent(Duration),
    /// It did not register with the JobManager within this time.
    Unregistered(Duration),
    /// It is unreachable and is replaced.
    Unreachable,
    /// It has returned after it was replaced.
    Returned,
    /// It must leave its agent.
    Leaves(Leaving),
    /// It cannot register with the current JobManager.
    Misfit(Box<Misfit>),
    /// Fewer workers are wanted.
    Surplus,
    /// No job needs it.
    Unused,
    /// The cluster is stopping.
    Stopping,
    /// It has not stopped within this time, so Mesos kills its executor.
    Disobeys(Duration),
    /// Mesos removed the framework.
    FrameworkRemoved,
    /// The framework was forgotten as configured.
    FrameworkForgotten,
}

/// Why an agent's workers leave it, and nothing is launched there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vacated {
    /// An operator drains it.
    Drained,
    /// Mesos wants it back.
    Maintenance,
}

/// Why a worker must leave its agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leaving {
    /// All workers leave that agent.
    Agent(Vacated),
    /// All workers are restarted.
    Restarted,
}

impl fmt::Display for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheduler => "scheduler",
            Self::Operator => "operator",
            Self::Mesos => "mesos",
            Self::Executor => "executor",
            Self::JobManager => "jobmanager",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fits(place) => write!(f, "an offer of {} fits", place.hostname),
            Self::Launched(place) => write!(f, "launched on {}", place.hostname),
            Self::OfferDeclined => f.write_str("its offer was declined"),
            Self::Status(text) => f.write_str(text),
            Self::Listed => f.write_str("the JobManager lists it"),
            Self::Silent(time) => {
                write!(f, "its executor has not reported for {} s", time.as_secs())
            }
            Self::Unregistered(time) => {
                write!(f, "it did not register with the JobManager within {} s", time.as_secs())
            }
            Self::Unreachable => f.write_str("it is unreachable and is replaced"),
            Self::Returned => f.write_str("it has returned after it was replaced"),
            Self::Leaves(why) => why.fmt(f),
            Self::Misfit(why) => why.fmt(f),
            Self::Surplus => f.write_str("fewer workers are wanted"),
            Self::Unused => f.write_str("no job needs it"),
            Self::Stopping => f.write_str("the cluster is stopping"),
            Self::Disobeys(time) => {
                let seconds = time.as_secs();
                write!(
                    f,
                    "it has not stopped within {seconds} s: asking Mesos to kill its executor"
                )
            }
            Self::FrameworkRemoved => f.write_str("Mesos removed the framework"),
            Self::FrameworkForgotten => f.write_str("the framework was forgotten as configured"),
        }
    }
}

impl fmt::Display for Vacated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Drained => "the agent is drained",
            Self::Maintenance => "the agent goes into maintenance",
        })
    }
}

impl fmt::Display for Leaving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agent(vacated) => vacated.fmt(f),
            Self::Restarted => f.write_str("all workers are restarted"),
        }
    }
}
