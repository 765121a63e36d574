//! From offers to launches.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use mesos::v1;
use rand::Rng as _;

use super::{
    Core,
    cause::{Cause, Initiator},
    constraint,
    history::Step,
    ids::{Moment, WorkerId},
    message::{Launch, Notice, Output},
    occupation::Occupation,
    offers::{Avoidance, Bundle, Placement, Refusal},
    resources::Taken,
    state::{AgentProfile, Change, WorkerRecord},
    worker::{Phase, Worker},
};

/// After this time without any offer, ask Mesos for offers again.
const REVIVE_AGAIN_AFTER: Duration = Duration::from_secs(120);
/// Offers that arrive later than this after we suppressed them show that Mesos missed the call.
const SUPPRESS_LAG: Duration = Duration::from_secs(5);

/// Filter for offers of agents that workers are leaving.
const LEAVING_FILTER: Duration = Duration::from_secs(60);
/// Filter for offers of agents on which workers keep failing.
const SUSPECT_FILTER: Duration = Duration::from_secs(60);
/// No worker is launched on an agent whose maintenance begins within this time: it would soon have
/// to move.
const MAINTENANCE_MARGIN: Duration = Duration::from_secs(3600);
/// The shortest filter.
const SHORTEST_FILTER: Duration = Duration::from_secs(1);

impl Core {
    /// Uses or declines every offer at once.
    pub(super) fn offers(&mut self, offers: Vec<v1::Offer>) {
        self.note_offers();
        for offer in &offers {
            self.failures.see(&offer.agent_id.value);
        }
        self.see_places(&offers);
        let missing = self.launchable();
        let (used, useless): (Vec<_>, Vec<_>) =
            self.place(offers, missing).into_iter().partition(|bundle| !bundle.taken.is_empty());
        self.decline(useless);
        if used.is_empty() {
            self.explain();
            self.narrow();
        } else {
            self.launch(used);
            self.refusals.clear();
            self.silence.forget_quota();
            self.explained = <_>::default();
        }
    }

    /// An agent's attributes may change while workers run there: it returns under the same id.
    /// Constraints count those workers by the agent's current attributes.
    fn see_places(&mut self, offers: &[v1::Offer]) {
        let mut changed = HashMap::new();
        for offer in offers {
            let (agent, hostname) = (&offer.agent_id.value, &offer.hostname);
            let Some(known) = self.fleet.occupation().place_of(agent) else { continue };
            let constraints = self.fleet.occupation().constraints();
            let values = constraint::values(offer, constraints);
            if known.values != values || known.hostname != *hostname {
                let place =
                    AgentProfile { agent: agent.clone(), hostname: hostname.clone(), values };
                changed.insert(agent.clone(), Arc::new(place));
            }
        }
        if !changed.is_empty() {
            let records = self.fleet.set_places(&changed);
            self.store(records.into_iter().map(Change::Worker).collect(), Vec::new());
        }
    }

    fn place(&mut self, offers: Vec<v1::Offer>, missing: usize) -> Vec<Bundle> {
        let none = Occupation::new(Vec::new());
        let mut occupation = std::mem::replace(self.fleet.occupation_mut(), none);
        let mut ports = std::mem::take(&mut self.ports);
        let (avoided, waiting) = (self.failures.avoided(self.now), self.failures.waiting(self.now));
        let bar = |agent: &str, hostname: &str, unavailable: Option<Moment>| {
            if let Some(why) = self.moves.vacated(agent, hostname) {
                Some(Refusal::Avoided(why.into(), LEAVING_FILTER))
            } else if unavailable.is_some_and(|from| from <= self.now.after(MAINTENANCE_MARGIN)) {
                Some(Refusal::Avoided(Avoidance::MaintenanceSoon, LEAVING_FILTER))
            } else if avoided.contains(&agent) {
                Some(Refusal::Avoided(Avoidance::KeepsFailing, SUSPECT_FILTER))
            } else {
                let (until, why) = waiting.get(agent)?;
                Some(Refusal::Avoided(*why, until.since(self.now)))
            }
        };
        let needs = &self.settings.demand.needs();
        let placing =
            Placement { needs, occupation: &mut occupation, ports: &mut ports, now: self.now };
        let placed = placing.place(offers, missing, bar);
        *self.fleet.occupation_mut() = occupation;
        self.ports = ports;
        placed
    }

