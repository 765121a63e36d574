#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "answers are written in place"
)]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use axum::{Json, Router, extract::State, http::StatusCode, http::Uri, response::IntoResponse};
use serde_json::{Value, json};
use tokio_util::task::AbortOnDropHandle;

use super::*;

/// A JobManager with these answers by path. What it has none for is refused.
#[derive(Clone, Debug, Default)]
struct Fake {
    answers: Arc<Mutex<BTreeMap<String, Value>>>,
    refused: Arc<AtomicUsize>,
    stalls: Arc<AtomicBool>,
}

impl Fake {
    fn set(&self, path: &str, answer: Value) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    async fn start(&self) -> (FlinkRest, AbortOnDropHandle<()>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answer = async |State(fake): State<Self>, uri: Uri| {
            if fake.stalls.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            let known = fake.answers.lock().unwrap().get(uri.path()).cloned();
            known.map(Json).ok_or_else(|| {
                fake.refused.fetch_add(1, Ordering::Relaxed);
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            })
        };
        let router = Router::new().fallback(answer).with_state(self.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let rest = FlinkRest::new(address, "i".to_owned(), None).unwrap();
        (rest, AbortOnDropHandle::new(server))
    }

    /// One job in this state, and two TaskManagers, the first of them idle.
    fn with_job(state: &str, more: Value) -> Self {
        let fake = Self::default();
        let mut job =
            json!({ "jid": "a", "name": "n", "state": state, "tasks": { "scheduled": 6 } });
        job.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fake.set(
            "/jobs/overview",
            json!({ "jobs": [job, { "jid": "b", "name": "m", "state": "FINISHED" }] }),
        );
        let manager = |id, free| json!({ "id": id, "slotsNumber": 2, "freeSlots": free });
        let managers = [manager("taskmanager-e-00001", 2), manager("taskmanager-e-00002", 1)];
        fake.set("/taskmanagers", json!({ "taskmanagers": managers }));
        fake.set("/datasets", json!({ "dataSets": [] }));
        fake
    }

    fn detail(&self, kind: &str) {
        let vertex = |id, parallelism| {
            json!({ "id": id, "parallelism": parallelism, "status": "CREATED", "slotSharingGroupId": id,
                    "tasks": { "SCHEDULED": parallelism } })
        };
        self.set(
            "/jobs/a",
            json!({ "job-type": kind, "vertices": [vertex("v", 4), vertex("w", 2)] }),
        );
    }
}

fn ids(numbers: &[u64]) -> BTreeSet<WorkerId> {
    numbers.iter().map(|number| WorkerId::new("e", *number)).collect()
}

#[tokio::test]
async fn a_poll_says_what_jobs_that_have_not_ended_need_and_which_task_managers_are_idle() {
    let fake = Fake::with_job("RUNNING", json!({}));
    fake.detail("STREAMING");
    let (rest, _server) = fake.start().await;
    let seen = Poller::new(rest, false).next().await;
    let [job] = &seen.jobs[..] else { panic!("{seen:?}") };
    assert_eq!((job.slots, job.waits, seen.is_complete), (6, true, true));
    assert_eq!(
        seen.task_managers.values().map(|slots| slots.is_idle()).collect::<Vec<_>>(),
        [true, false]
    );
    assert_eq!(seen.free_slots(), 3);
}

#[tokio::test]
async fn a_job_that_is_being_initialised_is_not_asked_and_makes_the_answer_incomplete() {
    let fake = Fake::with_job("INITIALIZING", json!({}));
    let (rest, _server) = fake.start().await;
    let seen = Poller::new(rest, false).next().await;
    assert!(seen.jobs.is_empty() && !seen.is_complete);
    assert_eq!(fake.refused.load(Ordering::Relaxed), 0, "the JobManager would cache the answer");
}

#[tokio::test]
async fn the_adaptive_scheduler_is_asked_each_time_and_others_only_once() {
    let bounds = |upper| json!({ "parallelism": { "lowerBound": 1, "upperBound": upper } });
    // Flink 1.20 and 2.3.
    for more in [json!({}), json!({ "schedulerType": "Adaptive" })] {
        let fake = Fake::with_job("RUNNING", more);
        fake.detail("STREAMING");
        let (rest, _server) = fake.start().await;
        let mut poller = Poller::new(rest, true);
        let seen = poller.next().await;
        assert!(seen.jobs.is_empty() && !seen.is_complete, "it has not answered yet");
        for upper in [5, 7] {
            let wanted = json!({ "v": bounds(upper), "w": bounds(1) });
            fake.set("/jobs/a/resource-requirements", wanted);
            assert_eq!(poller.next().await.wanted_slots(), upper + 1);
        }
    }
    // Flink 1.18, which does not say that this is a batch job.
    let fake = Fake::with_job("RUNNING", json!({}));
    fake.set("/jobs/a", json!({ "vertices": [{ "id": "v", "parallelism": 3 }] }));
    let (rest, _server) = fake.start().await;
    let mut poller = Poller::new(rest, true);
    assert_eq!(poller.next().await.wanted_slots(), 3);
    poller.next().await;
    assert_eq!(fake.refused.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_task_manager_with_results_of_a_batch_job_or_with_a_used_slot_is_not_released() {
    let fake = Fake::with_job("RUNNING", json!({}));
    fake.detail("BATCH");
    let (rest, _server) = fake.start().await;
    let jobs = Poller::new(rest.clone(), false).next().await.jobs;
    assert!(
        still_unused(&rest, ids(&[1, 2, 3]), &jobs).await.is_empty(),
        "nothing can be found out"
    );
    for vertex in ["v", "w"] {
        fake.set(&format!("/jobs/a/vertices/{vertex}/taskmanagers"), json!({ "taskmanagers": [] }));
    }
    // The third one is starting.
    assert_eq!(still_unused(&rest, ids(&[1, 2, 3]), &jobs).await, ids(&[1, 3]));
    let place = json!({ "taskmanagers": [{ "taskmanager-id": "taskmanager-e-00001" }] });
    fake.set("/jobs/a/vertices/w/taskmanagers", place);
    assert_eq!(still_unused(&rest, ids(&[1, 2, 3]), &jobs).await, ids(&[3]));
    fake.set("/datasets", json!({ "dataSets": [{ "id": "x" }] }));
    assert!(still_unused(&rest, ids(&[1, 2, 3]), &jobs).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_job_manager_that_does_not_answer_delays_nothing_but_the_next_answer() {
    let fake = Fake::with_job("RUNNING", json!({}));
    fake.detail("STREAMING");
    let (rest, _server) = fake.start().await;
    fake.stalls.store(true, Ordering::Relaxed);
    let mut poller = Poller::new(rest.clone(), false);
    let began = Instant::now();
    assert!(timeout(LONGEST_POLL * 3, poller.next()).await.is_err());
    assert!(still_unused(&rest, ids(&[1]), &[]).await.is_empty());
    assert!(began.elapsed() < LONGEST_POLL * 5);
}
