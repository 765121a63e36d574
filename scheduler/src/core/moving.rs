//! Workers that are to leave where they are: drained agents, maintenance, and the restart of all.
//!
//! ```text
//!   leaving workers ──▶ up to `surge` more are wanted ──▶ a new one is ready ──▶ one leaving worker is killed ──▶ …
//! ```
//!
//! Never fewer than the wanted number less `max_unavailable` are ready because of a move. What is to leave is in the store,
//! so that a move goes on where it was when another application master takes over.

use std::{collections::BTreeMap, time::Duration};

use mesos::v1;

use super::{
    Core,
    history::Initiator,
    message::{Change, Moment, Move, Output, WorkerId},
    offers::begins,
    worker::{Phase, Worker},
};

/// Workers leave an agent so long before its maintenance begins.
const LEAD: Duration = Duration::from_secs(600);
/// How long an inverse offer stays away that is refused.
const REFUSE: Duration = Duration::from_secs(60);
/// Mesos asks for an agent on which we have something anew every few seconds, for as long as it wants it back. That it does so no
/// longer it says only to those who have not agreed.
const STILL: Duration = Duration::from_secs(60);

/// Agents that Mesos wants back.
pub(super) type Maintenance = BTreeMap<String, WantedBack>;

/// What is known of one.
#[derive(Debug)]
pub(super) struct WantedBack {
    start: Moment,
    /// The inverse offer by which it was asked for last.
    offer: String,
    asked: Moment,
}

impl Core {
    /// No more launches there, and its workers go elsewhere.
    pub(super) fn drain(&mut self, agent: String) {
        if self.draining.insert(agent.clone()) {
            self.store(vec![Change::Drain(agent)], Vec::new());
        }
    }

    /// It may be used again.
    pub(super) fn undrain(&mut self, agent: String) {
        if self.draining.remove(&agent) {
            self.store(vec![Change::Undrain(agent)], Vec::new());
            // Mesos still keeps offers of it away from us.
            self.offers_wanted = None;
        }
    }

    /// Every worker that there is now is replaced.
    pub(super) fn restart(&mut self, pace: Move) {
        self.generation = self.generation.saturating_add(1);
        self.restart = pace;
        self.store(vec![Change::Generation(self.generation, pace)], Vec::new());
    }

    /// What Mesos wants back is given back when the workers there can move.
    pub(super) fn inverse_offers(&mut self, offers: Vec<v1::InverseOffer>) {
        let can_move = self.settings.moving.is_possible();
        for offer in offers {
            let Some(agent) = offer.agent_id.map(|agent| agent.value) else { continue };
            let start = begins(&offer.unavailability);
            if can_move || !self.fleet.occupation().is_used(&agent) {
                let wanted = WantedBack { start, offer: offer.id.value.clone(), asked: self.now };
                self.maintenance.insert(agent, wanted);
                self.outputs.push(Output::AcceptInverse(vec![offer.id]));
            } else {
                self.outputs.push(Output::DeclineInverse(vec![offer.id], REFUSE));
            }
        }
    }

    /// Mesos does not want it back after all.
    pub(super) fn inverse_rescinded(&mut self, id: &str) {
        self.keep_maintenance(|wanted| wanted.offer != id);
    }

    /// Forgets what Mesos does not ask for any more.
    pub(super) fn forget_maintenance(&mut self) {
        let now = self.now;
        self.keep_maintenance(|wanted| now < wanted.asked.after(STILL));
    }

    fn keep_maintenance(&mut self, which: impl Fn(&WantedBack) -> bool) {
        let before = self.maintenance.len();
        self.maintenance.retain(|_, wanted| which(wanted));
        if self.maintenance.len() < before {
            // Mesos still keeps offers of those agents away from us.
            self.offers_wanted = None;
        }
    }

    /// Why nothing is launched on this agent, and why workers leave it, if so.
    pub(super) fn vacated(&self, agent: &str, hostname: &str) -> Option<&'static str> {
        if self.draining.contains(agent) || self.draining.contains(hostname) {
            Some("the agent is drained")
        } else if self.maintenance.contains_key(agent) {
            Some("the agent goes into maintenance")
        } else {
            None
        }
    }

    /// Whether this worker is to leave where it is, and why.
    pub fn leaves(&self, worker: &Worker) -> Option<&'static str> {
        let (record, place) = (&worker.record, &worker.record.place);
        if record.released {
            return None;
        }
        let vacated = self.vacated(&place.agent, &place.hostname);
        let early = self.maintenance.get(&place.agent).is_some_and(|wanted| self.now.after(LEAD) < wanted.start)
            && !self.draining.contains(&place.agent)
            && !self.draining.contains(&place.hostname);
        match vacated {
            Some(why) if !early => Some(why),
            _ if record.generation < self.generation => Some("all workers are restarted"),
            _ => None,
        }
    }

    /// Whether nobody has to leave: the usual case, which costs nothing.
    pub(super) fn nobody_leaves(&self) -> bool {
        self.draining.is_empty() && self.maintenance.is_empty() && !self.fleet.has_older_than(self.generation)
    }

    /// The workers that are to leave: those that are of no use yet first, then the oldest.
    fn all_leaving(&self) -> Vec<(WorkerId, &'static str)> {
        let of = |worker: &Worker| Some((worker.is_ready(), worker.record.id.clone(), self.leaves(worker)?));
        let mut leaving: Vec<_> = self.fleet.workers().values().filter_map(of).collect();
        leaving.sort();
        leaving.into_iter().map(|(_, id, why)| (id, why)).collect()
    }

    fn move_pace(&self) -> Move {
        if self.fleet.has_older_than(self.generation) { self.restart } else { self.settings.moving }
    }

    /// Lets leaving workers go as far as enough others are ready, and wants more workers in the meantime.
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
            // One that is not ready may be about to register with a JobManager that has just come up: it is of use, too.
            if worker.phase == Phase::Storing || ready < least.saturating_add(usize::from(is_ready)) {
                continue;
            }
            ready -= usize::from(is_ready);
            left -= 1;
            self.kill(&id, why, Initiator::Operator);
        }
        self.surge = pace.surge.min(left);
    }

    /// When workers begin to leave for maintenance, or need not any more.
    pub(super) fn maintenance_at(&self) -> Option<Moment> {
        let lead = u64::try_from(LEAD.as_millis()).unwrap_or(0);
        let moments = |wanted: &WantedBack| [Moment(wanted.start.0.saturating_sub(lead)), wanted.asked.after(STILL)];
        self.maintenance.values().flat_map(moments).filter(|at| *at > self.now).min()
    }
}
