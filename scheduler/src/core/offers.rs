//! Offers: which ones are used, how long the others are declined, and whether Mesos sends any.

mod bundle;
mod failures;
mod interest;
mod pace;
mod placement;
mod ports;
mod refusal;
mod refusal_counts;
mod silence;
mod starvation;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use mesos::v1;
use overlays::blame::Blame;

pub use self::failures::Suspicion;
use self::{
    bundle::Bundle,
    failures::Failures,
    interest::Interest,
    placement::Placement,
    ports::Ports,
    refusal::{Avoidance, Refusal},
    starvation::Starvation,
};
use super::{
    cause::Vacated,
    effects::{Effects, Failure, Placed},
    evidence::Inspection,
    ids::Moment,
    message::{Notice, Output},
    occupation::Occupation,
    resources::Needs,
    settings::Settings,
    state::AgentProfile,
    totals::{Declined, Totals},
    verdict::Verdict,
};

/// Filter for offers of agents that workers are leaving.
const LEAVING_FILTER: Duration = Duration::from_secs(60);
/// Filter for offers of agents on which workers keep failing.
const SUSPECT_FILTER: Duration = Duration::from_secs(60);
/// No worker is launched on an agent whose maintenance begins within this time: it would soon have
/// to move.
const MAINTENANCE_MARGIN: Duration = Duration::from_secs(3600);
/// The shortest filter.
const SHORTEST_FILTER: Duration = Duration::from_secs(1);

/// What becomes of offers.
#[derive(Debug)]
pub(super) struct Offers {
    needs: Needs,
    /// Filter for an offer that cannot be used now.
    decline: Duration,
    /// Filter for an offer that is too small.
    decline_small: Duration,
    failures: Failures,
    ports: Ports,
    interest: Interest,
    starvation: Starvation,
    totals: Totals,
}

impl Offers {
    /// Ports are drawn by `seed`.
    pub(super) fn new(settings: &Settings, now: Moment, seed: u64) -> Self {
        let constrained = !settings.constraints.is_empty();
        Self {
            needs: settings.demand.needs(),
            decline: settings.decline,
            decline_small: settings.decline_small,
            failures: Failures::new(settings.avoided_share),
            ports: Ports::new(seed),
            interest: Interest::new(now),
            starvation: Starvation::new(settings.demand.clone(), constrained),
            totals: Totals::default(),
        }
    }

    /// Another master may be connected now.
    pub(super) fn subscribed(&mut self) {
        self.interest.forget();
        self.starvation.subscribed();
    }

    /// Places up to `missing` workers on `offers`, and returns these. Declines the offers that are
    /// not used.
    pub(super) fn place(
        &mut self,
        now: Moment,
        offers: Vec<v1::Offer>,
        missing: usize,
        occupation: &mut Occupation,
        vacated: impl Fn(&str, &str) -> Option<Vacated>,
        effects: &mut Effects,
    ) -> Vec<Placed> {
        self.interest.offers_came(now);
        self.starvation.offers_came();
        for offer in &offers {
            self.failures.see(&offer.agent_id.value);
        }
        let (avoided, waiting) = (self.failures.avoided(now), self.failures.waiting(now));
        let avoid = |agent: &str, hostname: &str, unavailable: Option<Moment>| {
            if let Some(why) = vacated(agent, hostname) {
                Some(Refusal::Avoided(why.into(), LEAVING_FILTER))
            } else if unavailable.is_some_and(|from| from <= now.after(MAINTENANCE_MARGIN)) {
                Some(Refusal::Avoided(Avoidance::MaintenanceSoon, LEAVING_FILTER))
            } else if avoided.contains(&agent) {
                Some(Refusal::Avoided(Avoidance::KeepsFailing, SUSPECT_FILTER))
            } else {
                let (until, why) = waiting.get(agent)?;
                Some(Refusal::Avoided(*why, until.since(now)))
            }
        };
        let placing = Placement { needs: &self.needs, occupation, ports: &mut self.ports, now };
        let mut used = placing.place(offers, missing, avoid);
        self.decline(used.extract_if(.., |bundle| bundle.taken.is_empty()), effects);
        if used.is_empty() {
            self.starvation.explain(now, effects);
            if missing > 0 {
                self.starvation.narrow(effects);
            }
        } else {
            self.starvation.end();
            let offers = used.iter().map(|bundle| bundle.offers.len() as u64);
            self.totals.used += offers.sum::<u64>();
        }
        used.into_iter().map(Bundle::placed).collect()
    }

