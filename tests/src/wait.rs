//! Waiting with a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

const PAUSE: Duration = Duration::from_millis(20);
/// A server that is just coming up may take a question and never answer it.
const ONE_ANSWER: Duration = Duration::from_secs(5);

/// Asks again and again until there is an answer; panics when there is none within the limit. A question that takes
/// longer than five seconds is given up and asked again, so nothing that counts may be done in it. `what` completes the
/// sentence "waited in vain until ...".
pub async fn wait_until<T>(what: &str, limit: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Ok(Some(answer)) = timeout(ONE_ANSWER.min(limit), ask()).await {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for {limit:?} until {what}");
        sleep(PAUSE).await;
    }
}
