//! The durable state of a cluster, and its changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    constraint::Values,
    ids::{Moment, WorkerId},
    origin::Origin,
    scale::Scale,
};

/// An agent as its offers describe it. All messages about a worker on that agent share one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentProfile {
    /// The Mesos agent.
    pub agent: String,
    /// Its host name.
    pub hostname: String,
    /// The values that placement constraints compare.
    pub values: Values,
}

impl AgentProfile {
    /// Whether an operator may call it so: by its id or its host name.
    pub fn is_called(&self, name: &str) -> bool {
        self.agent == name || self.hostname == name
    }
}

/// A worker as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerRecord {
    /// The worker.
    pub id: WorkerId,
    /// Where it was launched.
    pub place: Arc<AgentProfile>,
    /// When the launch was decided.
    pub launched: Moment,
    /// Whether its TaskManager was ever seen running.
    pub running: bool,
    /// Whether it must end: it is killed wherever it turns up.
    pub released: bool,
    /// The generation it was launched in; see [`State::generation`].
    pub generation: u64,
    /// What its TaskManager was started for; unknown in records of earlier versions.
    pub origin: Option<Arc<Origin>>,
}

/// Limits for replacing running workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Extra workers allowed during the replacement.
    pub surge: usize,
    /// Number of workers below the target that may be missing during the replacement.
    pub max_unavailable: usize,
}

impl Move {
    /// The largest value of either: the largest number of workers.
    pub const MOST: usize = 100_000;

    /// Whether these limits allow any replacement.
    pub fn is_possible(self) -> bool {
        self.check().is_ok()
    }

    /// The error if these limits cannot work, and what is allowed.
    pub fn check(self) -> Result<(), String> {
        for (name, number) in [("surge", self.surge), ("max-unavailable", self.max_unavailable)] {
            if number > Self::MOST {
                return Err(format!("{name} {number} is out of range (0 to {})", Self::MOST));
            }
        }
        if self.surge == 0 && self.max_unavailable == 0 {
            return Err("with surge 0 and max-unavailable 0 no worker can be replaced: one of them must be 1 or more"
                .to_owned());
        }
        Ok(())
    }
}

impl Default for Move {
    fn default() -> Self {
        Self { surge: 1, max_unavailable: 0 }
    }
}

/// Marks a cluster that has ended for good, or is about to: a standby must not start it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The exit code of every application master.
    pub exit_code: u8,
    /// The reason, if it did not end well.
    pub why: String,
}

/// The parts of a framework's registration that Mesos does not let change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// Its user; `None` if unknown. Mesos silently ignores another user.
    pub user: Option<String>,
    /// Its principal, if it has one. Mesos refuses the framework with another principal.
    pub principal: Option<String>,
}

/// One change of the durable state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The framework id assigned by Mesos; `None` when the framework was removed.
    Framework(Option<String>),
    /// The framework's user and principal.
    Registration(Registration),
    /// The number that the next worker gets.
    NextNumber(u64),
    /// A new or changed record of a worker.
    Worker(WorkerRecord),
    /// A worker that is gone.
    Forget(WorkerId),
    /// A drained agent, by id or host name.
    Drain(String),
    /// An agent that may be used again.
    Undrain(String),
    /// Replace workers of earlier generations, within these limits.
    Generation(u64, Move),
    /// The number of workers that an operator has set; `None`: the configured one.
    Scale(Option<Scale>),
    /// The cluster ends.
    End(Ended),
}

/// The durable state as found at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Drawn by each leader; part of the ids of the workers that it launches. The store has the
    /// first leader's.
    pub epoch: String,
    /// The framework id, once registered.
    pub framework: Option<String>,
    /// The framework's user and principal; unknown in states of earlier versions.
    pub registration: Option<Registration>,
    /// The number that the next worker gets, counted from 1.
    pub next_number: u64,
    /// All workers that may exist.
    pub workers: BTreeMap<WorkerId, WorkerRecord>,
    /// Drained agents, by id or host name.
    pub draining: BTreeSet<String>,
    /// Number of restarts of all workers. Workers of earlier generations are replaced.
    pub generation: u64,
    /// Limits for replacing them.
    pub restart: Move,
    /// The number of workers that an operator has set.
    pub scale: Option<Scale>,
    /// Set if the cluster ended while this application master was a standby. Only set where
    /// standbys are possible.
    pub ended: Option<Ended>,
}

impl State {
    /// The state of a cluster that never ran.
    pub fn fresh(epoch: String) -> Self {
        Self { epoch, next_number: 1, ..Self::default() }
    }

    /// The state with which a new leader starts. The store may have been restored from an older
    /// copy, so its numbers alone cannot keep ids unique: each leader has a new epoch.
    #[must_use]
    pub fn led_again(self, epoch: String) -> Self {
        Self { epoch, ..self }
    }

    /// The next worker's number, at least 1. Ids do not depend on it alone ([`WorkerId`]). So a
    /// number too large to count up, which only a manipulated state has, starts again at 1.
    pub fn first_number(&self) -> u64 {
        if (1..u64::MAX / 2).contains(&self.next_number) { self.next_number } else { 1 }
    }

    /// Applies one change.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Framework(id) => {
                self.framework.clone_from(id);
                self.registration = None;
            }
            Change::Registration(registration) => self.registration = Some(registration.clone()),
            Change::NextNumber(number) => self.next_number = *number,
            Change::Worker(record) => {
                self.workers.insert(record.id.clone(), record.clone());
            }
            Change::Forget(id) => {
                self.workers.remove(id);
            }
            Change::Drain(agent) => {
                self.draining.insert(agent.clone());
            }
            Change::Undrain(agent) => {
                self.draining.remove(agent);
            }
            Change::Generation(generation, pace) => {
                (self.generation, self.restart) = (*generation, *pace);
            }
            Change::Scale(scale) => self.scale = *scale,
            Change::End(ended) => self.ended = Some(ended.clone()),
        }
    }
}
