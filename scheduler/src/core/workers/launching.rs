//! From offers to launches.

use std::{collections::HashMap, sync::Arc};

use mesos::v1;

use super::Workers;
use crate::core::{
    cause::{Cause, Initiator},
    constraint,
    effects::{Effects, Placed},
    history::Step,
    ids::{Moment, WorkerId},
    message::{Launch, Notice, Output},
    occupation::Occupation,
    resources::Taken,
    state::{AgentProfile, Change, WorkerRecord},
    worker::{Phase, Worker},
};

impl Workers {
    /// An agent's attributes may change while workers run there: it returns under the same id.
    /// Constraints count those workers by the agent's current attributes.
    pub(in crate::core) fn see_places(&mut self, offers: &[v1::Offer], effects: &mut Effects) {
        let occupation = self.fleet.occupation();
        let mut changed = HashMap::new();
        for offer in offers {
            let (agent, hostname) = (&offer.agent_id.value, &offer.hostname);
            let Some(known) = occupation.place_of(agent) else { continue };
            let values = constraint::values(offer, occupation.constraints());
            if known.values != values || known.hostname != *hostname {
                let place =
                    AgentProfile { agent: agent.clone(), hostname: hostname.clone(), values };
                changed.insert(agent.clone(), Arc::new(place));
            }
        }
        if !changed.is_empty() {
            let records = self.fleet.set_places(&changed);
            effects.store_then(records.into_iter().map(Change::Worker).collect(), Vec::new());
        }
    }

    /// Where the workers run, to place more. Those are added by [`Workers::launch`].
    pub(in crate::core) fn occupation_mut(&mut self) -> &mut Occupation {
        self.fleet.occupation_mut()
    }

    /// Stores the placed workers; they are launched once stored.
    pub(in crate::core) fn launch(
        &mut self,
        now: Moment,
        placed: Vec<Placed>,
        generation: u64,
        effects: &mut Effects,
    ) {
        let mut changes = Vec::with_capacity(placed.len() + 1);
        let mut accepts = Vec::with_capacity(placed.len());
        for Placed { offers, place, installed_executor, taken } in placed {
            let mut launches = Vec::with_capacity(taken.len());
            for taken in taken {
                let id = self.names.take(effects);
                let worker = self.place_worker(now, id, &place, &taken, generation);
                changes.push(Change::Worker(worker.clone()));
                let (worker, place, installed_executor) =
                    (worker.id, place.clone(), installed_executor.clone());
                launches.push(Launch { worker, place, taken, installed_executor });
            }
            accepts.push(Output::Accept { offers, launches });
        }
        changes.push(Change::NextNumber(self.names.next_number()));
        effects.store_then(changes, accepts);
    }

    /// The record of a new worker at `place` that takes `taken` there.
    fn place_worker(
        &mut self,
        now: Moment,
        id: WorkerId,
        place: &Arc<AgentProfile>,
        taken: &Taken,
        generation: u64,
    ) -> WorkerRecord {
        let cause = Cause::Fits(place.clone());
        self.remember(now, &id, Step::Wanted, Step::Storing, Initiator::Scheduler, cause);
        let record = WorkerRecord {
            id,
            place: place.clone(),
            launched: now,
            running: false,
            released: false,
            generation,
            origin: Some(self.origin.clone()),
        };
        let ports = taken.ports().map(|(_, port)| port).collect();
        let worker = Worker::new(record.clone(), Phase::Storing, now);
        self.fleet.insert_placed(Worker { ports, ..worker });
        record
    }

    /// The launch of a worker is sent to Mesos. One that is no longer wanted is launched anyway:
    /// its kill follows, and the task's end deletes its record. Returns what to report.
    pub(in crate::core) fn launched(&mut self, now: Moment, launch: &Launch) -> Option<Notice> {
        let (id, place) = (&launch.worker, &launch.place);
        let was_storing = self.fleet.update(id, |worker| {
            let was_storing = worker.phase == Phase::Storing;
            if was_storing {
                worker.heard = now;
                worker.enter(Phase::Launching, now);
            }
            was_storing
        })?;
        if was_storing {
            let cause = Cause::Launched(place.clone());
            let (from, to) = (Step::Storing, Step::Launching);
            self.remember(now, id, from, to, Initiator::Scheduler, cause);
        }
        Some(Notice::Launched(id.clone(), place.clone()))
    }

    /// Forgets workers whose launches were withdrawn while they waited for the store.
    pub(in crate::core) fn withdraw(
        &mut self,
        now: Moment,
        mut withdrawn: Vec<WorkerId>,
        effects: &mut Effects,
    ) {
        // A kill may wait behind the launch; then the answer to the kill deletes the worker.
        withdrawn
            .retain(|id| self.fleet.get(id).is_some_and(|worker| worker.phase == Phase::Storing));
        for id in &withdrawn {
            self.fleet.remove(id);
            let (from, to) = (Step::Storing, Step::Gone);
            self.remember(now, id, from, to, Initiator::Scheduler, Cause::OfferDeclined);
        }
        if !withdrawn.is_empty() {
            effects.store_then(withdrawn.into_iter().map(Change::Forget).collect(), Vec::new());
        }
    }
}
