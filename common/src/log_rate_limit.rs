//! Rate-limit log lines to one per minute, with the number of suppressed ones, so that strangers
//! cannot fill a log.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Time between two lines.
const EVERY: Duration = Duration::from_secs(60);

/// A rate-limited log line.
#[derive(Debug, Default)]
pub struct Quiet(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    said: Option<Instant>,
    unsaid: u64,
}

impl Quiet {
    /// Whether to log now; the value is the number of lines suppressed since the last one.
    pub fn now(&self) -> Option<u64> {
        let mut state = self.0.lock();
        if state.said.is_some_and(|said| said.elapsed() < EVERY) {
            state.unsaid = state.unsaid.saturating_add(1);
            return None;
        }
        state.said = Some(Instant::now());
        Some(std::mem::take(&mut state.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_logged_once_a_minute_with_its_size() {
        let quiet = Quiet::default();
        assert_eq!(quiet.now(), Some(0));
        assert!((0..1000).all(|_| quiet.now().is_none()));
        tokio::time::advance(EVERY).await;
        assert_eq!((quiet.now(), quiet.now()), (Some(1000), None));
        tokio::time::advance(EVERY).await;
        assert_eq!(quiet.now(), Some(1));
    }
}
