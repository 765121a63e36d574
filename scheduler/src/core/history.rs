//! The last thousand transitions of workers, with cause and initiator.

use std::{collections::VecDeque, fmt};

use super::{
    cause::{Cause, Initiator},
    ids::{Moment, WorkerId},
    worker::Phase,
};

/// A stage in a worker's life. Most are its phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// No worker exists yet.
    Wanted,
    /// See [`Phase::Storing`].
    Storing,
    /// See [`Phase::Launching`].
    Launching,
    /// See [`Phase::Staging`].
    Staging,
    /// See [`Phase::Running`].
    Running,
    /// The JobManager lists it.
    Registered,
    /// See [`Phase::Unreachable`].
    Unreachable,
    /// It is unreachable, and nothing waits for it.
    WrittenOff,
    /// See [`Phase::Killing`].
    Killing,
    /// Mesos was asked to end its executor.
    ShuttingDown,
    /// The worker no longer exists.
    Gone,
}

impl From<Phase> for Step {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Storing => Self::Storing,
            Phase::Launching => Self::Launching,
            Phase::Staging => Self::Staging,
            Phase::Running => Self::Running,
            Phase::Killing(_) => Self::Killing,
            Phase::Unreachable => Self::Unreachable,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wanted => "wanted",
            Self::Storing => "storing",
            Self::Launching => "launching",
            Self::Staging => "staging",
            Self::Running => "running",
            Self::Registered => "registered",
            Self::Unreachable => "unreachable",
            Self::WrittenOff => "written off",
            Self::Killing => "killing",
            Self::ShuttingDown => "shutting down",
            Self::Gone => "gone",
        })
    }
}

/// One transition of one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: Moment,
    /// The worker.
    pub worker: WorkerId,
    /// The step before.
    pub from: Step,
    /// The step after.
    pub to: Step,
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
                from: Step::Staging,
                to: Step::Running,
                cause: Cause::Listed,
                by,
            });
        }
        let kept: Vec<_> = history.iter().map(|step| step.at.0).collect();
        assert_eq!((kept.len(), kept.first(), kept.last()), (1000, Some(&500), Some(&1499)));
    }
}
