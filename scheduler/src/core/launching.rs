//! From offers to launches.

use mesos::v1;

use super::{
    Core, Settings,
    message::{Change, Launch, Notice, Output, WorkerId, WorkerRecord},
    offers::{self, Bundle, Occupation, Refusal},
    resources::Taken,
    worker::{Phase, Worker},
};

impl Core {
    /// Uses or declines every offer at once.
    pub(super) fn offers(&mut self, offers: Vec<v1::Offer>) {
        let missing = self.launchable();
        let Settings { demand, constraints, .. } = &self.settings;
        let mut occupation = Occupation::new(constraints);
        for worker in self.workers.values() {
            occupation.add(&worker.record.agent, &worker.record.values, constraints);
        }
        let mut launched = false;
        let bundles = offers::place(offers, demand, constraints, missing, &mut occupation);
        for bundle in bundles {
            if bundle.taken.is_empty() {
                self.decline(bundle);
            } else {
                launched = true;
                self.launch(bundle);
            }
        }
        if launched {
            self.refusals.clear();
            self.explained = <_>::default();
        } else {
            self.explain();
        }
    }

    fn decline(&mut self, bundle: Bundle) {
        if let Some(refusal) = &bundle.refusal {
            self.refusals.add(bundle.offers.len(), refusal);
        }
        let hopeless = bundle.refusal.as_ref().is_some_and(Refusal::is_hopeless);
        let refuse = if hopeless { self.settings.hopeless } else { self.settings.decline };
        self.outputs.push(Output::Decline(bundle.offers, refuse));
    }

    fn launch(&mut self, bundle: Bundle) {
        let mut launches = Vec::new();
        let mut changes = Vec::new();
        for taken in &bundle.taken {
            let id = WorkerId::new(&self.epoch, self.next_number);
            self.next_number += 1;
            let record = WorkerRecord {
                id: id.clone(),
                agent: bundle.agent.clone(),
                hostname: bundle.hostname.clone(),
                values: bundle.values.clone(),
                launched: self.now,
                running: false,
                released: false,
            };
            changes.push(Change::Worker(record.clone()));
            launches.push(launch(&record, &bundle, taken.clone()));
            self.workers.insert(id, Worker::new(record, Phase::Storing, self.now));
        }
        changes.push(Change::NextNumber(self.next_number));
        self.store(changes, vec![Output::Accept { offers: bundle.offers, launches }]);
    }

    /// How many workers may be launched now.
    fn launchable(&self) -> usize {
        let may = self.subscribed && self.framework.is_some() && self.pace.wait(self.now).is_none();
        if may { self.missing() } else { 0 }
    }

    /// Tells Mesos whether offers are of use, when that has changed.
    pub(super) fn want_offers(&mut self) {
        let wanted = self.launchable() > 0;
        if self.offers_wanted != Some(wanted) {
            self.outputs.push(if wanted { Output::Revive } else { Output::Suppress });
            self.offers_wanted = Some(wanted);
        }
    }

    fn explain(&mut self) {
        let Some(text) = self.refusals.explain() else { return };
        // The same reasons with more offers are news only now and then.
        let reasons = self.refusals.reasons();
        let often = self.refusals.offers() >= 10 * self.explained.1.max(1);
        if reasons != self.explained.0 || often {
            self.explained = (reasons, self.refusals.offers());
            self.notice(Notice::Starved(text));
        }
    }
}

fn launch(record: &WorkerRecord, bundle: &Bundle, taken: Taken) -> Launch {
    Launch {
        worker: record.id.clone(),
        agent: record.agent.clone(),
        hostname: record.hostname.clone(),
        task_resources: taken.task,
        executor_resources: taken.executor,
        ports: taken.ports,
        installed_executor: bundle.installed_executor.clone(),
    }
}
