//! The last thousand transitions of workers, with cause and initiator.

use std::{collections::VecDeque, fmt, sync::Arc};

use super::{
    ids::{Moment, WorkerId},
    state::AgentProfile,
};

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

/// Why a worker made a transition. Formatted only on request, because there are far more
/// transitions than requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An offer of this agent fits.
    Fits(Arc<AgentProfile>),
    /// Its launch was sent to Mesos.
    Launched(Arc<AgentProfile>),
    /// A fixed text.
    Fixed(&'static str),
    /// A text from elsewhere.
    Text(String),
}

impl From<&'static str> for Cause {
    fn from(text: &'static str) -> Self {
        Self::Fixed(text)
    }
}

impl From<String> for Cause {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fits(place) => write!(f, "an offer of {} fits", place.hostname),
            Self::Launched(place) => write!(f, "launched on {}", place.hostname),
            Self::Fixed(text) => f.write_str(text),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// One transition of one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: Moment,
    /// The worker.
    pub worker: WorkerId,
    /// The phase before; `wanted` before the worker existed.
    pub from: &'static str,
    /// The phase after; `gone` once the worker no longer exists.
    pub to: &'static str,
    /// Why.
    pub cause: Cause,
    /// The initiator.
    pub by: Initiator,
}

const LONGEST: usize = 1000;

/// The last transitions, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History(VecDeque<Transition>);

impl History {
    pub(super) fn add(&mut self, transition: Transition) {
        if self.0.len() == LONGEST {
            self.0.pop_front();
        }
        self.0.push_back(transition);
    }

    /// The transitions, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Transition> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_thousand_steps_are_kept() {
        let mut history = History::default();
        for at in 0..1500 {
            let (worker, by) = (WorkerId::new("e", 1), Initiator::Mesos);
            history.add(Transition {
                at: Moment(at),
                worker,
                from: "staging",
                to: "running",
                cause: "so".into(),
                by,
            });
        }
        let kept: Vec<_> = history.iter().map(|step| step.at.0).collect();
        assert_eq!((kept.len(), kept.first(), kept.last()), (1000, Some(&500), Some(&1499)));
    }
}
