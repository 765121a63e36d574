//! Partitioned networks: no end notices, and each continues on its own until the network is
//! restored.

use std::{collections::BTreeMap, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::{Proxy, RealMesos, RealMesosOptions, RealZooKeeper, site::Site, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_cut_off_from_zookeeper_stops_leading_and_the_standby_keeps_every_task_manager() {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let network = Proxy::start(zookeeper.connect_string()).await;
    let quorum = format!("-Dhigh-availability.zookeeper.quorum={}", network.address());
    let mut site = Site::begin(2, mesos, zookeeper, &[&quorum]).await;
    let before = site.task_managers();
    let near = format!("-Dhigh-availability.zookeeper.quorum={}", site.zookeeper.connect_string());
    let standby = site.standby_with(&[&near]);
    network.cut();
    site.master.wait_for("deposed");
    let mut cut_off = site.follow(standby).await;
    site.until_whole(2).await;
    network.restore();
    cut_off.wait_for("standby");
    assert_eq!(site.task_managers(), before);
    site.until_tasks_are(&names(&before)).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_while_the_master_is_unreachable_are_handled_afterwards() {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let network = Proxy::start(mesos.master()).await;
    let master = format!("-Dmesos.master={}", network.address());
    let mut site = Site::begin(2, mesos, zookeeper, &[&master]).await;
    let mut before = site.task_managers();
    network.cut();
    let (dead, pid) = before.pop_first().unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    wait_until("the master knows that it is dead", Duration::from_secs(60), async || {
        let state = site.mesos.state().await;
        // It keeps the task until we acknowledge its end.
        let mut tasks = state["frameworks"][0]["tasks"].as_array()?.iter();
        tasks
            .any(|task| task["id"] == dead.as_str() && task["state"] == "TASK_FAILED")
            .then_some(())
    })
    .await;
    network.restore();
    assert_eq!(site.master.wait_for("gone")["worker"], dead.as_str());
    site.until_whole(2).await;
    let after = site.task_managers();
    assert!(!after.contains_key(&dead) && after.len() == 2, "{after:?}");
    assert!(before.iter().all(|(name, pid)| after.get(name) == Some(pid)), "{before:?} {after:?}");
    site.until_tasks_are(&names(&after)).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_manager_on_a_disconnected_agent_is_replaced_and_ended_when_it_returns() {
    let mesos = RealMesos::start_with(RealMesosOptions { agents: 2, ..Default::default() }).await;
    let more = ["-Dmesos.worker.unreachable-replace-after=1 s"];
    let mut site = Site::begin(1, mesos, RealZooKeeper::start().await, &more).await;
    let (cut_off, _) = site.task_managers().pop_first().unwrap();
    let agent = (0..2).find(|agent| has_sandbox_of(&site.mesos, *agent, &cut_off)).unwrap();
    site.mesos.signal_agent(agent, Signal::SIGSTOP);
    wait_until("another one has taken its place", Duration::from_secs(60), async || {
        let reported = site.workers().await?;
        let well = |worker: &serde_json::Value| {
            worker["phase"] == "running" && worker["id"] != cut_off.as_str()
        };
        reported["workers"].as_array()?.iter().any(well).then_some(())
    })
    .await;
    assert!(site.task_managers().contains_key(&cut_off), "it has no reason to end yet");
    site.mesos.signal_agent(agent, Signal::SIGCONT);
    wait_until("it has ended", Duration::from_secs(60), async || {
        (!site.task_managers().contains_key(&cut_off)).then_some(())
    })
    .await;
    site.until_whole(1).await;
    assert_eq!(site.task_managers().len(), 1);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_zookeeper_does_not_answer_nothing_is_launched_and_rescinded_offers_are_not_used() {
    let master_flags = vec!["--offer_timeout=1secs".to_owned()];
    let options = RealMesosOptions { master_flags, ..RealMesosOptions::default() };
    // Longer than this test takes.
    let long = ["-Dhigh-availability.zookeeper.client.session-timeout=60 s"];
    let mut site = Site::start(1, options, &long).await;
    let (dead, pid) = site.task_managers().pop_first().unwrap();
    site.zookeeper.signal(Signal::SIGSTOP);
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    site.master.wait_for("store-away");
    // Offers come and are rescinded: between two of them there is nothing to say.
    wait_until("`list` says why nothing starts", Duration::from_secs(60), async || {
        let reported = site.workers().await?;
        reported["starved"].as_str()?.contains("cannot be stored").then_some(())
    })
    .await;
    assert_eq!((site.task_managers().len(), site.tasks().await), (0, vec![dead.clone()]));
    site.zookeeper.signal(Signal::SIGCONT);
    site.master.wait_for("store-back");
    site.until_whole(1).await;
    let after = site.task_managers();
    assert!(after.len() == 1 && !after.contains_key(&dead), "{after:?}");
    site.until_tasks_are(&names(&after)).await;
    site.end().await;
}

fn has_sandbox_of(mesos: &RealMesos, agent: usize, worker: &str) -> bool {
    let mut folders = vec![mesos.sandboxes(agent)];
    while let Some(folder) = folders.pop() {
        if folder.file_name().is_some_and(|name| name == worker) {
            return true;
        }
        let entries = fs_err::read_dir(&folder).into_iter().flatten().map_while(Result::ok);
        folders.extend(
            entries
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|e| e.path()),
        );
    }
    false
}

fn names(task_managers: &BTreeMap<String, i32>) -> Vec<String> {
    task_managers.keys().cloned().collect()
}
