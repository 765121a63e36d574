//! What is reported when no offer comes, or none that fits.
//!
//! A master that knows our constraints may hold all offers back because of them. So it is first
//! asked to drop the constraints: the offers then show what the agents have. If still none comes,
//! its operator API is read once.

use std::time::Duration;

use super::{
    Core,
    evidence::Inspection,
    ids::Moment,
    message::{Notice, Output},
};

/// After this time without any offer, the wanted resources are reported.
const REPORT_AFTER: Duration = Duration::from_secs(10);
/// How long to wait for offers after the master dropped the constraints.
const WIDENED_WAIT: Duration = Duration::from_secs(5);
/// Minimum time between two reads of the master's operator API.
const INSPECT_INTERVAL: Duration = Duration::from_secs(60);

/// What was reported, and what was done to find out.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// Whether the search for a reason has started.
    asked: bool,
    /// The reported reason.
    reported: Option<String>,
    /// When the master was last inspected.
    looked: Option<Moment>,
    /// The quota that makes offers too small, as text.
    quota: Option<String>,
}

impl Core {
    /// Finds out and reports why no offer comes.
    pub(super) fn report_silence(&mut self) {
        if self.silence.asked || self.silence_at().is_none_or(|at| at > self.now) {
            return;
        }
        if !self.widened {
            self.widened = true;
            self.outputs.push(Output::Widen);
            return;
        }
        self.silence.asked = true;
        if !self.inspect_master() {
            self.report_why(&[]);
        }
    }

    /// Finds out whether the role's quota makes offers too small.
    pub(super) fn ask_about_shortage(&mut self) {
        if self.refusals.has_shortage() {
            self.inspect_master();
        }
    }

    /// Requests the master's state, unless that was done recently. Returns whether it was
    /// requested.
    fn inspect_master(&mut self) -> bool {
        let may = self.silence.looked.is_none_or(|at| self.now.since(at) >= INSPECT_INTERVAL);
        if may {
            self.silence.looked = Some(self.now);
            self.outputs.push(Output::InspectMaster);
        }
        may
    }

    /// The answer to [`Output::InspectMaster`].
    pub(super) fn master_inspected(&mut self, inspection: &Inspection) {
        let reasons = inspection.own_quota(&self.settings.demand);
        self.silence.quota = (!reasons.is_empty()).then(|| reasons.join("; "));
        if self.silence.asked && self.silence.reported.is_none() {
            self.report_why(&inspection.why_no_offer(&self.settings.demand));
        } else if self.missing() > 0
            && self.refusals.has_shortage()
            && self.silence.quota.is_some()
            && let Some(text) = self.why_nothing_fits()
        {
            self.notice(Notice::Starved(text));
        }
    }

    fn report_why(&mut self, reasons: &[String]) {
        let (seconds, demand) = (self.patience_with_silence().as_secs(), &self.settings.demand);
        let head = format!("the master has sent no offer of any agent for {seconds} s");
        let text = if reasons.is_empty() {
            format!(
                "{head}: no agent is active, what they have is in use or reserved for other roles, the role's quota is used up, or \
                 they go into maintenance; a TaskManager needs {demand}"
            )
        } else {
            format!("{head}: {}", reasons.join("; "))
        };
        self.silence.reported = Some(text.clone());
        self.notice(Notice::Starved(text));
    }

    /// Why no TaskManager is launched, as last reported.
    pub(super) fn why_nothing_fits(&self) -> Option<String> {
        let declined = self.refusals.explain().map(|declined| match &self.silence.quota {
            Some(quota) if self.refusals.has_shortage() => format!("{declined}; {quota}"),
            _ => declined,
        });
        declined.or_else(|| self.silence.reported.clone())
    }

    /// How long to wait without offers before the next step of [`Core::report_silence`].
    fn patience_with_silence(&self) -> Duration {
        let asked_for_all = self.widened && !self.settings.constraints.is_empty();
        if asked_for_all { REPORT_AFTER + WIDENED_WAIT } else { REPORT_AFTER }
    }

    /// When the lack of offers is reported.
    pub(super) fn silence_at(&self) -> Option<Moment> {
        self.offerless
            .filter(|_| !self.silence.asked && self.refusals.offers() == 0)
            .map(|since| since.after(self.patience_with_silence()))
    }
}

impl Silence {
    /// An offer has come, or the master has changed.
    pub(super) fn end(&mut self) {
        (self.asked, self.reported) = (false, None);
    }

    /// A TaskManager was launched.
    pub(super) fn forget_quota(&mut self) {
        self.quota = None;
    }
}
