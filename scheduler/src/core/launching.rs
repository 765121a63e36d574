//! From offers to launches.

use std::{collections::HashMap, sync::Arc};

use mesos::v1;

use super::{
    Core,
    cause::{Cause, Initiator},
    constraint,
    history::Step,
    message::{Launch, Output},
    offers::Bundle,
    resources::Taken,
    state::{AgentProfile, Change, WorkerRecord},
    worker::{Phase, Worker},
};

impl Core {
    /// Uses or declines every offer at once.
    pub(super) fn offers(&mut self, offers: Vec<v1::Offer>) {
        self.see_places(&offers);
        let missing = self.launchable();
        let moves = &self.moves;
        let used = self.offers.place(
            self.now,
            offers,
            missing,
            self.fleet.occupation_mut(),
            |agent, hostname| moves.vacated(agent, hostname),
            &mut self.effects,
        );
        if !used.is_empty() {
            self.launch(used);
        }
    }

    /// An agent's attributes may change while workers run there: it returns under the same id.
    /// Constraints count those workers by the agent's current attributes.
    fn see_places(&mut self, offers: &[v1::Offer]) {
        let mut changed = HashMap::new();
        for offer in offers {
            let (agent, hostname) = (&offer.agent_id.value, &offer.hostname);
            let occupation = self.fleet.occupation();
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
            self.effects.store_then(records.into_iter().map(Change::Worker).collect(), Vec::new());
        }
    }

    /// Stores the placed workers; they are launched once stored.
    fn launch(&mut self, bundles: Vec<Bundle>) {
        let mut changes = Vec::with_capacity(bundles.len() + 1);
        let mut accepts = Vec::with_capacity(bundles.len());
        for bundle in bundles {
            let Bundle { offers, place, installed_executor, taken, .. } = bundle;
            let mut launches = Vec::with_capacity(taken.len());
            for taken in taken {
                let worker = self.place_worker(&place, &taken);
                changes.push(Change::Worker(worker.clone()));
                let (worker, place, installed_executor) =
                    (worker.id, place.clone(), installed_executor.clone());
                launches.push(Launch { worker, place, taken, installed_executor });
            }
            accepts.push(Output::Accept { offers, launches });
        }
        changes.push(Change::NextNumber(self.names.next_number()));
        self.effects.store_then(changes, accepts);
    }

    /// The record of a new worker at `place` that takes `taken` there.
    fn place_worker(&mut self, place: &Arc<AgentProfile>, taken: &Taken) -> WorkerRecord {
        let id = self.names.take(&mut self.effects);
        let cause = Cause::Fits(place.clone());
        self.remember(&id, Step::Wanted, Step::Storing, Initiator::Scheduler, cause);
        let record = WorkerRecord {
            id,
            place: place.clone(),
            launched: self.now,
            running: false,
            released: false,
            generation: self.moves.generation(),
            origin: Some(self.settings.origin.clone()),
        };
        let ports = taken.ports().map(|(_, port)| port).collect();
        self.fleet.insert_placed(Worker {
            ports,
            ..Worker::new(record.clone(), Phase::Storing, self.now)
        });
        record
    }

    /// Number of workers that may be launched now.
    pub(super) fn launchable(&self) -> usize {
        let may = self.session.is_subscribed()
            && self.session.is_registered()
            && !self.writes.are_late(self.now)
            && self.offers.paused_until(self.now).is_none();
        if may { self.missing() } else { 0 }
    }
}
