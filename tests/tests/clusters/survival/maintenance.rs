//! TaskManagers that must leave their agent: operators of the cluster and of Mesos move them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tests::{
    RealMesosOptions,
    site::{Part, Site},
    wait_until,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// The first TaskManager's agent.
fn agent_of_the_first(site: &Site) -> String {
    site.operate(&["list"])["workers"][0]["agent"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_drains_an_agent_and_restarts_all_workers() {
    let mut site = Site::start(1, RealMesosOptions { agents: 2, ..Default::default() }, &[]).await;
    let (old, _) = site.task_managers().pop_first().unwrap();
    let agent = agent_of_the_first(&site);
    assert_eq!(site.operate(&["drain", &agent])["draining"][0], agent);
    let new = wait_until("another TaskManager has taken its place", PATIENCE, async || {
        let there = site.task_managers();
        assert!(!there.is_empty(), "it went before another was there");
        (there.len() == 1 && !there.contains_key(&old))
            .then(|| there.keys().next().unwrap().clone())
    })
    .await;
    site.until_whole(1).await;
    assert_ne!(site.operate(&["list"])["workers"][0]["agent"], agent);
    site.operate(&["undrain", &agent]);
    site.operate(&["restart", "--surge", "1"]);
    wait_until("it was restarted", PATIENCE, async || {
        let there = site.task_managers();
        assert!(!there.is_empty(), "it went before another was there");
        (there.len() == 1 && !there.contains_key(&new)).then_some(())
    })
    .await;
    site.until_whole(1).await;
    let history = site.operate(&["history"]);
    let steps = history["history"].as_array().unwrap();
    let killed = steps
        .iter()
        .find(|step| step["worker"] == old.as_str() && step["to"] == "killing")
        .unwrap();
    assert_eq!(
        (killed["by"].as_str(), killed["cause"].as_str()),
        (Some("operator"), Some("the agent is drained"))
    );
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_all_workers_continues_where_it_stopped_after_the_application_master_was_killed()
 {
    let mut site = Site::start(2, RealMesosOptions::default(), &[]).await;
    let before = site.task_managers();
    let old =
        |site: &Site| site.task_managers().keys().filter(|name| before.contains_key(*name)).count();
    site.operate(&["restart", "--surge", "1"]);
    wait_until("the first one was replaced", PATIENCE, async || (old(&site) == 1).then_some(()))
        .await;
    site.kill(Part::ApplicationMaster).await;
    assert_eq!(old(&site), 1, "the restart was on its way");
    site.restart(Part::ApplicationMaster).await;
    wait_until("the other one was replaced, too", PATIENCE, async || {
        assert!(site.task_managers().len() >= 2, "it went before another was there");
        (old(&site) == 0).then_some(())
    })
    .await;
    site.until_whole(2).await;
    assert_eq!(site.task_managers().len(), 2);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_leave_an_agent_that_mesos_drains_and_it_counts_against_nothing() {
    let mut site = Site::start(1, RealMesosOptions { agents: 2, ..Default::default() }, &[]).await;
    let (old, _) = site.task_managers().pop_first().unwrap();
    let agent = agent_of_the_first(&site);
    let drain = json!({ "agent_id": { "value": agent }, "max_grace_period": { "seconds": 5 } });
    site.mesos.post_json("api/v1", &json!({ "type": "DRAIN_AGENT", "drain_agent": drain })).await;
    wait_until("another TaskManager has taken its place", PATIENCE, async || {
        let there = site.task_managers();
        (there.len() == 1 && !there.contains_key(&old)).then_some(())
    })
    .await;
    site.until_whole(1).await;
    let reported = site.operate(&["list"]);
    assert_ne!(reported["workers"][0]["agent"], agent.as_str());
    assert_eq!(reported["suspects"], json!([]));
    let gone = site.master.events("gone")[0]["reason"].clone();
    assert!(gone.as_str().unwrap().contains("REASON_AGENT_DRAINING"), "{gone}");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_is_accepted_and_when_it_is_cancelled_the_agent_is_used_again() {
    let mut site = Site::start(1, RealMesosOptions::default(), &[]).await;
    let before = site.task_managers();
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(300);
    let machine = json!({ "hostname": "127.0.0.1", "ip": "127.0.0.1" });
    let unavailability =
        json!({ "start": { "nanoseconds": u64::try_from(start.as_nanos()).unwrap() } });
    let window = json!({ "machine_ids": [machine], "unavailability": unavailability });
    site.mesos.post_json("maintenance/schedule", &json!({ "windows": [window] })).await;
    wait_until("it is agreed to", PATIENCE, async || {
        let reported = site.mesos.master_json("maintenance/status").await;
        let answers = reported["draining_machines"][0]["statuses"].as_array()?;
        answers.iter().any(|answer| answer["status"] == "ACCEPT").then_some(())
    })
    .await;
    let starved = async |site: &mut Site| Some(site.workers().await?["starved"].clone());
    wait_until("the TaskManager is to leave, and cannot", PATIENCE, async || {
        starved(&mut site)
            .await?
            .as_str()?
            .contains("the agent goes into maintenance")
            .then_some(())
    })
    .await;
    site.mesos.post_json("maintenance/schedule", &json!({ "windows": [] })).await;
    wait_until("it no longer has to leave", 2 * PATIENCE, async || {
        let reported = site.workers().await?;
        (reported["workers"][0]["leaving"] == Value::Null && reported["starved"] == Value::Null)
            .then_some(())
    })
    .await;
    assert_eq!(site.task_managers(), before);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_manager_gets_the_shorter_grace_period_of_its_own_and_the_drains() {
    // Mesos sends the drain's grace period only if the task's own is longer; otherwise its kill has
    // none.
    for (own, drains) in [(100, 2), (2, 100)] {
        let grace = format!("-Dmesos.worker.kill-grace={own} s");
        let mut site =
            Site::start(1, RealMesosOptions { agents: 2, ..Default::default() }, &[&grace]).await;
        let java = site.java_home().join("bin/java");
        let obedient = fs_err::read_to_string(&java).unwrap();
        fs_err::write(&java, obedient.replace("sys.exit(143)", "None")).unwrap();
        site.operate(&["restart"]);
        site.master.wait_for("gone");
        site.until_whole(1).await;
        let (stubborn, _) = site.task_managers().pop_first().unwrap();
        fs_err::write(&java, obedient).unwrap();
        let agent = agent_of_the_first(&site);
        let drain =
            json!({ "agent_id": { "value": agent }, "max_grace_period": { "seconds": drains } });
        site.mesos
            .post_json("api/v1", &json!({ "type": "DRAIN_AGENT", "drain_agent": drain }))
            .await;
        let gone = site.master.wait_for("gone");
        assert_eq!(gone["worker"], stubborn.as_str());
        let why = gone["reason"].as_str().unwrap();
        assert!(
            why.contains("still alive after its grace period of 2.0 s, killed by SIGKILL"),
            "{own} {drains}: {why}"
        );
        site.until_whole(1).await;
        site.end().await;
    }
}
