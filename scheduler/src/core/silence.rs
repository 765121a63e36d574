//! What people are told when no offer comes, or none that is of use.
//!
//! A master that knows our constraints may keep all offers back for them; so it is asked for the others first, which show what
//! the agents have. If there is none either, it is asked once what it tells its operators.

use std::time::Duration;

use super::{
    Core,
    evidence::Look,
    message::{Moment, Notice, Output},
};

/// Without any offer for so long, people are told what is asked for.
const SILENT: Duration = Duration::from_secs(10);
/// How long a master may take that was asked for offers of all agents.
const WIDENED: Duration = Duration::from_secs(5);
/// The master is not asked more often what it tells its operators.
const SELDOM: Duration = Duration::from_secs(60);

/// What people were told, and what was asked for it.
#[derive(Debug, Default)]
pub(super) struct Silence {
    /// Whether it is being found out why there is no offer, or was.
    asked: bool,
    /// Why there is none.
    told: Option<String>,
    /// When the master was asked last.
    looked: Option<Moment>,
    /// What of the role's quota makes offers small.
    quota: Option<String>,
}

impl Core {
    /// Says why there is no offer at all.
    pub(super) fn tell_of_silence(&mut self) {
        if self.silence.asked || self.silence_at().is_none_or(|at| at > self.now) {
            return;
        }
        if !self.widened {
            self.widened = true;
            self.outputs.push(Output::Widen);
            return;
        }
        self.silence.asked = true;
        if !self.look() {
            self.tell_why(&[]);
        }
    }

    /// Finds out whether it is the role's quota that makes offers too small.
    pub(super) fn ask_about_shortage(&mut self) {
        if self.refusals.has_shortage() {
            self.look();
        }
    }

    /// Asks the master what it tells its operators, unless that was asked a moment ago.
    fn look(&mut self) -> bool {
        let may = self.silence.looked.is_none_or(|at| self.now.since(at) >= SELDOM);
        if may {
            self.silence.looked = Some(self.now);
            self.outputs.push(Output::Look);
        }
        may
    }

    /// The answer to [`Output::Look`].
    pub(super) fn looked(&mut self, look: &Look) {
        let reasons = look.own_quota(&self.settings.demand);
        self.silence.quota = (!reasons.is_empty()).then(|| reasons.join("; "));
        if self.silence.asked && self.silence.told.is_none() {
            self.tell_why(&look.why_no_offer(&self.settings.demand));
        } else if self.missing() > 0
            && self.refusals.has_shortage()
            && self.silence.quota.is_some()
            && let Some(text) = self.why_nothing_fits()
        {
            self.notice(Notice::Starved(text));
        }
    }

    fn tell_why(&mut self, reasons: &[String]) {
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
        self.silence.told = Some(text.clone());
        self.notice(Notice::Starved(text));
    }

    /// Why no TaskManager is launched, as people were told last.
    pub(super) fn why_nothing_fits(&self) -> Option<String> {
        let declined = self.refusals.explain().map(|declined| match &self.silence.quota {
            Some(quota) if self.refusals.has_shortage() => format!("{declined}; {quota}"),
            _ => declined,
        });
        declined.or_else(|| self.silence.told.clone())
    }

    /// How long nothing comes until the next step of [`Core::tell_of_silence`].
    fn patience_with_silence(&self) -> Duration {
        let asked_for_all = self.widened && !self.settings.constraints.is_empty();
        if asked_for_all { SILENT + WIDENED } else { SILENT }
    }

    /// When people are told that there are no offers.
    pub(super) fn silence_at(&self) -> Option<Moment> {
        self.offerless
            .filter(|_| !self.silence.asked && self.refusals.offers() == 0)
            .map(|since| since.after(self.patience_with_silence()))
    }
}

impl Silence {
    /// An offer has come, or another master.
    pub(super) fn end(&mut self) {
        (self.asked, self.told) = (false, None);
    }

    /// A TaskManager was launched.
    pub(super) fn forget_quota(&mut self) {
        self.quota = None;
    }
}
