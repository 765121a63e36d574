//! Distinguish a slow transfer from a dead one: by bytes per second over a window, never by its
//! total time.

use std::time::Duration;

/// The slowest rate at which a transfer may continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateFloor {
    /// Bytes per second.
    pub bytes_per_second: u64,
    /// The window over which the rate is measured; only time spent waiting for the other side
    /// counts.
    pub window: Duration,
}

impl Default for RateFloor {
    /// 1 KiB/s over 30 seconds.
    fn default() -> Self {
        Self { bytes_per_second: 1024, window: Duration::from_secs(30) }
    }
}

/// Watches one transfer. Only time spent waiting for the other side counts, so our own slow disk is
/// not held against it.
#[derive(Debug)]
pub struct RateWatch {
    floor: RateFloor,
    waited: Duration,
    moved: u64,
}

impl RateWatch {
    /// Watches a transfer that begins now.
    pub fn new(floor: RateFloor) -> Self {
        Self { floor, waited: Duration::ZERO, moved: 0 }
    }

    /// How long to wait for the other side before asking [`RateWatch::stalled`].
    pub fn patience(&self) -> Duration {
        self.floor.window.saturating_sub(self.waited)
    }

    /// Notes that `bytes` were transferred after a wait.
    pub fn note(&mut self, waited: Duration, bytes: u64) {
        self.waited += waited;
        self.moved += bytes;
    }

    /// Whether a window has passed with too few bytes. Starts a new window after one with enough.
    pub fn stalled(&mut self) -> bool {
        if self.waited < self.floor.window {
            return false;
        }
        let enough = self.floor.bytes_per_second as f64 * self.waited.as_secs_f64();
        let stalled = (self.moved as f64) < enough;
        (self.waited, self.moved) = (Duration::ZERO, 0);
        stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: RateFloor = RateFloor { bytes_per_second: 100, window: Duration::from_secs(10) };

    #[test]
    fn silence_for_a_window_is_a_stall() {
        let mut watch = RateWatch::new(FLOOR);
        watch.note(Duration::from_secs(9), 0);
        assert!(!watch.stalled());
        assert_eq!(watch.patience(), Duration::from_secs(1));
        watch.note(watch.patience(), 0);
        assert!(watch.stalled());
    }

    #[test]
    fn a_rate_below_the_floor_is_a_stall_and_one_above_it_is_not() {
        for (drip, stalls) in [(99, true), (101, false)] {
            let mut watch = RateWatch::new(FLOOR);
            let stalled = (0..30).any(|_| {
                watch.note(Duration::from_secs(1), drip);
                watch.stalled()
            });
            assert_eq!(stalled, stalls, "{drip} bytes per second");
        }
    }
}
