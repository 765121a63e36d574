//! Answers to health checks: `/healthz` shows whether the application master hangs, `/readyz`
//! whether the cluster is ready. They need no token and reveal nothing else.

use std::{sync::Arc, time::Duration};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{Inbox, command::Request};

/// How long the application master may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an answer is repeated. So strangers cannot keep the application master busy.
const FRESH: Duration = Duration::from_secs(1);

/// The health of the application master.
struct Health {
    to: Inbox,
    last: Mutex<Option<(Instant, Option<bool>)>>,
}

/// The routes.
pub(super) fn routes<S>(to: Inbox) -> Router<S> {
    let health = Arc::new(Health { to, last: Mutex::default() });
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready)).with_state(health)
}

type Answer = (StatusCode, &'static str);
const NO_ANSWER: Answer = (StatusCode::SERVICE_UNAVAILABLE, "no answer\n");

async fn alive(State(health): State<Arc<Health>>) -> Answer {
    health.is_ready().await.map_or(NO_ANSWER, |_| (StatusCode::OK, "alive\n"))
}

async fn ready(State(health): State<Arc<Health>>) -> Answer {
    health.is_ready().await.map_or(NO_ANSWER, |is_ready| {
        if is_ready {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    })
}

impl Health {
    /// Whether the cluster is ready; `None` if the application master does not answer.
    async fn is_ready(&self) -> Option<bool> {
        let mut last = self.last.lock().await;
        match *last {
            Some((at, answer)) if at.elapsed() < FRESH => answer,
            _ => {
                let asked = timeout(PATIENCE, super::ask(self.to.clone(), Request::Ready)).await;
                let answer = asked.ok().and_then(Result::ok);
                let is_ready = answer.and_then(|Json(answer)| answer.as_bool());
                *last = Some((Instant::now(), is_ready));
                is_ready
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;
    use tokio::sync::mpsc;

    use super::{super::PendingRequest, *};

    fn health() -> (Arc<Health>, mpsc::Receiver<PendingRequest>) {
        let (to, asked) = mpsc::channel(1);
        (Arc::new(Health { to, last: Mutex::default() }), asked)
    }

    #[tokio::test(start_paused = true)]
    async fn many_checks_within_a_second_ask_the_application_master_once() {
        let (health, mut asked) = health();
        let counted = tokio::spawn(async move {
            let mut count = 0;
            while let Some(PendingRequest { answer, .. }) = asked.recv().await {
                count += 1;
                answer.send(Ok(json!(count > 1))).unwrap();
            }
            count
        });
        for _ in 0..100 {
            assert_eq!(ready(State(health.clone())).await.0, StatusCode::SERVICE_UNAVAILABLE);
        }
        assert_eq!(alive(State(health.clone())).await.0, StatusCode::OK);
        tokio::time::advance(FRESH).await;
        assert_eq!(ready(State(health.clone())).await, (StatusCode::OK, "ready\n"));
        drop(health);
        assert_eq!(counted.await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_application_master_that_hangs_is_neither_alive_nor_ready() {
        let (health, _asked) = health();
        let began = Instant::now();
        assert_eq!(alive(State(health.clone())).await, NO_ANSWER);
        assert_eq!(began.elapsed(), PATIENCE);
        assert_eq!(ready(State(health)).await, NO_ANSWER);
    }
}
