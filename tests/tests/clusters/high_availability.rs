//! Several application masters, one of which leads, with the real ZooKeeper, Mesos and Flink.

use std::time::Duration;

use nix::sys::signal::Signal;
use scheduler::election::{Access, ZooKeeperOptions, announced};
use tests::{
    FlinkRest, Line, RealMesos, RealZooKeeper,
    cluster::{FlinkMesos, assert_no_flink_in, processes_with},
    flink_home,
};

fn application_master(mesos: &RealMesos, zookeeper: &RealZooKeeper, storage: &str) -> FlinkMesos {
    let access = [
        // Flink's own client in JobManager and TaskManagers uses the same access.
        "-Dhigh-availability.zookeeper.client.acl=creator",
        "-Dhigh-availability.zookeeper.client.authorization={digest: \"flink:s3cret\"}",
        "-Dhigh-availability.zookeeper.client.session-timeout=4 s",
    ];
    application_master_of(Line::V1_20, &access, mesos, zookeeper, storage)
}

fn application_master_of(
    line: Line,
    more: &[&str],
    mesos: &RealMesos,
    zookeeper: &RealZooKeeper,
    storage: &str,
) -> FlinkMesos {
    let options = [
        format!("-Dmesos.master={}", mesos.master()),
        format!("-Dhigh-availability.zookeeper.quorum={}", zookeeper.connect_string()),
        format!("-Dhigh-availability.storageDir=file://{storage}"),
    ];
    let mut arguments = vec![
        "session",
        "--workers=1",
        "-Dhigh-availability.type=zookeeper",
        "-Dhigh-availability.cluster-id=/trial",
    ];
    arguments.extend(options.iter().map(String::as_str));
    arguments.extend(more);
    FlinkMesos::start(&flink_home(line), &arguments)
}

/// The TaskManagers in the sandboxes of this Mesos, without JVMs that make an archive of class
/// data.
fn task_managers(mesos: &RealMesos) -> Vec<i32> {
    let mut mine = processes_with(&mesos.work_dir().display().to_string());
    mine.retain(|(_, line)| {
        line.contains("TaskManagerRunner") && !line.contains("ArchiveClassesAtExit")
    });
    mine.into_iter().map(|(pid, _)| pid).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_takes_over_from_a_killed_leader_and_no_task_manager_is_restarted() {
    assert_taken_over(application_master).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_of_the_oldest_flink_takes_over_too() {
    // It knows no credentials, and reads plain numbers.
    let timeout = ["-Dhigh-availability.zookeeper.client.session-timeout=4000"];
    assert_taken_over(|mesos, zookeeper, storage| {
        application_master_of(Line::V1_18, &timeout, mesos, zookeeper, storage)
    })
    .await;
}

/// The control API's URL that the leader announces in ZooKeeper.
async fn announced_control(zookeeper: &RealZooKeeper) -> serde_json::Value {
    let options = ZooKeeperOptions {
        quorum: zookeeper.connect_string(),
        base: "/flink/mesos-workers/trial".to_owned(),
        upstream: "/flink/trial/mesos-workers".to_owned(),
        session_timeout: Duration::from_secs(8),
        access: Access {
            authorizations: vec![("digest".to_owned(), "flink:s3cret".to_owned())],
            ..Access::default()
        },
        creator_only: true,
    };
    let text = announced(&options).await.unwrap().unwrap();
    let announcement: serde_json::Value = serde_json::from_slice(&text).unwrap();
    announcement["control"].clone()
}

async fn assert_taken_over(start: impl Fn(&RealMesos, &RealZooKeeper, &str) -> FlinkMesos) {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let storage = tempfile::tempdir().unwrap();
    let storage = storage.path().display().to_string();
    let mut leader = start(&mesos, &zookeeper, &storage);
    let worker = leader.wait_for("registered-worker")["worker"].clone();
    let before = task_managers(&mesos);
    let mut standby = start(&mesos, &zookeeper, &storage);
    standby.wait_for("standby");
    assert_eq!(announced_control(&zookeeper).await, leader.events("control")[0]["address"]);
    leader.signal(Signal::SIGKILL);
    leader.end();
    assert_eq!(standby.wait_for("registered-worker")["worker"], worker);
    assert_eq!(announced_control(&zookeeper).await, standby.events("control")[0]["address"]);
    assert_eq!(task_managers(&mesos), before);
    standby.signal(Signal::SIGINT);
    assert!(standby.end().success());
    assert!(task_managers(&mesos).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_loses_zookeeper_stops_acting_and_leads_again_when_it_is_back() {
    let (mesos, mut zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let storage = tempfile::tempdir().unwrap();
    let storage = storage.path().display().to_string();
    let mut leader = application_master(&mesos, &zookeeper, &storage);
    leader.ready();
    zookeeper.kill().await;
    leader.wait_for("deposed");
    zookeeper.restart().await;
    leader.wait_for("registered");
    leader.ready();
    leader.signal(Signal::SIGINT);
    assert!(leader.end().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_cluster_at_the_job_manager_ends_everything_and_the_standby_although_flink_removes_its_node()
 {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let storage = tempfile::tempdir().unwrap();
    let mut leader = application_master(&mesos, &zookeeper, &storage.path().display().to_string());
    let web = leader.ready();
    let mut standby = application_master(&mesos, &zookeeper, &storage.path().display().to_string());
    standby.wait_for("standby");
    FlinkRest::new(&web).shut_down().await.unwrap();
    assert!(leader.end().success() && standby.end().success());
    assert!(standby.events("registered").is_empty(), "the standby has started the cluster again");
    assert_no_flink_in(mesos.work_dir());
    assert_eq!(mesos.state().await["frameworks"].as_array().map(Vec::len), Some(0));
}