    /// Declines offers, each for as long as it cannot be used.
    fn decline(&mut self, bundles: Vec<Bundle>) {
        let mut declined: BTreeMap<Duration, Vec<v1::OfferId>> = BTreeMap::new();
        for bundle in bundles {
            if let Some(refusal) = &bundle.refusal {
                self.refusals.add(bundle.offers.len(), refusal);
            }
            let refuse = match &bundle.refusal {
                Some(Refusal::Avoided(_, time)) => *time,
                Some(refusal) if refusal.is_permanent() => self.settings.decline_small,
                _ => self.settings.decline,
            };
            declined.entry(refuse.max(SHORTEST_FILTER)).or_default().extend(bundle.offers);
        }
        self.outputs
            .extend(declined.into_iter().map(|(refuse, offers)| Output::Decline(offers, refuse)));
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
        changes.push(Change::NextNumber(self.next_number));
        self.store(changes, accepts);
    }

    /// The record of a new worker at `place` that takes `taken` there.
    fn place_worker(&mut self, place: &Arc<AgentProfile>, taken: &Taken) -> WorkerRecord {
        let id = self.next_id();
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

    /// An id that no worker has had. When the numbers are used up, they start again under another
    /// epoch.
    fn next_id(&mut self) -> WorkerId {
        while self.next_number == u64::MAX {
            let epoch = format!("{:08x}", self.ports.chance().random::<u32>());
            if epoch != self.epoch {
                (self.epoch, self.next_number) = (epoch.clone(), 1);
                self.notice(Notice::NewEpoch(epoch));
            }
        }
        let id = WorkerId::new(&self.epoch, self.next_number);
        self.next_number += 1;
        id
    }

    /// Number of workers that may be launched now.
    fn launchable(&self) -> usize {
        let may = self.session.is_subscribed()
            && self.session.is_registered()
            && !self.writes.are_late(self.now)
            && self.failures.wait(self.now).is_none();
        if may { self.missing() } else { 0 }
    }

    /// Revives or suppresses offers when the need has changed, or when Mesos behaves as if it
    /// missed the last call.
    pub(super) fn want_offers(&mut self) {
        let wanted = self.launchable() > 0;
        let unheard = wanted && self.revive_again_at().is_some_and(|at| at <= self.now);
        if self.offers_wanted != Some(wanted) || unheard {
            self.outputs.push(if wanted { Output::Revive } else { Output::Suppress });
            self.offers_wanted = Some(wanted);
            self.offers_wanted_sent = self.now;
        }
        match (wanted, self.offerless) {
            (true, None) => self.offerless = Some(self.now),
            (false, _) => self.offerless = None,
            _ => {}
        }
        self.report_silence();
    }

    /// When to revive offers again because none has come: the call may have been lost.
    pub(super) fn revive_again_at(&self) -> Option<Moment> {
        (self.offers_wanted == Some(true))
            .then(|| self.offers_wanted_sent.after(REVIVE_AGAIN_AFTER))
    }

    /// Notes what arriving offers show: Mesos has received our revive, or has missed our suppress.
    fn note_offers(&mut self) {
        self.offerless = None;
        self.silence.end();
        match self.offers_wanted {
            Some(true) => self.offers_wanted_sent = self.now,
            Some(false) if self.now.since(self.offers_wanted_sent) >= SUPPRESS_LAG => {
                self.offers_wanted = None;
            }
            _ => {}
        }
    }

    /// Once the largest offer is known and can be reported, asks the master to leave out offers
    /// that are too small.
    fn narrow(&mut self) {
        let too_small = self.refusals.has_shortage() && self.launchable() > 0;
        if too_small && !std::mem::replace(&mut self.narrowed, true) {
            self.outputs.push(Output::Narrow);
        }
    }

    fn explain(&mut self) {
        let Some(text) = self.why_nothing_fits() else { return };
        // With more offers, the same reasons are reported again only now and then.
        let reasons = self.refusals.reasons();
        let often = self.refusals.offers() >= 10 * self.explained.1.max(1);
        if reasons != self.explained.0 || often {
            self.explained = (reasons, self.refusals.offers());
            self.notice(Notice::Starved(text));
            self.ask_about_shortage();
        }
    }
}
