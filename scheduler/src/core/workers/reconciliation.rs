//! When to ask Mesos for the state of the workers.

use std::time::Duration;

use crate::core::{ids::Moment, jitter::jitter};

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);
const IMPLICIT: Duration = Duration::from_secs(15 * 60);

/// Explicit rounds run at growing intervals until every worker is answered, because a new master
/// knows nothing of an agent until it has registered again. Then an implicit round follows every 12
/// to 15 minutes, to find unknown tasks, with explicit ones for workers that it does not mention.
/// Every wait is shortened by up to a fifth, so that clusters that met a new master together do not
/// keep asking together.
#[derive(Clone, Debug, Default)]
pub(super) struct Reconciliation {
    seed: u64,
    round: u32,
    explicit: Option<Moment>,
    implicit: Option<Moment>,
}

/// What is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Ask about the unanswered workers.
    pub(super) explicit: bool,
    /// Ask about all tasks.
    pub(super) implicit: bool,
}

impl Reconciliation {
    /// `seed` differs from cluster to cluster and replaces randomness.
    pub(super) fn new(seed: &str) -> Self {
        let seed = seed
            .bytes()
            .fold(0, |mixed: u64, byte| mixed.wrapping_mul(31).wrapping_add(byte.into()));
        Self { seed, ..Self::default() }
    }

    /// After a (re)subscription, both are due at once.
    pub(super) fn start(&mut self, now: Moment) {
        (self.round, self.explicit, self.implicit) = (0, Some(now), Some(now));
    }

    /// A worker's state is in doubt: asks now, or with the rounds that are already running. A
    /// master that answers none of them is not asked more often because of further workers.
    pub(super) fn ask(&mut self, now: Moment) {
        if self.explicit.is_none() {
            (self.round, self.explicit) = (0, Some(now));
        }
    }

    /// All were just asked about implicitly; the unanswered are asked about next.
    pub(super) fn ask_soon(&mut self, now: Moment) {
        self.round = 0;
        self.explicit = Some(now.after(FIRST));
    }

    /// Not connected: stops asking.
    pub(super) fn pause(&mut self) {
        (self.explicit, self.implicit) = (None, None);
    }

    /// What is due now; it then counts as done. Explicit rounds continue until
    /// [`Reconciliation::answered`].
    pub(super) fn due(&mut self, now: Moment) -> Due {
        let due = |at: Option<Moment>| at.is_some_and(|at| at <= now);
        let due = Due { explicit: due(self.explicit), implicit: due(self.implicit) };
        if due.explicit {
            self.explicit =
                Some(self.later(now, FIRST.saturating_mul(1 << self.round.min(8)).min(LONGEST)));
            self.round += 1;
        }
        if due.implicit {
            self.implicit = Some(self.later(now, IMPLICIT));
        }
        due
    }

    /// At most `wait` from now, or somewhat sooner.
    fn later(&self, now: Moment, wait: Duration) -> Moment {
        now.after(wait.mul_f64(jitter(now.0 ^ self.seed)))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of implicit rounds.
    fn implicit(epoch: &str) -> Vec<u64> {
        let mut reconciliation = Reconciliation::new(epoch);
        reconciliation.start(Moment(1000));
        reconciliation.due(Moment(1000));
        reconciliation.answered();
        let next = std::iter::from_fn(|| {
            let at = reconciliation.wake_at()?;
            reconciliation.due(at).implicit.then_some(at.0)
        });
        next.take(9).collect()
    }

    /// The times of explicit rounds about workers that are never answered.
    fn explicit(epoch: &str) -> Vec<u64> {
        let mut reconciliation = Reconciliation::new(epoch);
        reconciliation.start(Moment(1000));
        let next = std::iter::from_fn(|| {
            let at = reconciliation.wake_at()?;
            reconciliation.due(at).explicit.then_some(at.0)
        });
        next.take(9).collect()
    }

    #[test]
    fn all_tasks_are_reconciled_every_quarter_of_an_hour_or_sooner_and_clusters_do_not_ask_together()
     {
        let (one, other) = (implicit("0badcafe"), implicit("0badcaff"));
        for pair in one.windows(2) {
            assert!((12 * 60_000..=15 * 60_000).contains(&(pair[1] - pair[0])), "{one:?}");
        }
        assert!(one.iter().all(|at| !other.contains(at)), "{one:?} {other:?}");
        assert_eq!(one, implicit("0badcafe"));
    }

    #[test]
    fn unanswered_workers_are_asked_about_ever_more_slowly_and_clusters_do_not_stay_in_step() {
        let (one, other) = (explicit("0badcafe"), explicit("0badcaff"));
        for (pair, longest) in one.windows(2).zip([5, 10, 20, 40, 60, 60, 60, 60]) {
            assert!((longest * 800..=longest * 1000).contains(&(pair[1] - pair[0])), "{one:?}");
        }
        assert_eq!(one[0], other[0], "the first round is due at once");
        assert!(one[1..].iter().all(|at| !other.contains(at)), "{one:?} {other:?}");
    }

    #[test]
    fn a_doubtful_worker_is_asked_about_at_once_without_speeding_up_running_rounds() {
        let mut reconciliation = Reconciliation::new("e");
        reconciliation.ask(Moment(0));
        for _ in 0..3 {
            let at = reconciliation.wake_at().unwrap_or_default();
            assert!(reconciliation.due(at).explicit);
        }
        let next = reconciliation.wake_at();
        reconciliation.ask(Moment(15_001));
        assert_eq!(reconciliation.wake_at(), next);
        reconciliation.answered();
        reconciliation.ask(Moment(60_000));
        assert_eq!(reconciliation.wake_at(), Some(Moment(60_000)));
    }
}
