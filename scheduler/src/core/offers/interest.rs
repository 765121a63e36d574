//! Whether Mesos knows if we want offers.

use std::time::Duration;

use crate::core::{ids::Moment, message::Output};

/// After this time without any offer, ask Mesos for offers again.
const REVIVE_AGAIN_AFTER: Duration = Duration::from_secs(120);
/// Offers that arrive later than this after we suppressed them show that Mesos missed the call.
const SUPPRESS_LAG: Duration = Duration::from_secs(5);

/// What Mesos has heard about our interest in offers.
#[derive(Debug)]
pub(super) struct Interest {
    /// Whether we want offers, as last sent. `None` if it must be sent again.
    heard: Option<bool>,
    /// When that was last sent, or confirmed by Mesos's behaviour.
    since: Moment,
}

impl Interest {
    /// Mesos has heard nothing yet.
    pub(super) fn new(now: Moment) -> Self {
        Self { heard: None, since: now }
    }

    /// The call to send, if the interest has changed or Mesos behaves as if it missed the last one.
    pub(super) fn set(&mut self, now: Moment, wanted: bool) -> Option<Output> {
        let missed = wanted && self.wake_at().is_some_and(|at| at <= now);
        if self.heard == Some(wanted) && !missed {
            return None;
        }
        (self.heard, self.since) = (Some(wanted), now);
        Some(if wanted { Output::Revive } else { Output::Suppress })
    }

    /// Notes what arriving offers show: Mesos has received our revive, or has missed our suppress.
    pub(super) fn offers_came(&mut self, now: Moment) {
        match self.heard {
            Some(true) => self.since = now,
            Some(false) if now.since(self.since) >= SUPPRESS_LAG => self.heard = None,
            _ => {}
        }
    }

    /// Mesos must hear it again.
    pub(super) fn forget(&mut self) {
        self.heard = None;
    }

    /// When to ask for offers again because none has come: the call may have been lost.
    pub(super) fn wake_at(&self) -> Option<Moment> {
        (self.heard == Some(true)).then(|| self.since.after(REVIVE_AGAIN_AFTER))
    }
}
