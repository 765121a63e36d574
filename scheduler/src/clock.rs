//! Time for the core: milliseconds since the epoch that never run backwards.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::core::ids::Moment;

/// The wall clock at the start, continued by the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Moment,
    started: Instant,
}

impl Clock {
    /// Starts the clock.
    pub fn start() -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { origin: Moment(0).after(epoch), started: Instant::now() }
    }

    /// The current moment.
    pub fn now(&self) -> Moment {
        self.origin.after(self.started.elapsed())
    }

    /// The instant at which `moment` has passed: one millisecond later, since moments are rounded
    /// down.
    pub fn instant(&self, moment: Moment) -> Instant {
        self.started + moment.since(self.origin) + Duration::from_millis(1)
    }
}
