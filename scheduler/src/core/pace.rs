//! How fast workers are launched when they keep failing.

use std::time::Duration;

use super::message::Moment;

/// Delays launches after failures: none after the first, then one second, doubling up to five minutes. A worker that ran
/// for a minute shows that launching works, and all is forgotten.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    failures: u32,
    until: Moment,
}

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// A worker that ran this long did not fail at its start.
pub(super) const STABLE: Duration = Duration::from_secs(60);

impl Pace {
    /// A worker failed after it had run for `ran`. Gives the delay that launches have from now on.
    pub(super) fn failed(&mut self, now: Moment, ran: Duration) -> Duration {
        self.failures = if ran >= STABLE { 1 } else { self.failures.saturating_add(1) };
        let delay = match self.failures {
            0 | 1 => Duration::ZERO,
            n => FIRST.saturating_mul(1 << (n - 2).min(16)).min(LONGEST),
        };
        self.until = now.after(delay);
        delay
    }

    /// A worker has been running for a while.
    pub(super) fn stable(&mut self) {
        self.failures = 0;
    }

    /// When launches are allowed again, if they are not now.
    pub(super) fn wait(&self, now: Moment) -> Option<Moment> {
        (self.until > now).then_some(self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_costs_nothing_and_repeated_ones_ever_more_up_to_five_minutes() {
        let mut pace = Pace::default();
        let delays: Vec<u64> = (0..12).map(|_| pace.failed(Moment(0), Duration::ZERO).as_secs()).collect();
        assert_eq!(delays, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(pace.wait(Moment(299_999)), Some(Moment(300_000)));
        assert_eq!(pace.wait(Moment(300_000)), None);
    }

    #[test]
    fn a_worker_that_ran_for_a_minute_makes_the_past_forgotten() {
        let mut pace = Pace::default();
        for _ in 0..5 {
            pace.failed(Moment(0), Duration::ZERO);
        }
        assert_eq!(pace.failed(Moment(0), STABLE), Duration::ZERO);
    }
}
