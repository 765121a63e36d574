//! How soon an application master works again, on the real Mesos and the real ZooKeeper, with
//! stand-ins for TaskManagers.
//!
//! - `store-10k`: writing ten thousand workers' records to ZooKeeper.
//! - `recover`: from the program's start to its subscription, with those records in ZooKeeper.
//! - `failover`: from `kill -9` of the leader until the standby is subscribed and the state of
//!   every worker is known, less the session timeout, which must pass; the worst of several rounds.
//!   No TaskManager may have been replaced.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs
)]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use fetcher_tests::figures::median;
use nix::sys::signal::Signal;
use scheduler::{
    core::{
        ids::{Moment, WorkerId},
        state::{AgentProfile, Change, WorkerRecord},
    },
    election::{Access, Candidate, ZooKeeperOptions},
    store::{Batch, keep},
};
use tests::{
    Line, RealMesos, RealMesosOptions, RealZooKeeper,
    cluster::FlinkMesos,
    flink_home,
    site::{self, Part, Site, stand_in},
};
use tokio::sync::mpsc;

const ROUNDS: usize = 3;
const WORKERS: u64 = 10_000;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        recover().await;
        failover().await;
    });
}

async fn recover() {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let agent = mesos.agents().await["slaves"][0]["id"].as_str().unwrap().to_owned();
    let mut stored = Vec::new();
    let mut recovered = Vec::new();
    for round in 0..ROUNDS {
        let cluster = format!("round{round}");
        stored.push(milliseconds(store(&zookeeper, &cluster, &agent).await));
        recovered.push(start(&mesos, &zookeeper, &cluster).as_secs_f64());
    }
    row("store-10k", median(stored), "ms");
    row("recover", median(recovered), "s");
}

/// Writes the records as the application master does. The master recognises its framework by an
/// agent.
async fn store(zookeeper: &RealZooKeeper, cluster: &str, agent: &str) -> Duration {
    let options = ZooKeeperOptions {
        quorum: zookeeper.connect_string(),
        base: format!("/flink/mesos-workers/{cluster}"),
        upstream: format!("/flink/{cluster}/mesos-workers"),
        session_timeout: Duration::from_secs(4),
        access: Access::default(),
        creator_only: false,
    };
    let leadership = Candidate::new(options).lead(|_| {}).await.unwrap();
    let mut changes: Vec<_> =
        (1..=WORKERS).map(|number| Change::Worker(worker(number, agent))).collect();
    changes.extend([
        Change::Framework(Some(format!("{cluster}-0000"))),
        Change::NextNumber(WORKERS + 1),
    ]);
    let (batches, batches_in) = mpsc::unbounded_channel();
    let (stored_out, mut stored) = mpsc::unbounded_channel();
    let began = Instant::now();
    batches.send(Batch { number: Some(1), changes, written: None }).unwrap();
    let keeper = tokio::spawn(keep(leadership.store, batches_in, stored_out));
    stored.recv().await.expect("the records are stored");
    let took = began.elapsed();
    drop(batches);
    keeper.await.unwrap();
    took
}

fn worker(number: u64, known: &str) -> WorkerRecord {
    let agent = match number % 1000 {
        0 => known.to_owned(),
        other => format!("0123abcd-0123-0123-0123-0123456789ab-S{other}"),
    };
    let place = AgentProfile {
        agent,
        hostname: format!("agent-{:04}.example.org", number % 1000),
        ..AgentProfile::default()
    };
    WorkerRecord {
        id: WorkerId::new("0123abcd", number),
        place: Arc::new(place),
        launched: Moment(1_700_000_000_000 + number),
        running: true,
        ..WorkerRecord::default()
    }
}

/// From the program's start until the master has accepted its subscription.
fn start(mesos: &RealMesos, zookeeper: &RealZooKeeper, cluster: &str) -> Duration {
    let java = stand_in();
    let options = [
        "session".to_owned(),
        format!("-Dmesos.master={}", mesos.master()),
        format!("-Dmesos.workers={WORKERS}"),
        format!("-Denv.java.home={}", java.path().display()),
        "-Dhigh-availability.type=zookeeper".to_owned(),
        format!("-Dhigh-availability.cluster-id=/{cluster}"),
        format!("-Dhigh-availability.zookeeper.quorum={}", zookeeper.connect_string()),
        format!("-Dhigh-availability.storageDir=file://{}", java.path().display()),
    ];
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    let began = Instant::now();
    let mut master = FlinkMesos::start(&flink_home(Line::V1_20), &options);
    master.wait_for("registered");
    let took = began.elapsed();
    master.signal(Signal::SIGKILL);
    master.end();
    took
}

async fn failover() {
    let mut site = Site::start(2, RealMesosOptions::default(), &[]).await;
    let before = site.task_managers();
    let mut beyond = Vec::new();
    for _ in 0..ROUNDS {
        let standby = site.standby();
        let began = Instant::now();
        site.kill(Part::ApplicationMaster).await;
        site.follow(standby).await;
        beyond.push(began.elapsed().as_secs_f64() - site::SESSION_TIMEOUT.as_secs_f64());
        site.until_whole(2).await;
        assert_eq!(site.task_managers(), before, "a TaskManager is not the one that it was");
    }
    row("failover", beyond.into_iter().fold(f64::MIN, f64::max), "s beyond the session timeout");
    site.end().await;
}

fn row(name: &str, value: f64, unit: &str) {
    println!("{name}\tscheduler\t{value:.2}\t\t\t{unit}");
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
