//! TaskManagers that come when jobs need them and go afterwards, with the real Mesos and Flink.

mod at_random;
mod elastic;
mod results;

use std::time::Duration;

use serde_json::json;
use tests::{Line, wait_until};

use elastic::{Elastic, PATIENCE};

/// More than the promised two seconds: four tests share two cores.
const SOON: Duration = Duration::from_secs(6);

/// From none to three TaskManagers and back.
async fn come_and_go(line: Line, more: &[&str]) -> Elastic {
    let mut cluster = Elastic::start(line, more).await;
    assert!(cluster.master.events("launched").is_empty(), "no job needs any");
    let job = cluster.submit(6, "never");
    cluster.until_there_are(3).await;
    cluster.until_job_has(&job, 6).await;
    let after = cluster.launched_after(&job).await;
    assert!(after < SOON, "the last TaskManager was launched after {after:?}");
    cluster.rest().cancel(&job).await.unwrap();
    cluster.until_there_are(0).await;
    let reasons = cluster.master.events("killing");
    assert!(
        reasons.len() == 3 && reasons.iter().all(|it| it["reason"] == "no job needs it"),
        "{reasons:?}"
    );
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn task_managers_come_with_a_job_and_go_after_it_with_flink_1_20_and_an_operator_sets_bounds()
{
    let mut cluster = come_and_go(Line::V1_20, &[]).await;
    // Four TaskManagers do not fit.
    let job = cluster.submit(8, "never");
    let wanted = cluster.master.wait_for("demand");
    assert_eq!((&wanted["workers"], &wanted["slots"]), (&json!(4), &json!(8)));
    let waiting = cluster.master.wait_for("waiting-for-slots");
    let waited = waiting["seconds"].as_f64().unwrap() - wanted["seconds"].as_f64().unwrap();
    assert!(waited < 10.0, "{waiting}");
    let text = waiting["reason"].as_str().unwrap().to_owned();
    assert!(text.starts_with(&format!("Job endings ({job}) needs 8 slots")), "{text}");
    wait_until("the refused offers are named", PATIENCE, async || {
        let shown = cluster.control.get("workers").await.ok()?;
        let waiting = shown["demand"]["waiting"].as_str()?;
        waiting.contains("largest was 1.9").then_some(())
    })
    .await;
    cluster.rest().cancel(&job).await.unwrap();
    cluster.until_there_are(0).await;
    cluster.scale("1..2").await;
    cluster.until_there_are(1).await;
    cluster.scale("0").await;
    cluster.until_there_are(0).await;
    cluster.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn task_managers_come_with_a_job_and_go_after_it_with_flink_1_18() {
    come_and_go(Line::V1_18, &[]).await.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn task_managers_come_with_an_adaptive_job_and_go_after_it_with_flink_1_18() {
    come_and_go(Line::V1_18, &["-Djobmanager.scheduler=adaptive"]).await.end();
}

/// What the public autoscaler does to an adaptive job: from 2 to 6 and back.
async fn follow_an_autoscaler(line: Line) {
    // By default, a job keeps slots that it no longer uses for 50 s.
    let options = ["-Djobmanager.scheduler=adaptive", "-Dslot.idle.timeout=2000"];
    let cluster = Elastic::start(line, &options).await;
    let job = cluster.submit(2, "never");
    cluster.until_there_are(1).await;
    cluster.until_job_has(&job, 2).await;
    let seen = cluster.rest().get(&format!("jobs/{job}/jobmanager/config")).await.unwrap();
    let scheduler = json!({ "key": "jobmanager.scheduler", "value": "adaptive" });
    assert!(seen.as_array().unwrap().contains(&scheduler), "{seen}");
    cluster.require(&job, 6).await;
    cluster.until_there_are(3).await;
    cluster.until_job_has(&job, 6).await;
    cluster.require(&job, 2).await;
    cluster.until_job_has(&job, 2).await;
    // Flink may have spread the two tasks.
    cluster.until_between(1, 2).await;
    cluster.until_job_has(&job, 2).await;
    cluster.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn task_managers_follow_an_autoscaler_of_adaptive_jobs_with_flink_1_20() {
    follow_an_autoscaler(Line::V1_20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn task_managers_follow_an_autoscaler_of_adaptive_jobs_with_flink_2() {
    follow_an_autoscaler(Line::V2).await;
}
