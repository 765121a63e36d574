//! What became of each worker, and who wanted that: the last thousand steps.

use std::{collections::VecDeque, fmt};

use super::message::{Moment, WorkerId};

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
    pub cause: String,
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
