//! From offers to launches.

use std::time::Duration;

use mesos::v1;

use super::{
    Core, Settings,
    history::Initiator,
    message::{Change, Launch, Moment, Notice, Output, WorkerId, WorkerRecord},
    offers::{self, Bundle, Refusal},
    resources::Taken,
    worker::{Phase, Worker},
};

/// Without any offer for so long, Mesos is told again that some are wanted.
const UNHEARD: Duration = Duration::from_secs(120);
/// Offers that come so long after Mesos was told not to send any were sent all the same.
const BELATED: Duration = Duration::from_secs(5);

/// How long offers stay away of agents that workers are leaving.
const VACATED: Duration = Duration::from_secs(60);
/// How long offers stay away of agents on which workers keep failing.
const SUSPECT: Duration = Duration::from_secs(60);
/// Maintenance that begins within this time is too soon for a worker that would have to move then.
const SOON: Duration = Duration::from_secs(3600);
/// No filter is shorter.
const SHORTEST: Duration = Duration::from_secs(1);

impl Core {
    /// Uses or declines every offer at once.
    pub(super) fn offers(&mut self, offers: Vec<v1::Offer>) {
        self.heard_offers();
        for offer in &offers {
            self.failures.see(&offer.agent_id.value);
        }
        let missing = self.launchable();
        let mut launched = false;
        for bundle in self.place(offers, missing) {
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

    fn place(&mut self, offers: Vec<v1::Offer>, missing: usize) -> Vec<Bundle> {
        let mut occupation = std::mem::take(self.fleet.occupation_mut());
        let (avoided, waiting) = (self.failures.avoided(self.now), self.failures.waiting(self.now));
        let bar = |agent: &str, hostname: &str, unavailable: Option<Moment>| {
            if let Some(why) = self.vacated(agent, hostname) {
                Some(Refusal::Avoided(why, VACATED))
            } else if unavailable.is_some_and(|from| from <= self.now.after(SOON)) {
                Some(Refusal::Avoided("the agent goes into maintenance soon", VACATED))
            } else if avoided.contains(&agent) {
                Some(Refusal::Avoided("workers keep failing on the agent", SUSPECT))
            } else {
                let until = waiting.get(agent)?;
                Some(Refusal::Avoided("a worker has just failed on the agent", until.since(self.now)))
            }
        };
        let Settings { demand, constraints, .. } = &self.settings;
        let placed = offers::place(offers, demand, constraints, missing, &mut occupation, bar);
        *self.fleet.occupation_mut() = occupation;
        placed
    }

    /// Gives offers back, for as long as they will be of no use.
    fn decline(&mut self, bundle: Bundle) {
        if let Some(refusal) = &bundle.refusal {
            self.refusals.add(bundle.offers.len(), refusal);
        }
        let refuse = match &bundle.refusal {
            Some(Refusal::Avoided(_, time)) => *time,
            Some(refusal) if refusal.is_hopeless() => self.settings.hopeless,
            _ => self.settings.decline,
        };
        self.outputs.push(Output::Decline(bundle.offers, refuse.max(SHORTEST)));
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
                generation: self.generation,
            };
            changes.push(Change::Worker(record.clone()));
            launches.push(launch(&record, &bundle, taken.clone()));
            self.fleet.insert(Worker::new(record, Phase::Storing, self.now));
            self.remember(
                &id,
                "wanted",
                "storing",
                Initiator::Scheduler,
                format!("an offer of {} fits", bundle.hostname),
            );
        }
        changes.push(Change::NextNumber(self.next_number));
        self.store(changes, vec![Output::Accept { offers: bundle.offers, launches }]);
    }

    /// How many workers may be launched now.
    fn launchable(&self) -> usize {
        let may = self.subscribed
            && self.framework.is_some()
            && !self.store_is_late()
            && self.failures.wait(self.now).is_none();
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
