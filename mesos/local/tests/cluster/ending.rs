//! However the cluster ends, no process of it stays alive.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use mesos_local::{LocalCluster, LocalOptions};
use tempfile::TempDir;

use crate::{
    cluster,
    framework::{Framework, eventually, shell},
};

/// Names the folder in which this test's own program, started once more, keeps a cluster.
const OWNER: &str = "LOCAL_MESOS_TEST_OWNER";

/// Starts an executor that has a child and ignores every polite signal, and gives the ids of both.
async fn start_stubborn(cluster: &LocalCluster, work: &Path) -> [u32; 2] {
    let mut framework = Framework::subscribe(cluster).await;
    let offer = framework.offers(1).await.remove(0);
    let ids = work.join("ids");
    let shown = ids.display();
    let stubborn = "trap '' TERM HUP INT; sleep 1000 & ";
    let command = format!(
        "{stubborn} echo $$ $! > {shown}.new; mv {shown}.new {shown}; while :; do wait; done"
    );
    framework.launch(&offer, "stubborn", shell(&command)).await;
    let written =
        eventually("the executor has started", || fs_err::read_to_string(&ids).ok()).await;
    let ids: Vec<u32> = written.split_whitespace().map(|id| id.parse().unwrap()).collect();
    // The framework's end would end the executor as well.
    std::mem::forget(framework);
    ids.try_into().unwrap()
}

fn is_alive(id: u32) -> bool {
    let stat = fs_err::read_to_string(format!("/proc/{id}/stat"));
    // Of one that is just going there may be nothing to read.
    stat.is_ok_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.starts_with(" Z")))
}

async fn assert_gone(ids: [u32; 2]) {
    for id in ids {
        eventually("the process is gone", || (!is_alive(id)).then_some(())).await;
    }
}

#[tokio::test]
async fn shutdown_leaves_nothing_behind_when_it_returns() {
    let work = TempDir::new().unwrap();
    let cluster = cluster(1, &work).await;
    let ids = start_stubborn(&cluster, work.path()).await;
    assert!(ids.into_iter().all(is_alive));
    cluster.shutdown().await;
    assert!(!is_alive(ids[0]));
    assert_gone(ids).await;
}

#[tokio::test]
async fn a_dropped_cluster_leaves_nothing_behind() {
    let work = TempDir::new().unwrap();
    let cluster = cluster(1, &work).await;
    let ids = start_stubborn(&cluster, work.path()).await;
    drop(cluster);
    assert_gone(ids).await;
}

#[tokio::test]
async fn a_cluster_that_has_ended_accepts_no_connections() {
    let work = TempDir::new().unwrap();
    let cluster = cluster(1, &work).await;
    let master = cluster.master();
    tokio::net::TcpStream::connect(&master).await.unwrap();
    cluster.shutdown().await;
    assert!(tokio::net::TcpStream::connect(&master).await.is_err());
}

#[test]
fn a_runtime_that_ends_before_its_cluster_leaves_nothing_behind() {
    let work = TempDir::new().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (cluster, ids) = runtime.block_on(async {
        let cluster = cluster(1, &work).await;
        let ids = start_stubborn(&cluster, work.path()).await;
        (cluster, ids)
    });
    drop(runtime);
    drop(cluster);
    tokio::runtime::Runtime::new().unwrap().block_on(assert_gone(ids));
}

/// Kills a process that owns a cluster: its executors die with it. What they started is theirs to
/// end.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test's own program plays the process that is killed"
)]
async fn executors_die_with_a_process_that_is_killed() {
    if let Some(work) = std::env::var_os(OWNER) {
        own_a_cluster(work.into()).await;
    }
    let work = TempDir::new().unwrap();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["ending::executors_die_with_a_process_that_is_killed", "--exact"])
        .env(OWNER, work.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let written = work.path().join("started");
    let ids =
        eventually("the executor has started", || fs_err::read_to_string(&written).ok()).await;
    let id: u32 = ids.parse().unwrap();
    assert!(is_alive(id));
    owner.kill().unwrap();
    owner.wait().unwrap();
    eventually("the executor is gone", || (!is_alive(id)).then_some(())).await;
}

async fn own_a_cluster(work: PathBuf) {
    let options = LocalOptions { work_dir: work.join("work"), ..LocalOptions::default() };
    let cluster = LocalCluster::start(options).await.unwrap();
    let mut framework = Framework::subscribe(&cluster).await;
    let offer = framework.offers(1).await.remove(0);
    let file = work.join("started").display().to_string();
    let command = format!("printf $$ > {file}.new; mv {file}.new {file}; exec sleep 1000");
    framework.launch(&offer, "e", shell(&command)).await;
    std::future::pending::<()>().await;
}
