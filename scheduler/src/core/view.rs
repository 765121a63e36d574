//! What the core shows to the shell, and through it to people.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Core,
    cause::Leaving,
    history::History,
    ids::{Moment, WorkerId},
    offers::Suspicion,
    scale::Scale,
    totals::Totals,
    worker::Worker,
};

impl Core {
    /// The workers, by id.
    pub fn workers(&self) -> &BTreeMap<WorkerId, Box<Worker>> {
        self.workers.fleet().workers()
    }

    /// The moment of the last input.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Whether the cluster is being ended.
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Whether the master takes our calls now.
    pub fn is_subscribed(&self) -> bool {
        self.session.is_subscribed()
    }

    /// Number of workers whose state Mesos has not reported since it was asked.
    pub fn unanswered(&self) -> usize {
        self.workers.fleet().unanswered().len()
    }

    /// How many workers are wanted.
    pub fn target(&self) -> usize {
        self.target
    }

    /// The number of workers that an operator has set, if one has.
    pub fn scale(&self) -> Option<Scale> {
        self.scale
    }

    /// How often all workers were restarted; those of earlier generations are being replaced.
    pub fn generation(&self) -> u64 {
        self.moves.generation()
    }

    /// Why nothing is launched although workers are missing: the store, or the offers since the
    /// last launch.
    pub fn starved(&self) -> Option<String> {
        if self.missing() == 0 {
            None
        } else if self.writes.are_late(self.now) {
            Some("the state cannot be stored, and nothing is launched until it can".to_owned())
        } else {
            self.offers.why_nothing_fits()
        }
    }

    /// Why offers were declined since the last launch, and how many for each reason.
    pub fn refusals(&self) -> Vec<(String, usize)> {
        self.offers.refusals()
    }

    /// What has become of offers and failed workers since the start.
    pub fn totals(&self) -> &Totals {
        self.offers.totals()
    }

    /// The last write that is not durable yet.
    pub fn unstored(&self) -> Option<u64> {
        self.writes.last()
    }

    /// The last transitions of current and past workers.
    pub fn history(&self) -> &History {
        self.workers.history()
    }

    /// Whether failures on this agent, called by its id or host name, still count.
    pub fn has_failures_on(&self, agent: &str) -> bool {
        self.offers.has_failures_on(agent)
    }

    /// Agents on which workers failed.
    pub fn suspicions(&self) -> Vec<Suspicion> {
        self.offers.suspicions(self.now)
    }

    /// Drained agents, by id or host name.
    pub fn draining(&self) -> &BTreeSet<String> {
        self.moves.draining()
    }

    /// Why this worker must leave its agent, if it must.
    pub fn leaves(&self, worker: &Worker) -> Option<Leaving> {
        self.moves.leaves(self.now, worker)
    }
}
