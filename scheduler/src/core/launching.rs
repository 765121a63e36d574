//! From offers to launches.

use std::collections::BTreeMap;

use mesos::v1;

use super::{
    Core,
    message::{Change, Launch, Notice, Output, WorkerId, WorkerRecord},
    offers::{self, Bundle},
    resources::Taken,
    worker::{Phase, Worker},
};

impl Core {
    /// Uses or declines every offer at once.
    pub(super) fn offers(&mut self, offers: Vec<v1::Offer>) {
        let missing = self.launchable();
        let mut already = BTreeMap::new();
        for worker in self.workers.values() {
            *already.entry(worker.record.agent.clone()).or_insert(0) += 1;
        }
        let mut launched = false;
        let bundles = offers::place(offers, &self.settings.demand, missing, &already);
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
            self.explained = None;
        } else {
            self.explain();
        }
    }

    fn decline(&mut self, bundle: Bundle) {
        let refuse = match &bundle.shortage {
            Some(shortage) => {
                self.refusals.add(bundle.offers.len(), shortage);
                self.settings.hopeless
            }
            None => self.settings.decline,
        };
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
        let explanation = self.refusals.explain();
        // The same shortage with a higher count is no news.
        let gist = |text: &str| text.split_once(": ").map(|(_, gist)| gist.to_owned());
        let news = explanation.as_deref().and_then(gist) != self.explained.as_deref().and_then(gist);
        if let Some(text) = explanation.filter(|_| news) {
            self.notice(Notice::Starved(text.clone()));
            self.explained = Some(text);
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
