//! Workers that leave their agent: drained agents, maintenance, and the restart of all workers.
//!
//! ```text
//!   leaving workers ──▶ up to `surge` more are wanted ──▶ a new one is ready ──▶ one leaving worker is killed ──▶ …
//! ```
//!
//! A move never leaves fewer than the target less `max_unavailable` workers ready. What must move
//! is stored, so the next application master continues a move where it stopped.

mod maintenance;

use std::{collections::BTreeSet, time::Duration};

use mesos::v1;

use self::maintenance::Maintenance;
use super::{
    cause::{Leaving, Vacated},
    effects::Effects,
    fleet::Fleet,
    ids::{Moment, WorkerId},
    message::Output,
    state::{Change, Move},
    worker::{Phase, Worker},
};

/// Filter for a declined inverse offer.
const INVERSE_FILTER: Duration = Duration::from_secs(60);

/// Which workers must leave their agents, and how fast they may.
#[derive(Debug)]
pub(super) struct Moves {
    /// Limits for workers that leave an agent.
    limits: Move,
    /// Drained agents, by id or host name.
    draining: BTreeSet<String>,
    maintenance: Maintenance,
    /// Workers of earlier generations are replaced, within the limits of the restart.
    generation: u64,
    restart: Move,
    /// Extra workers allowed while others are replaced.
    surge: usize,
}

impl Moves {
    /// What must move by the stored state.
    pub(super) fn new(
        limits: Move,
        draining: BTreeSet<String>,
        generation: u64,
        restart: Move,
    ) -> Self {
        let maintenance = Maintenance::default();
        Self { limits, draining, maintenance, generation, restart, surge: 0 }
    }

    /// Drained agents, by id or host name.
    pub(super) fn draining(&self) -> &BTreeSet<String> {
        &self.draining
    }

    /// The generation of workers launched now.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Extra workers allowed now.
    pub(super) fn surge(&self) -> usize {
        self.surge
    }

    /// Stops launches on an agent and moves its workers elsewhere.
    pub(super) fn drain(&mut self, agent: String, effects: &mut Effects) {
        if self.draining.insert(agent.clone()) {
            effects.store(Change::Drain(agent));
        }
    }

    /// Allows launches on the agent again.
    pub(super) fn undrain(&mut self, agent: String, effects: &mut Effects) {
        if self.draining.remove(&agent) {
            effects.store(Change::Undrain(agent));
            effects.unfilter();
        }
    }

    /// Replaces every current worker.
    pub(super) fn restart(&mut self, pace: Move, effects: &mut Effects) {
        self.generation = self.generation.saturating_add(1);
        self.restart = pace;
        effects.store(Change::Generation(self.generation, pace));
    }

    /// Gives agents back once the workers there can move. `is_used` says whether there are any.
    pub(super) fn inverse_offers(
        &mut self,
        now: Moment,
        offers: Vec<v1::InverseOffer>,
        is_used: impl Fn(&str) -> bool,
        effects: &mut Effects,
    ) {
        let can_move = self.limits.is_possible();
        for offer in offers {
            let Some(agent) = offer.agent_id.map(|agent| agent.value) else { continue };
            if can_move || !is_used(&agent) {
                let start = Moment::begin_of(&offer.unavailability);
                self.maintenance.add(now, agent, start, offer.id.value.clone());
                effects.output(Output::AcceptInverse(vec![offer.id]));
            } else {
                effects.output(Output::DeclineInverse(vec![offer.id], INVERSE_FILTER));
            }
        }
    }

    /// Mesos no longer wants the agent back.
    pub(super) fn inverse_rescinded(&mut self, offer: &str, effects: &mut Effects) {
        if self.maintenance.rescinded(offer) {
            effects.unfilter();
        }
    }

    /// Forgets agents that Mesos no longer asks for.
    pub(super) fn forget_maintenance(&mut self, now: Moment, effects: &mut Effects) {
        if self.maintenance.expire(now) {
            effects.unfilter();
        }
    }

    /// The next master sends its inverse offers again.
    pub(super) fn disconnected(&mut self) {
        self.maintenance.clear();
    }

    /// Why nothing is launched on this agent and its workers leave, if so.
    pub(super) fn vacated(&self, agent: &str, hostname: &str) -> Option<Vacated> {
        if self.draining.contains(agent) || self.draining.contains(hostname) {
            Some(Vacated::Drained)
        } else if self.maintenance.concerns(agent) {
            Some(Vacated::Maintenance)
        } else {
            None
        }
    }

    /// Why this worker must leave its agent, if it must.
    pub(super) fn leaves(&self, now: Moment, worker: &Worker) -> Option<Leaving> {
        let (record, place) = (&worker.record, &worker.record.place);
        if record.released {
            return None;
        }
        match self.vacated(&place.agent, &place.hostname) {
            Some(Vacated::Drained) => Some(Leaving::Agent(Vacated::Drained)),
            Some(Vacated::Maintenance) if self.maintenance.is_near(now, &place.agent) => {
                Some(Leaving::Agent(Vacated::Maintenance))
            }
            _ if record.generation < self.generation => Some(Leaving::Restarted),
            _ => None,
        }
    }

    /// Whether no worker must leave. This is the usual case, and cheap to check.
    pub(super) fn nobody_leaves(&self, fleet: &Fleet) -> bool {
        self.draining.is_empty()
            && self.maintenance.is_empty()
            && !fleet.has_older_than(self.generation)
    }

    /// The leaving workers that can be killed, because enough others are ready. Allows extra
    /// workers for the others.
    pub(super) fn due(
        &mut self,
        now: Moment,
        target: usize,
        fleet: &Fleet,
    ) -> Vec<(WorkerId, Leaving)> {
        self.surge = 0;
        if self.nobody_leaves(fleet) {
            return Vec::new();
        }
        let (mut left, pace) = (self.leaving(now, fleet), self.pace(fleet));
        let least = target.saturating_sub(pace.max_unavailable);
        let mut ready = fleet.ready();
        let due = left.extract_if(.., |(worker, _)| {
            let is_ready = usize::from(worker.is_ready());
            // A worker that is not ready may be about to register with a JobManager that has just
            // come up, so it counts too.
            let may_go = worker.phase != Phase::Storing && ready >= least.saturating_add(is_ready);
            if may_go {
                ready -= is_ready;
            }
            may_go
        });
        let due = due.map(|(worker, why)| (worker.record.id.clone(), why)).collect();
        self.surge = pace.surge.min(left.len());
        due
    }

    /// The workers that must leave: first those that the JobManager does not use yet, then the
    /// oldest.
    fn leaving<'a>(&self, now: Moment, fleet: &'a Fleet) -> Vec<(&'a Worker, Leaving)> {
        let workers = fleet.workers().values().map(|worker| &**worker);
        let leaving = workers.filter_map(|worker| Some((worker, self.leaves(now, worker)?)));
        let mut leaving: Vec<_> = leaving.collect();
        leaving.sort_by_key(|(worker, _)| worker.is_ready());
        leaving
    }

    fn pace(&self, fleet: &Fleet) -> Move {
        if fleet.has_older_than(self.generation) { self.restart } else { self.limits }
    }

    /// When workers start, or no longer need, to leave for maintenance.
    pub(super) fn wake_at(&self, now: Moment) -> Option<Moment> {
        self.maintenance.wake_at(now)
    }
}
