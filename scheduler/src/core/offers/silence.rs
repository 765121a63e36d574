//! A time without any offer, although offers are wanted.
//!
//! A master that knows our constraints may hold all offers back because of them. So it is first
//! asked to drop the constraints: the offers then show what the agents have. If still none comes,
//! its operator API is read once.

use std::time::Duration;

use crate::core::{ids::Moment, resources::Demand};

/// After this time without any offer, the wanted resources are reported.
const REPORT_AFTER: Duration = Duration::from_secs(10);
/// How long to wait for offers after the master dropped the constraints.
const WIDENED_WAIT: Duration = Duration::from_secs(5);

/// How long no offer has come, and what was done to find out why.
#[derive(Debug)]
pub(super) struct Silence {
    /// Whether we have constraints.
    constrained: bool,
    /// Whether the master on this connection applies no constraints of ours, either because it
    /// never knew them or because it dropped them.
    widened: bool,
    /// Since when offers are wanted but none has come.
    since: Option<Moment>,
    /// Whether the search for a reason has started.
    asked: bool,
    /// The reported reason.
    reported: Option<String>,
}

/// The next step to find out why no offer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask the master to drop our constraints.
    Widen,
    /// Look for the reason, and report it.
    FindReason,
}

impl Silence {
    pub(super) fn new(constrained: bool) -> Self {
        Self { constrained, widened: false, since: None, asked: false, reported: None }
    }

    /// Another master may be connected now.
    pub(super) fn subscribed(&mut self) {
        self.end();
        self.widened = !self.constrained;
    }

    /// Offers are wanted or not.
    pub(super) fn set(&mut self, now: Moment, wanted: bool) {
        self.since = if wanted { self.since.or(Some(now)) } else { None };
    }

    /// An offer has come.
    pub(super) fn end(&mut self) {
        (self.since, self.asked, self.reported) = (None, false, None);
    }

    /// The next step, if it is due.
    pub(super) fn step(&mut self, now: Moment) -> Option<Step> {
        self.wake_at().filter(|at| *at <= now)?;
        if !std::mem::replace(&mut self.widened, true) {
            return Some(Step::Widen);
        }
        self.asked = true;
        Some(Step::FindReason)
    }

    /// Whether a reason is being looked for.
    pub(super) fn awaits_reason(&self) -> bool {
        self.asked && self.reported.is_none()
    }

    /// The reason as last reported.
    pub(super) fn reported(&self) -> Option<&str> {
        self.reported.as_deref()
    }

    /// The report about what the master shows, which may be nothing.
    pub(super) fn report(&mut self, demand: &Demand, reasons: &[String]) -> String {
        let seconds = self.patience().as_secs();
        let head = format!("the master has sent no offer of any agent for {seconds} s");
        let text = if reasons.is_empty() {
            format!(
                "{head}: no agent is active, what they have is in use or reserved for other roles, the role's quota is used up, or \
                 they go into maintenance; a TaskManager needs {demand}"
            )
        } else {
            format!("{head}: {}", reasons.join("; "))
        };
        self.reported = Some(text.clone());
        text
    }

    /// How long to wait without offers before the next step.
    fn patience(&self) -> Duration {
        if self.widened && self.constrained { REPORT_AFTER + WIDENED_WAIT } else { REPORT_AFTER }
    }

    /// When the next step is due.
    pub(super) fn wake_at(&self) -> Option<Moment> {
        self.since.filter(|_| !self.asked).map(|since| since.after(self.patience()))
    }
}
