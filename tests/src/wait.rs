//! Waiting with a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

const PAUSE: Duration = Duration::from_millis(20);
/// A server that is starting may accept a request and never answer it.
const ONE_ANSWER: Duration = Duration::from_secs(5);

/// Calls `ask` until it returns a value; panics at the time limit. A call that takes longer than
/// five seconds is dropped and repeated, so it must have no lasting effects. `what` completes the
/// sentence "waited in vain for ... until ...".
pub async fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Ok(Some(answer)) = timeout(ONE_ANSWER.min(limit), ask()).await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {limit:?} until {what}");
        sleep(PAUSE).await;
    }
}
