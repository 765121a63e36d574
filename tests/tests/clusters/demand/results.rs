//! Results that a batch job has not read yet.

use serde_json::Value;
use tests::{FlinkRest, Line, wait_until};

use super::elastic::{Elastic, PATIENCE};

/// Waits until this many tasks of the vertex whose name begins like this are in this state.
async fn until_tasks_are(rest: &FlinkRest, job: &str, vertex: &str, state: &str, count: u64) {
    let what = format!("{count} tasks of \"{vertex}\" are {state}");
    wait_until(&what, PATIENCE, async || {
        let found = rest.get(&format!("jobs/{job}")).await.ok()?;
        let named = |it: &&Value| it["name"].as_str().is_some_and(|it| it.starts_with(vertex));
        let vertex = found["vertices"].as_array()?.iter().find(named)?;
        (vertex["tasks"][state] == count).then_some(())
    })
    .await;
}

/// Two TaskManagers hold what the four tasks of the first stage have written. One of them runs the
/// second stage, the other one is idle. A third one, which is idle for a shorter time, goes.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_task_manager_stays_while_a_batch_job_may_read_its_results() {
    let mut cluster = Elastic::start(Line::V1_20, &[]).await;
    let rest = cluster.rest();
    let endless = cluster.submit(2, "never");
    cluster.until_job_has(&endless, 2).await;
    let file = cluster.master.work.path().join("go-on");
    let batch = cluster.submit(4, &format!("hold-{}", file.display()));
    until_tasks_are(&rest, &batch, "Source", "FINISHED", 4).await;
    until_tasks_are(&rest, &batch, "wait", "RUNNING", 1).await;
    rest.cancel(&endless).await.unwrap();
    cluster.until_there_are(2).await;
    assert_eq!(cluster.master.events("killing").len(), 1);
    fs_err::write(&file, "").unwrap();
    wait_until("the batch job has ended", PATIENCE, async || {
        let ended = rest.get(&format!("jobs/{batch}")).await.ok()?;
        let state = ended["state"].as_str()?;
        assert!(state == "RUNNING" || state == "FINISHED", "{ended}");
        (state == "FINISHED").then_some(())
    })
    .await;
    cluster.until_there_are(0).await;
    cluster.end();
}
