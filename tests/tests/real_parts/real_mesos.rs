//! The real Mesos as the tests start it: it works, and nothing of it is left behind.

mod constraints;
mod framework;

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use framework::{Framework, sleeper_of};
use mesos::v1::command_info::Uri;
use nix::sys::signal::Signal;
use tests::{RealMesos, RealMesosOptions, RealZooKeeper, is_alive, wait_until};
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);

async fn until_gone(pids: &[i32]) {
    wait_until("no process is left", PATIENCE, async || {
        (!pids.iter().any(|pid| is_alive(*pid))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn master_and_agents_are_running_when_start_returns() {
    let started = Instant::now();
    let mesos = RealMesos::start(2).await;
    println!("started in {:?}", started.elapsed());
    let state = mesos.state().await;
    assert_eq!(state["version"], "1.11.0");
    assert_eq!(state["activated_slaves"], 2.0);
}

#[tokio::test]
async fn agents_offer_what_the_options_say_and_ports_of_their_own() {
    let options =
        RealMesosOptions { agents: 2, attributes: "rack:r1".to_owned(), ..Default::default() };
    let mesos = RealMesos::start_with(options).await;
    let state = mesos.state().await;
    let agents = state["slaves"].as_array().unwrap();
    for agent in agents {
        assert_eq!(agent["resources"]["mem"], 4096.0);
        assert_eq!(agent["attributes"]["rack"], "r1");
    }
    assert_ne!(agents[0]["resources"]["ports"], agents[1]["resources"]["ports"]);
}

#[tokio::test]
async fn a_killed_master_comes_back_with_its_agents_and_frameworks() {
    let mut mesos = RealMesos::start(1).await;
    let mut framework = Framework::subscribe(&mesos).await;
    framework.launch_sleeper(&mesos, Vec::new()).await;
    let sleeper = sleeper_of(&mesos).unwrap();
    mesos.restart_master(0).await;
    wait_until("the framework has come back", PATIENCE, async || {
        let state = mesos.state().await;
        (state["frameworks"][0]["active"] == true && state["activated_slaves"] == 1.0).then_some(())
    })
    .await;
    assert_eq!(sleeper_of(&mesos), Some(sleeper));
}

#[tokio::test]
async fn executors_outlive_a_killed_agent_and_a_restarted_one_finds_them() {
    let mut mesos = RealMesos::start(1).await;
    let mut framework = Framework::subscribe(&mesos).await;
    framework.launch_sleeper(&mesos, Vec::new()).await;
    let (sleeper, before) = (sleeper_of(&mesos).unwrap(), mesos.agent_pid(0));
    mesos.kill_agent(0).await;
    assert!(!is_alive(before) && is_alive(sleeper));
    mesos.restart_agent(0).await;
    assert_ne!(mesos.agent_pid(0), before);
    // It never subscribes, so the recovered agent ends it.
    until_gone(&[sleeper]).await;
}

#[tokio::test]
async fn a_uri_reaches_the_sandbox_unpacked_or_executable() {
    let mesos = RealMesos::start(1).await;
    let folder = tempfile::tempdir().unwrap();
    fs_err::write(folder.path().join("plain"), "text").unwrap();
    let tar = folder.path().join("packed.tgz");
    let packed = Command::new("tar")
        .arg("-C")
        .arg(folder.path())
        .arg("-czf")
        .arg(&tar)
        .arg("plain")
        .status()
        .unwrap();
    assert!(packed.success());
    let program =
        Uri { value: "/bin/true".to_owned(), executable: Some(true), ..Default::default() };
    let archive = Uri { value: format!("file://{}", tar.display()), ..Default::default() };
    let mut framework = Framework::subscribe(&mesos).await;
    framework.launch_sleeper(&mesos, vec![program, archive]).await;
    let sandbox = fs_err::read_link(format!("/proc/{}/cwd", sleeper_of(&mesos).unwrap())).unwrap();
    assert_eq!(fs_err::read_to_string(sandbox.join("plain")).unwrap(), "text");
    assert!(Command::new(sandbox.join("true")).status().unwrap().success());
}

#[tokio::test]
async fn three_masters_elect_another_leader_when_theirs_is_killed() {
    let mut mesos = RealMesos::start_ha(3, 1).await;
    let first = mesos.leader().await;
    mesos.kill_master(first).await;
    let second = mesos.leader().await;
    assert_ne!(first, second);
    mesos.restart_master(first).await;
    assert_eq!(mesos.leader().await, second);
}

#[tokio::test]
async fn frameworks_need_a_secret_when_there_are_credentials() {
    let credentials = vec![("flink".to_owned(), "secret".to_owned())];
    let mesos = RealMesos::start_with(RealMesosOptions { credentials, ..Default::default() }).await;
    common::tls::install_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let subscribe = |secret: &'static str| {
        let call = serde_json::json!({ "type": "SUBSCRIBE", "subscribe": { "framework_info": { "user": "root", "name": "x" } } });
        let url = format!("http://{}/api/v1/scheduler", mesos.master());
        client.post(url).basic_auth("flink", Some(secret)).json(&call).send()
    };
    assert_eq!(subscribe("wrong").await.unwrap().status(), 401);
    assert_eq!(subscribe("secret").await.unwrap().status(), 200);
}

#[tokio::test]
async fn executors_need_a_token_when_there_is_a_key() {
    let open = RealMesos::start(1).await;
    let jwt_key = Some("key".to_owned());
    let closed = RealMesos::start_with(RealMesosOptions { jwt_key, ..Default::default() }).await;
    common::tls::install_provider();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let subscribe = |agent: String| {
        let call = serde_json::json!({
            "type": "SUBSCRIBE", "subscribe": {}, "framework_id": { "value": "f" }, "executor_id": { "value": "e" },
        });
        client.post(format!("http://{agent}/api/v1/executor")).json(&call).send()
    };
    assert_eq!(subscribe(open.agent(0)).await.unwrap().status(), 400, "no such framework");
    assert_eq!(subscribe(closed.agent(0)).await.unwrap().status(), 401);
}

#[tokio::test]
async fn zookeeper_serves_again_after_it_was_killed() {
    let mut zookeeper = RealZooKeeper::start().await;
    let before = zookeeper.connect_string();
    zookeeper.kill().await;
    assert!(tokio::net::TcpStream::connect(&before).await.is_err());
    zookeeper.restart().await;
    assert_eq!(zookeeper.connect_string(), before);
    tokio::net::TcpStream::connect(&before).await.unwrap();
}

#[tokio::test]
async fn nothing_lives_on_when_a_cluster_is_dropped() {
    let mesos = RealMesos::start(1).await;
    let mut framework = Framework::subscribe(&mesos).await;
    framework.launch_sleeper(&mesos, Vec::new()).await;
    let mut pids = mesos.below_agents();
    pids.push(mesos.agent_pid(0));
    let work = mesos.work_dir().to_owned();
    drop(mesos);
    assert!(!pids.iter().any(|pid| is_alive(*pid)), "all are reaped when drop returns");
    assert!(!work.exists());
}

#[tokio::test]
async fn nothing_lives_on_when_a_test_panics() {
    let (mut child, pids) = other_test_that("panics").await;
    assert!(!child.wait().unwrap().success());
    assert!(!pids.iter().any(|pid| is_alive(*pid)));
}

#[tokio::test]
async fn nothing_lives_on_when_the_tests_are_killed() {
    let (mut child, pids) = other_test_that("hangs").await;
    child.kill().unwrap();
    child.wait().unwrap();
    until_gone(&pids).await;
}

/// Runs `a_cluster_whose_test` in a separate process; returns the ids of its cluster's processes.
async fn other_test_that(acts: &'static str) -> (Child, Vec<i32>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "real_mesos::a_cluster_whose_test", "--nocapture"])
        .env(ACT, acts)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let find = move || {
        output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("pids:")?.1.to_owned()))
    };
    let line = tokio::task::spawn_blocking(find).await.unwrap().expect("a line with process ids");
    (child, line.split_whitespace().map(|pid| pid.parse().unwrap()).collect())
}

const ACT: &str = "FLINK_MESOS_TEST_ACT";

/// The second process of the two tests above; on its own it does nothing.
#[tokio::test]
async fn a_cluster_whose_test() {
    let Ok(act) = std::env::var(ACT) else { return };
    let mesos = RealMesos::start(1).await;
    let mut framework = Framework::subscribe(&mesos).await;
    framework.launch_sleeper(&mesos, Vec::new()).await;
    let pids: Vec<String> = mesos.below_agents().iter().map(ToString::to_string).collect();
    println!("pids:{} {}", pids.join(" "), mesos.agent_pid(0));
    assert_eq!(act, "hangs");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_stopped_agent_is_a_partition() {
    let mesos = RealMesos::start(1).await;
    mesos.signal_agent(0, Signal::SIGSTOP);
    wait_until("the master misses the agent", PATIENCE, async || {
        (mesos.state().await["unreachable_slaves"] == 1.0).then_some(())
    })
    .await;
    mesos.signal_agent(0, Signal::SIGCONT);
    wait_until("the agent is back", PATIENCE, async || {
        (mesos.state().await["activated_slaves"] == 1.0).then_some(())
    })
    .await;
}