    /// Declines offers, each for as long as it cannot be used.
    fn decline(&mut self, bundles: impl Iterator<Item = Bundle>, effects: &mut Effects) {
        let mut declined: BTreeMap<Duration, Vec<v1::OfferId>> = BTreeMap::new();
        for bundle in bundles {
            self.starvation.add(&bundle);
            let why = bundle.refusal.as_ref().map_or(Declined::Unneeded, Refusal::kind);
            *self.totals.declined.entry(why).or_default() += bundle.offers.len() as u64;
            let refuse = match &bundle.refusal {
                Some(Refusal::Avoided(_, time)) => *time,
                Some(refusal) if refusal.is_permanent() => self.decline_small,
                _ => self.decline,
            };
            declined.entry(refuse.max(SHORTEST_FILTER)).or_default().extend(bundle.offers);
        }
        for (refuse, offers) in declined {
            effects.output(Output::Decline(offers, refuse));
        }
    }

    /// Offers are wanted or not.
    pub(super) fn set_wanted(&mut self, now: Moment, wanted: bool, effects: &mut Effects) {
        if let Some(call) = self.interest.set(now, wanted) {
            effects.output(call);
        }
        self.starvation.set(now, wanted, effects);
    }

    /// Offers can be used that Mesos still filters.
    pub(super) fn unfilter(&mut self) {
        self.interest.forget();
    }

    /// The master's state has come.
    pub(super) fn master_inspected(
        &mut self,
        inspection: &Inspection,
        is_missing: bool,
        effects: &mut Effects,
    ) {
        self.starvation.master_inspected(inspection, is_missing, effects);
    }

    /// A worker failed. Returns what to report.
    pub(super) fn failed(&mut self, now: Moment, failure: &Failure) -> Option<Notice> {
        let Failure { place, verdict, early, why } = failure;
        let blamed = match verdict {
            Verdict::Nobody => None,
            Verdict::Unfit => Some(Blame::Agent),
            Verdict::Blame(blame) => Some(*blame),
        };
        if let Some(blame) = blamed {
            *self.totals.failures.entry(blame).or_default() += 1;
        }
        match verdict {
            Verdict::Nobody => None,
            Verdict::Unfit => {
                self.failures.unfit(now, place, why);
                None
            }
            Verdict::Blame(blame) => {
                let delay = self.failures.add(now, *blame, place, *early, why);
                (!delay.is_zero()).then(|| Notice::Waiting(delay, why.clone(), *blame))
            }
        }
    }

    /// A launch with these ports failed on an agent, with this message.
    pub(super) fn ports_failed(
        &mut self,
        now: Moment,
        place: &Arc<AgentProfile>,
        ports: &[u16],
        message: &str,
    ) {
        self.ports.add(now, place, ports, message);
    }

    /// A worker has run on this agent for a while.
    pub(super) fn proven(&mut self, agent: &str) {
        self.failures.proven(agent);
    }

    /// Forgets the failures on one agent, called by its id or host name, or on all.
    pub(super) fn clear(&mut self, agent: Option<&str>) {
        self.failures.clear(agent);
        self.ports.clear(agent);
        self.unfilter();
    }

    /// Why offers were declined since the last launch, and how many for each reason.
    pub(super) fn refusals(&self) -> Vec<(String, usize)> {
        self.starvation.refusals()
    }

    /// Whether failures on this agent still count.
    pub(super) fn has_failures_on(&self, agent: &str) -> bool {
        self.failures.count_on(agent)
    }

    /// Agents on which workers failed.
    pub(super) fn suspicions(&self, now: Moment) -> Vec<Suspicion> {
        self.failures.suspicions(now)
    }

    /// What has become of offers and failed workers.
    pub(super) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Why no TaskManager is launched, as last reported.
    pub(super) fn why_nothing_fits(&self) -> Option<String> {
        self.starvation.why()
    }

    /// When launches are allowed again, if they must wait.
    pub(super) fn paused_until(&self, now: Moment) -> Option<Moment> {
        self.failures.wait(now)
    }

    /// When to look again for offers.
    pub(super) fn wake_at(&self) -> Option<Moment> {
        self.interest.wake_at().into_iter().chain(self.starvation.wake_at()).min()
    }
}
