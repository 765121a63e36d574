//! How long to wait before the next attempt.

use std::time::Duration;

use rand::Rng;

/// Waits that double from `min` up to `max`, each with jitter, so that many clients that lose a
/// connection at the same moment do not all return at once.
#[derive(Debug, Clone)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    ceiling: Duration,
}

impl Backoff {
    /// The first wait is between half of `min` and `min`; no wait is longer than `max`. A `max`
    /// below `min` counts as `min`.
    pub fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), ceiling: min }
    }

    /// The next wait: between half the current ceiling and all of it. Then the ceiling doubles.
    #[expect(
        clippy::should_implement_trait,
        reason = "it never ends, so an Option would only be in the way"
    )]
    pub fn next(&mut self) -> Duration {
        let wait = self.ceiling.mul_f64(rand::rng().random_range(0.5..=1.0));
        self.ceiling = self.ceiling.saturating_mul(2).min(self.max);
        wait
    }

    /// Starts again at `min`. Call it after a success.
    pub fn reset(&mut self) {
        self.ceiling = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(2);

    #[test]
    fn waits_double_up_to_the_maximum_and_are_at_least_half_of_it() {
        for _ in 0..200 {
            let mut backoff = Backoff::new(MIN, MAX);
            let mut ceiling = MIN;
            for _ in 0..10 {
                let wait = backoff.next();
                assert!(
                    wait >= ceiling / 2 && wait <= ceiling,
                    "{wait:?} with ceiling {ceiling:?}"
                );
                ceiling = (ceiling * 2).min(MAX);
            }
        }
    }

    #[test]
    fn two_that_start_together_wait_for_different_times() {
        let (mut one, mut other) = (Backoff::new(MIN, MAX), Backoff::new(MIN, MAX));
        assert!((0..20).any(|_| one.next() != other.next()));
    }

    #[test]
    fn after_a_reset_it_starts_again_at_the_minimum() {
        let mut backoff = Backoff::new(MIN, MAX);
        for _ in 0..6 {
            backoff.next();
        }
        backoff.reset();
        assert!(backoff.next() <= MIN);
    }

    #[test]
    fn a_maximum_below_the_minimum_counts_as_the_minimum() {
        let mut backoff = Backoff::new(MAX, MIN);
        for _ in 0..5 {
            let wait = backoff.next();
            assert!(wait >= MAX / 2 && wait <= MAX);
        }
    }
}
