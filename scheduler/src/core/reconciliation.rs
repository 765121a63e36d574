//! When Mesos is asked what became of the workers.

use std::time::Duration;

use super::message::Moment;

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);
const IMPLICIT: Duration = Duration::from_secs(15 * 60);

/// Explicit rounds until every worker is answered, ever more slowly, since a master that has just taken over knows nothing of
/// an agent before that has registered again; then an implicit round every 15 minutes, for tasks that nobody knows, and explicit ones for workers that it does not mention.
#[derive(Clone, Debug, Default)]
pub(super) struct Reconciliation {
    round: u32,
    explicit: Option<Moment>,
    implicit: Option<Moment>,
}

/// What is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Ask for the workers that were not answered.
    pub(super) explicit: bool,
    /// Ask for everything.
    pub(super) implicit: bool,
}

impl Reconciliation {
    /// (Re)subscribed: both are due at once.
    pub(super) fn start(&mut self, now: Moment) {
        *self = Self { round: 0, explicit: Some(now), implicit: Some(now) };
    }

    /// A worker has become doubtful: ask now.
    pub(super) fn ask(&mut self, now: Moment) {
        self.round = 0;
        self.explicit = Some(now);
    }

    /// All have just been asked for as one; those that are not answered are asked for next.
    pub(super) fn ask_soon(&mut self, now: Moment) {
        self.round = 0;
        self.explicit = Some(now.after(FIRST));
    }

    /// Not connected: nothing can be asked.
    pub(super) fn pause(&mut self) {
        *self = Self::default();
    }

    /// What is due now. It counts as done; explicit rounds go on until [`Reconciliation::answered`].
    pub(super) fn due(&mut self, now: Moment) -> Due {
        let due = |at: Option<Moment>| at.is_some_and(|at| at <= now);
        let due = Due { explicit: due(self.explicit), implicit: due(self.implicit) };
        if due.explicit {
            self.explicit = Some(now.after(FIRST.saturating_mul(1 << self.round.min(8)).min(LONGEST)));
            self.round += 1;
        }
        if due.implicit {
            self.implicit = Some(now.after(IMPLICIT));
        }
        due
    }

    /// Every worker is answered.
    pub(super) fn answered(&mut self) {
        self.explicit = None;
    }

    /// When something is due next.
    pub(super) fn wake_at(&self) -> Option<Moment> {
        self.explicit.into_iter().chain(self.implicit).min()
    }
}
