//! Why nothing is launched although workers are missing: no offer comes, or none that fits.

use std::time::Duration;

use super::{
    bundle::Bundle,
    refusal_counts::RefusalCounts,
    silence::{Silence, Step},
};
use crate::core::{
    effects::Effects,
    evidence::Inspection,
    ids::Moment,
    message::{Notice, Output},
    resources::Demand,
};

/// Minimum time between two reads of the master's operator API.
const INSPECT_INTERVAL: Duration = Duration::from_secs(60);

/// What prevents launches, and what was reported about it.
#[derive(Debug)]
pub(super) struct Starvation {
    /// What each worker needs.
    demand: Demand,
    refusals: RefusalCounts,
    /// The reasons reported last, and after how many offers.
    explained: (Vec<String>, usize),
    silence: Silence,
    /// Whether the master on this connection knows how much a worker needs.
    narrowed: bool,
    /// When the master was last inspected.
    inspected: Option<Moment>,
    /// Whether it will be inspected again as soon as that is allowed.
    inspect_again: bool,
    /// The quota that makes offers too small, as text.
    quota: Option<String>,
}

impl Starvation {
    pub(super) fn new(demand: Demand, constrained: bool) -> Self {
        Self {
            demand,
            refusals: RefusalCounts::default(),
            explained: <_>::default(),
            silence: Silence::new(constrained),
            narrowed: false,
            inspected: None,
            inspect_again: false,
            quota: None,
        }
    }

    /// Another master may be connected now.
    pub(super) fn subscribed(&mut self) {
        self.silence.subscribed();
        self.narrowed = false;
    }

    /// Offers have come.
    pub(super) fn offers_came(&mut self) {
        self.silence.end();
    }

    /// Workers are launched.
    pub(super) fn end(&mut self) {
        self.refusals.clear();
        self.quota = None;
        self.inspect_again = false;
        self.explained = <_>::default();
    }

    /// Counts the offers of a bundle that is not used.
    pub(super) fn add(&mut self, bundle: &Bundle) {
        if let Some(refusal) = &bundle.refusal {
            self.refusals.add(bundle.offers.len(), refusal);
        }
    }

    /// Reports why no offer was used. With more offers, the same reasons are reported again only
    /// now and then.
    pub(super) fn explain(&mut self, now: Moment, effects: &mut Effects) {
        let Some(text) = self.why() else { return };
        let reasons = self.refusals.reasons();
        let often = self.refusals.offers() >= 10 * self.explained.1.max(1);
        if reasons != self.explained.0 || often {
            self.explained = (reasons, self.refusals.offers());
            effects.notice(Notice::Starved(text));
            // The role's quota may make offers too small.
            if self.refusals.has_shortage() {
                // What was seen before the last launch does not count.
                self.inspect_again = !self.inspect_master(now, effects) && self.quota.is_none();
            }
        }
    }

    /// Once the largest offer is known and can be reported, asks the master to leave out offers
    /// that are too small.
    pub(super) fn narrow(&mut self, effects: &mut Effects) {
        if self.refusals.has_shortage() && !std::mem::replace(&mut self.narrowed, true) {
            effects.output(Output::Narrow);
        }
    }

    /// Offers are wanted or not. Finds out and reports why no offer comes.
    pub(super) fn set(&mut self, now: Moment, wanted: bool, effects: &mut Effects) {
        self.silence.set(now, wanted);
        self.inspect_again &= wanted;
        if self.inspect_again && self.inspect_master(now, effects) {
            self.inspect_again = false;
        }
        if self.refusals.offers() > 0 {
            return;
        }
        match self.silence.step(now) {
            Some(Step::Widen) => effects.output(Output::Widen),
            Some(Step::FindReason) if self.inspect_master(now, effects) => {}
            Some(Step::FindReason) => self.report(&[], effects),
            None => {}
        }
    }

    /// Requests the master's state, unless that was done recently. Returns whether it was
    /// requested.
    fn inspect_master(&mut self, now: Moment, effects: &mut Effects) -> bool {
        let may = self.inspected.is_none_or(|at| now.since(at) >= INSPECT_INTERVAL);
        if may {
            self.inspected = Some(now);
            effects.output(Output::InspectMaster);
        }
        may
    }

    /// The answer to [`Output::InspectMaster`].
    pub(super) fn master_inspected(
        &mut self,
        inspection: &Inspection,
        is_missing: bool,
        effects: &mut Effects,
    ) {
        let reasons = inspection.own_quota(&self.demand);
        self.quota = (!reasons.is_empty()).then(|| reasons.join("; "));
        if self.silence.awaits_reason() {
            self.report(&inspection.why_no_offer(&self.demand), effects);
        } else if is_missing
            && self.refusals.has_shortage()
            && self.quota.is_some()
            && let Some(text) = self.why()
        {
            effects.notice(Notice::Starved(text));
        }
    }

    fn report(&mut self, reasons: &[String], effects: &mut Effects) {
        let text = self.silence.report(&self.demand, reasons);
        effects.notice(Notice::Starved(text));
    }

    /// Why offers were declined since the last launch, and how many for each reason.
    pub(super) fn refusals(&self) -> Vec<(String, usize)> {
        self.refusals.counted()
    }

    /// Why no TaskManager is launched, as last reported.
    pub(super) fn why(&self) -> Option<String> {
        let declined = self.refusals.explain().map(|declined| match &self.quota {
            Some(quota) if self.refusals.has_shortage() => format!("{declined}; {quota}"),
            _ => declined,
        });
        declined.or_else(|| self.silence.reported().map(str::to_owned))
    }

    /// When the lack of offers is reported, or the master is inspected again.
    pub(super) fn wake_at(&self) -> Option<Moment> {
        let silence = self.silence.wake_at().filter(|_| self.refusals.offers() == 0);
        let inspected = self.inspected.filter(|_| self.inspect_again);
        silence.into_iter().chain(inspected.map(|at| at.after(INSPECT_INTERVAL))).min()
    }
}
