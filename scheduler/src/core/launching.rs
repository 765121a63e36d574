//! From offers to launches.

use std::time::Duration;

use mesos::v1;

use super::{
    Core, Settings,
    message::{Change, Launch, Moment, Notice, Output, WorkerId, WorkerRecord},
    offers::{self, Bundle, Occupation, Refusal},
    resources::Taken,
    worker::{Phase, Worker},
};

/// Without any offer for so long, Mesos is told again that some are wanted.
const UNHEARD: Duration = Duration::from_secs(120);
/// Offers that come so long after Mesos was told not to send any were sent all the same.
const BELATED: Duration = Duration::from_secs(5);

impl Core {
    /// Uses or declines every offer at once.
    pub(super) fn offers(&mut self, offers: Vec<v1::Offer>) {
        self.heard_offers();
        let missing = self.launchable();
        let Settings { demand, constraints, .. } = &self.settings;
        let mut occupation = Occupation::new(constraints);
        for worker in self.workers.values().filter(|worker| !worker.is_written_off()) {
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
        let may =
            self.subscribed && self.framework.is_some() && !self.store_is_late() && self.pace.wait(self.now).is_none();
        if may { self.missing() } else { 0 }
    }

    /// Tells Mesos whether offers are of use, when that has changed, or when Mesos behaves as if it had not heard.
    pub(super) fn want_offers(&mut self) {
        let wanted = self.launchable() > 0;
        let unheard = wanted && self.unheard_at().is_some_and(|at| at <= self.now);
        if self.offers_wanted != Some(wanted) || unheard {
            self.outputs.push(if wanted { Output::Revive } else { Output::Suppress });
            self.offers_wanted = Some(wanted);
            self.offers_told = self.now;
        }
    }

    /// When a master that sends no offers although we want them is to be told so again: the call may be lost.
    pub(super) fn unheard_at(&self) -> Option<Moment> {
        (self.offers_wanted == Some(true)).then(|| self.offers_told.after(UNHEARD))
    }

    /// Offers have come: Mesos has heard of our want, or has not heard that there is none.
    fn heard_offers(&mut self) {
        match self.offers_wanted {
            Some(true) => self.offers_told = self.now,
            Some(false) if self.now.since(self.offers_told) >= BELATED => self.offers_wanted = None,
            _ => {}
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
