//! What became of each worker, and who wanted that: the last thousand steps.

use std::{collections::VecDeque, fmt, sync::Arc};

use super::message::{Moment, Place, WorkerId};

/// Who made a worker take a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// This scheduler.
    Scheduler,
    /// A person, by a command.
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

/// Why a worker took a step. Put into words when somebody asks: there are many more steps than questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It fits there.
    Fits(Arc<Place>),
    /// Its launch has left for Mesos.
    Launched(Arc<Place>),
    /// As said here.
    Said(&'static str),
    /// As was told.
    Told(String),
}

impl From<&'static str> for Cause {
    fn from(text: &'static str) -> Self {
        Self::Said(text)
    }
}

impl From<String> for Cause {
    fn from(text: String) -> Self {
        Self::Told(text)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fits(place) => write!(f, "an offer of {} fits", place.hostname),
            Self::Launched(place) => write!(f, "launched on {}", place.hostname),
            Self::Said(text) => f.write_str(text),
            Self::Told(text) => f.write_str(text),
        }
    }
}

/// One step of one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: Moment,
    /// Whose.
    pub worker: WorkerId,
    /// Where it stood; `wanted` before it was there.
    pub from: &'static str,
    /// Where it stands now; `gone` when it is there no longer.
    pub to: &'static str,
    /// Why.
    pub cause: Cause,
    /// Who made it so.
    pub by: Initiator,
}

const LONGEST: usize = 1000;

/// The last steps, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History(VecDeque<Transition>);

impl History {
    pub(super) fn add(&mut self, transition: Transition) {
        if self.0.len() == LONGEST {
            self.0.pop_front();
        }
        self.0.push_back(transition);
    }

    /// The steps, oldest first.
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
            history.add(Transition { at: Moment(at), worker, from: "staging", to: "running", cause: "so".into(), by });
        }
        let kept: Vec<_> = history.iter().map(|step| step.at.0).collect();
        assert_eq!((kept.len(), kept.first(), kept.last()), (1000, Some(&500), Some(&1499)));
    }
}
