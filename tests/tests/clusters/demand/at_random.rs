//! Jobs that come at random.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use tests::{Line, wait_until};
use tokio::time::Instant;

use super::elastic::{Elastic, PATIENCE};

/// Jobs, and the time within which they come and are cancelled.
const JOBS: usize = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// What happens to the cluster at one moment.
enum Step {
    /// Submits a job of this parallelism with this ending.
    Submit(u64, &'static str),
    /// Cancels the job that is this one in the order of submission, if it has not ended.
    Cancel(usize),
}

/// Ten jobs in a minute. Some finish. Those that never end, and those that fail and are restarted
/// again and again, are cancelled before the minute ends.
fn plan(seed: u64) -> Vec<(Duration, Step)> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut starts: Vec<_> =
        (0..JOBS).map(|_| rng.random_range(Duration::ZERO..MINUTE * 3 / 4)).collect();
    starts.sort_unstable();
    let mut steps = Vec::new();
    for (number, start) in starts.into_iter().enumerate() {
        let ending = ["finish", "fail", "never"][rng.random_range(0..3)];
        steps.push((start, Step::Submit(rng.random_range(1..=3), ending)));
        if ending != "finish" {
            steps.push((rng.random_range(start..=MINUTE), Step::Cancel(number)));
        }
    }
    steps.sort_by_key(|(at, _)| *at);
    steps
}

#[expect(clippy::disallowed_methods, reason = "the seed comes to tests from the environment")]
fn seed() -> u64 {
    let seed = std::env::var("FLINK_MESOS_TEST_SEED").ok();
    seed.map_or(Ok(0), |text| text.parse()).expect("FLINK_MESOS_TEST_SEED")
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_jobs_at_random_within_a_minute_with_flink_2_leave_nothing_behind() {
    let seed = seed();
    let cluster = Elastic::start(Line::V2, &[]).await;
    let rest = cluster.rest();
    let began = Instant::now();
    let mut jobs = Vec::new();
    for (at, step) in plan(seed) {
        tokio::time::sleep_until(began + at).await;
        match step {
            Step::Submit(parallelism, ending) => jobs.push(cluster.submit(parallelism, ending)),
            Step::Cancel(number) => rest.cancel(&jobs[number]).await.unwrap(),
        }
    }
    assert_eq!(jobs.len(), JOBS, "FLINK_MESOS_TEST_SEED={seed}");
    wait_until("all jobs have ended", PATIENCE, async || {
        let ended = |state: &str| matches!(state, "FINISHED" | "CANCELED");
        let shown = rest.jobs().await.ok()?;
        (shown.len() == JOBS && shown.iter().all(|job| ended(&job.state))).then_some(())
    })
    .await;
    cluster.until_there_are(0).await;
    wait_until("Mesos has all resources back", PATIENCE, async || {
        let agents = cluster.mesos.agents().await;
        let free = |agent: &Value| agent["used_resources"]["cpus"] == 0.0;
        agents["slaves"].as_array()?.iter().all(free).then_some(())
    })
    .await;
    cluster.end();
}
