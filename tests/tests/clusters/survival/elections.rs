//! Elections: three Mesos masters, three ZooKeeper servers, several application masters.

use std::time::Duration;

use nix::sys::signal::Signal;
use tests::{
    RealMesos, RealMesosOptions, RealZooKeeper,
    site::{Part, Site, java_home},
    wait_until,
};
use zookeeper_client::Client;

#[tokio::test(flavor = "multi_thread")]
async fn task_managers_are_unaffected_when_the_leaders_of_three_masters_and_three_zookeeper_servers_die()
 {
    let mesos = RealMesos::start_ha(3, 1).await;
    // On a busy machine, ZooKeeper's own election takes seconds, in which the application master
    // must not lose its session.
    let patient = ["-Dhigh-availability.zookeeper.client.session-timeout=15 s"];
    let mut site = Site::begin(2, mesos, RealZooKeeper::start_ensemble(3).await, &patient).await;
    let before = site.task_managers();
    let leader = site.mesos.leader().await;
    site.mesos.kill_master(leader).await;
    site.until_subscribed(2).await;
    site.until_whole(2).await;
    assert_eq!(
        (site.task_managers(), site.mesos.leader().await == leader),
        (before.clone(), false)
    );
    site.zookeeper.kill_leader().await;
    let listed = site.operate(&["drain", "nobody"]);
    assert_eq!(listed["draining"][0], "nobody");
    // What was reported to the operator is in ZooKeeper.
    let client = Client::connect(&site.zookeeper.connect_string()).await.unwrap();
    let (state, _) = client.get_data("/flink/mesos-workers/default/state").await.unwrap();
    assert!(state.windows(6).any(|part| part == b"nobody"));
    site.until_whole(2).await;
    // The next leader finds what was written while one of three servers was missing.
    let standby = site.standby();
    site.kill(Part::ApplicationMaster).await;
    site.follow(standby).await;
    site.until_whole(2).await;
    assert_eq!(site.operate(&["list"])["draining"][0], "nobody");
    assert_eq!(site.task_managers(), before);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_frozen_finds_another_leader_and_becomes_a_standby() {
    let mut site = Site::start(2, RealMesosOptions::default(), &[]).await;
    let before = site.task_managers();
    let standby = site.standby();
    site.master.signal(Signal::SIGSTOP);
    let mut frozen = site.follow(standby).await;
    frozen.signal(Signal::SIGCONT);
    frozen.wait_for("deposed");
    frozen.wait_for("standby");
    site.until_whole(2).await;
    assert_eq!(site.task_managers(), before);
    // It is a standby like any other.
    site.kill(Part::ApplicationMaster).await;
    site.follow(frozen).await;
    site.until_whole(2).await;
    assert_eq!(site.task_managers(), before);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_hands_over_to_the_standby_at_once_and_stop_ends_the_cluster_for_both() {
    // Longer than a test may take, so that waiting for a session to end would show.
    let long = ["-Dhigh-availability.zookeeper.client.session-timeout=60 s"];
    let mut site = Site::start(1, RealMesosOptions::default(), &long).await;
    let before = site.task_managers();
    let standby = site.standby();
    site.master.signal(Signal::SIGTERM);
    let mut left = tokio::time::timeout(Duration::from_secs(60), site.follow(standby))
        .await
        .expect("taken over");
    assert!(left.end().success());
    site.until_whole(1).await;
    assert_eq!(site.task_managers(), before);
    let mut standby = site.standby();
    site.stop();
    assert!(site.master.end().success() && standby.end().success());
    assert!(standby.events("registered").is_empty(), "the standby has started the cluster again");
    wait_until("all TaskManagers have ended", Duration::from_secs(60), async || {
        site.task_managers().is_empty().then_some(())
    })
    .await;
    assert!(site.tasks().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_completes_the_end_of_a_cluster_whose_leader_dies_meanwhile() {
    let mut site = Site::start(1, RealMesosOptions::default(), &[]).await;
    let mut standby = site.standby();
    // The agent cannot end anything, so the leader must wait.
    site.mesos.signal_agent(0, Signal::SIGSTOP);
    site.stop();
    site.kill(Part::ApplicationMaster).await;
    assert!(standby.end().success());
    site.mesos.signal_agent(0, Signal::SIGCONT);
    wait_until("all TaskManagers have ended", Duration::from_secs(60), async || {
        site.task_managers().is_empty().then_some(())
    })
    .await;
    site.until_tasks_are(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_where_no_jobmanager_starts_leaves_the_task_managers_to_the_next_one() {
    let mut site = Site::start(2, RealMesosOptions::default(), &[]).await;
    let before = site.task_managers();
    let broken = java_home("#!/bin/sh\nexit 1\n");
    let mut standby = site.standby_with(&[&format!("-Denv.java.home={}", broken.path().display())]);
    site.kill(Part::ApplicationMaster).await;
    assert_eq!(standby.end().code(), Some(1));
    assert!(!standby.events("leaving").is_empty());
    site.restart(Part::ApplicationMaster).await;
    site.until_whole(2).await;
    assert_eq!(site.task_managers(), before);
    site.end().await;
}
