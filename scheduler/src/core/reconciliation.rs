//! When Mesos is asked what became of the workers.

use std::time::Duration;

use super::{message::Moment, pace::jitter};

const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(60);
const IMPLICIT: Duration = Duration::from_secs(15 * 60);

/// Explicit rounds until every worker is answered, ever more slowly, since a master that has just taken over knows nothing of
/// an agent before that has registered again; then an implicit round every 12 to 15 minutes, for tasks that nobody knows, and
/// explicit ones for workers that it does not mention. All waits are cut by up to a fifth, so that clusters that a new master
/// has greeted together do not go on asking it together.
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
    /// Ask for the workers that were not answered.
    pub(super) explicit: bool,
    /// Ask for everything.
    pub(super) implicit: bool,
}

impl Reconciliation {
    /// `seed`, which differs from cluster to cluster, stands in for chance.
    pub(super) fn new(seed: &str) -> Self {
        let seed = seed.bytes().fold(0, |mixed: u64, byte| mixed.wrapping_mul(31).wrapping_add(byte.into()));
        Self { seed, ..Self::default() }
    }

    /// (Re)subscribed: both are due at once.
    pub(super) fn start(&mut self, now: Moment) {
        (self.round, self.explicit, self.implicit) = (0, Some(now), Some(now));
    }

    /// A worker has become doubtful: ask now, or with the rounds that are under way. A master that answers none of them is not
    /// asked more often because there are more workers.
    pub(super) fn ask(&mut self, now: Moment) {
        if self.explicit.is_none() {
            (self.round, self.explicit) = (0, Some(now));
        }
    }

    /// All have just been asked for as one; those that are not answered are asked for next.
    pub(super) fn ask_soon(&mut self, now: Moment) {
        self.round = 0;
        self.explicit = Some(now.after(FIRST));
    }

    /// Not connected: nothing can be asked.
    pub(super) fn pause(&mut self) {
        (self.explicit, self.implicit) = (None, None);
    }

    /// What is due now. It counts as done; explicit rounds go on until [`Reconciliation::answered`].
    pub(super) fn due(&mut self, now: Moment) -> Due {
        let due = |at: Option<Moment>| at.is_some_and(|at| at <= now);
        let due = Due { explicit: due(self.explicit), implicit: due(self.implicit) };
        if due.explicit {
            self.explicit = Some(self.later(now, FIRST.saturating_mul(1 << self.round.min(8)).min(LONGEST)));
            self.round += 1;
        }
        if due.implicit {
            self.implicit = Some(self.later(now, IMPLICIT));
        }
        due
    }

    /// After `wait` or somewhat sooner.
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

    /// When everything is asked for.
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

    /// When workers are asked for that are never answered.
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
    fn everything_is_asked_for_every_quarter_of_an_hour_or_somewhat_sooner_and_clusters_do_not_ask_together() {
        let (one, other) = (implicit("0badcafe"), implicit("0badcaff"));
        for pair in one.windows(2) {
            assert!((12 * 60_000..=15 * 60_000).contains(&(pair[1] - pair[0])), "{one:?}");
        }
        assert!(one.iter().all(|at| !other.contains(at)), "{one:?} {other:?}");
        assert_eq!(one, implicit("0badcafe"));
    }

    #[test]
    fn the_unanswered_are_asked_for_ever_more_slowly_and_clusters_that_begin_together_do_not_go_on_together() {
        let (one, other) = (explicit("0badcafe"), explicit("0badcaff"));
        for (pair, longest) in one.windows(2).zip([5, 10, 20, 40, 60, 60, 60, 60]) {
            assert!((longest * 800..=longest * 1000).contains(&(pair[1] - pair[0])), "{one:?}");
        }
        assert_eq!(one[0], other[0], "the first round is due at once");
        assert!(one[1..].iter().all(|at| !other.contains(at)), "{one:?} {other:?}");
    }

    #[test]
    fn a_doubt_is_asked_for_at_once_and_does_not_hurry_rounds_that_are_under_way() {
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
