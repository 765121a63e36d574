//! How fast workers are launched when they keep failing.

use std::time::Duration;

use crate::core::{ids::Moment, jitter::jitter};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// Delays launches after failures: none after the first, then one second, doubling up to five
/// minutes. A worker that does not fail early shows that launching works and resets the delay.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    failures: u32,
    /// When the next launch may follow.
    pub(super) until: Moment,
}

impl Pace {
    /// A worker failed, `early` in its life or later. Returns the delay of the next launch.
    pub(super) fn failed(&mut self, now: Moment, early: bool) -> Duration {
        self.failures = if early { self.failures.saturating_add(1) } else { 1 };
        let delay = match self.failures {
            0 | 1 => Duration::ZERO,
            n => FIRST.saturating_mul(1 << (n - 2).min(16)).min(LONGEST),
        };
        // Jitter, so that clusters that failed together do not retry together; never more than the
        // longest delay.
        let spread = delay.mul_f64(jitter(now.0 ^ u64::from(self.failures))).min(LONGEST);
        self.until = now.after(spread);
        spread
    }
}
