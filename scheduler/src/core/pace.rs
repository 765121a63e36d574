//! How fast workers are launched when they keep failing.

use std::time::Duration;

use super::ids::Moment;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// A worker that ran this long did not fail at its start.
pub(super) const STABLE: Duration = Duration::from_secs(60);

/// Delays launches after failures: none after the first, then one second, doubling up to five
/// minutes. A worker that runs for a minute shows that launching works and resets the delay.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    failures: u32,
    /// When the next launch may follow.
    pub(super) until: Moment,
}

impl Pace {
    /// A worker failed after it had run for `ran`. Returns the delay of the next launch.
    pub(super) fn failed(&mut self, now: Moment, ran: Duration) -> Duration {
        self.failures = if ran >= STABLE { 1 } else { self.failures.saturating_add(1) };
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

/// Between 0.8 and 1, the same for the same seed: the core has no randomness of its own.
pub(super) fn jitter(seed: u64) -> f64 {
    let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    0.8 + 0.2 * (mixed as f64 / f64::from(1_u32 << 24))
}
