//! Workers that leave their agent: drained agents, maintenance, and the restart of all workers.
//!
//! ```text
//!   leaving workers ──▶ up to `surge` more are wanted ──▶ a new one is ready ──▶ one leaving worker is killed ──▶ …
//! ```
//!
//! A move never leaves fewer than the target less `max_unavailable` workers ready. What must move
//! is stored, so the next application master continues a move where it stopped.

use std::{collections::BTreeMap, time::Duration};

use mesos::v1;

use super::{
    Core,
    cause::{Cause, Initiator, Leaving, Vacated},
    ids::{Moment, WorkerId},
    message::Output,
    state::{Change, Move},
    worker::{Phase, Worker},
};

/// Workers leave an agent this long before its maintenance begins.
const MAINTENANCE_LEAD: Duration = Duration::from_secs(600);
/// Filter for a declined inverse offer.
const INVERSE_FILTER: Duration = Duration::from_secs(60);
/// Mesos repeats the inverse offer for an agent every few seconds while it wants the agent back.
/// Only frameworks that did not accept are notified when it stops.
const STILL_WANTED: Duration = Duration::from_secs(60);

/// Agents that Mesos wants back.
pub(super) type Maintenance = BTreeMap<String, WantedBack>;

/// One agent that Mesos wants back.
#[derive(Debug)]
pub(super) struct WantedBack {
    start: Moment,
    /// The latest inverse offer for it.
    offer: String,
    asked: Moment,
}

impl Core {
    /// Stops launches on an agent and moves its workers elsewhere.
    pub(super) fn drain(&mut self, agent: String) {
        if self.draining.insert(agent.clone()) {
            self.store(vec![Change::Drain(agent)], Vec::new());
        }
    }

    /// Allows launches on the agent again.
    pub(super) fn undrain(&mut self, agent: String) {
        if self.draining.remove(&agent) {
            self.store(vec![Change::Undrain(agent)], Vec::new());
            // Mesos still filters its offers.
            self.offers_wanted = None;
        }
    }

    /// Replaces every current worker.
    pub(super) fn restart(&mut self, pace: Move) {
        self.generation = self.generation.saturating_add(1);
        self.restart = pace;
        self.store(vec![Change::Generation(self.generation, pace)], Vec::new());
    }

    /// Gives agents back once the workers there can move.
    pub(super) fn inverse_offers(&mut self, offers: Vec<v1::InverseOffer>) {
        let can_move = self.settings.moving.is_possible();
        for offer in offers {
            let Some(agent) = offer.agent_id.map(|agent| agent.value) else { continue };
            let start = Moment::begin_of(&offer.unavailability);
            if can_move || self.fleet.occupation().workers_on(&agent) == 0 {
                let wanted = WantedBack { start, offer: offer.id.value.clone(), asked: self.now };
                self.maintenance.insert(agent, wanted);
                self.outputs.push(Output::AcceptInverse(vec![offer.id]));
            } else {
                self.outputs.push(Output::DeclineInverse(vec![offer.id], INVERSE_FILTER));
            }
        }
    }

    /// Mesos no longer wants the agent back.
    pub(super) fn inverse_rescinded(&mut self, id: &str) {
        self.keep_maintenance(|wanted| wanted.offer != id);
    }

    /// Forgets agents that Mesos no longer asks for.
    pub(super) fn forget_maintenance(&mut self) {
        let now = self.now;
        self.keep_maintenance(|wanted| now < wanted.asked.after(STILL_WANTED));
    }

    fn keep_maintenance(&mut self, which: impl Fn(&WantedBack) -> bool) {
        let before = self.maintenance.len();
        self.maintenance.retain(|_, wanted| which(wanted));
        if self.maintenance.len() < before {
            // Mesos still filters their offers.
            self.offers_wanted = None;
        }
    }

    /// Why nothing is launched on this agent and its workers leave, if so.
    pub(super) fn vacated(&self, agent: &str, hostname: &str) -> Option<Vacated> {
        if self.draining.contains(agent) || self.draining.contains(hostname) {
            Some(Vacated::Drained)
        } else if self.maintenance.contains_key(agent) {
            Some(Vacated::Maintenance)
        } else {
            None
        }
    }

    /// Why this worker must leave its agent, if it must.
    pub fn leaves(&self, worker: &Worker) -> Option<Leaving> {
        let (record, place) = (&worker.record, &worker.record.place);
        if record.released {
            return None;
        }
        let vacated = self.vacated(&place.agent, &place.hostname);
        let early = self
            .maintenance
            .get(&place.agent)
            .is_some_and(|wanted| self.now.after(MAINTENANCE_LEAD) < wanted.start)
            && !self.draining.contains(&place.agent)
            && !self.draining.contains(&place.hostname);
        match vacated {
            Some(why) if !early => Some(Leaving::Agent(why)),
            _ if record.generation < self.generation => Some(Leaving::Restarted),
            _ => None,
        }
    }

    /// Whether no worker must leave. This is the usual case, and cheap to check.
    pub(super) fn nobody_leaves(&self) -> bool {
        self.draining.is_empty()
            && self.maintenance.is_empty()
            && !self.fleet.has_older_than(self.generation)
    }

    /// The workers that must leave: first those that the JobManager does not use yet, then the
    /// oldest.
    fn all_leaving(&self) -> Vec<(WorkerId, Leaving)> {
        let of = |worker: &Worker| {
            Some((worker.is_ready(), worker.record.id.clone(), self.leaves(worker)?))
        };
        let mut leaving: Vec<_> =
            self.fleet.workers().values().filter_map(|worker| of(worker)).collect();
        leaving.sort();
        leaving.into_iter().map(|(_, id, why)| (id, why)).collect()
    }

    fn move_pace(&self) -> Move {
        if self.fleet.has_older_than(self.generation) { self.restart } else { self.settings.moving }
    }

    /// Kills leaving workers as far as enough others are ready, and asks for extra workers in the
    /// meantime.
    pub(super) fn move_workers(&mut self) {
        self.surge = 0;
        if self.stopping || self.nobody_leaves() {
            return;
        }
        let (leaving, pace) = (self.all_leaving(), self.move_pace());
        let least = self.target.saturating_sub(pace.max_unavailable);
        let mut ready = self.fleet.ready();
        let mut left = leaving.len();
        for (id, why) in leaving {
            let Some(worker) = self.fleet.get(&id) else { continue };
            let is_ready = worker.is_ready();
            // A worker that is not ready may be about to register with a JobManager that has just
            // come up, so it counts too.
            if worker.phase == Phase::Storing || ready < least.saturating_add(usize::from(is_ready))
            {
                continue;
            }
            ready -= usize::from(is_ready);
            left -= 1;
            self.kill(&id, Cause::Leaves(why), Initiator::Operator);
        }
        self.surge = pace.surge.min(left);
    }

    /// When workers start, or no longer need, to leave for maintenance.
    pub(super) fn maintenance_at(&self) -> Option<Moment> {
        let lead = u64::try_from(MAINTENANCE_LEAD.as_millis()).unwrap_or(0);
        let moments = |wanted: &WantedBack| {
            [Moment(wanted.start.0.saturating_sub(lead)), wanted.asked.after(STILL_WANTED)]
        };
        self.maintenance.values().flat_map(moments).filter(|at| *at > self.now).min()
    }
}
