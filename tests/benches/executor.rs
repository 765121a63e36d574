//! Our executor on the real Mesos, with a process that does nothing. From ACCEPT to `TASK_RUNNING`,
//! including artifacts and configuration; from the executor's start to its subscription; from KILL
//! to `TASK_KILLED`; its resident memory; its size on disk. In turns with the smallest possible
//! executor. Then with a real TaskManager. Values are medians of several rounds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs
)]

#[path = "executor/peer.rs"]
mod peer;
#[path = "executor/process.rs"]
mod process;
#[path = "executor/task_managers.rs"]
mod task_managers;

use std::time::Duration;

use fetcher_tests::figures::median;
use mesos::v1::TaskState;
use peer::Peer;
use process::resident;
use tests::{binary, rig::Rig};
use tokio::time::Instant;

/// It takes many rounds to distinguish a few milliseconds from noise.
const ROUNDS: usize = 75;

/// Mesos removes a container within some tens of milliseconds.
const SETTLE: Duration = Duration::from_millis(250);

/// Milliseconds, and megabytes.
struct Round {
    start: f64,
    subscribe: f64,
    kill: f64,
    memory: f64,
}

type Figure = fn(&Round) -> f64;

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let (rig, peer) = (Rig::start().await, Peer::build());
    // The same command for both: a shell instead would occupy one of the two processors during the
    // measurement.
    fs_err::copy(&peer.command, rig.artifacts.java_home.join("bin/java")).unwrap();
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Each runs equally often after itself and after the other.
        let peer_first = round % 2 == 1;
        if peer_first {
            peers.push(peer.round(&rig, &format!("peer{round}")).await);
        }
        ours.push(trivial(&rig, &format!("worker{round}")).await);
        if !peer_first {
            peers.push(peer.round(&rig, &format!("peer{round}")).await);
        }
    }
    let median_of = |figure: Figure| median(ours.iter().map(figure));
    let (peer_start, peer_kill) =
        (median(peers.iter().map(|peer| peer.0)), median(peers.iter().map(|peer| peer.1)));
    row("executor-start", median_of(|round| round.start), Some(peer_start), "ms");
    row("kill", median_of(|round| round.kill), Some(peer_kill), "ms");
    row("executor-subscribe", median_of(|round| round.subscribe), None, "ms");
    row("executor-rss", median_of(|round| round.memory), None, "MB");
    row(
        "executor-binary",
        megabytes(fs_err::metadata(binary("flink-mesos-executor")).unwrap().len()),
        None,
        "MB",
    );
    drop(rig);
    task_managers::measure().await;
}

/// Smaller is better, so the ratio is the peer's value divided by ours.
fn row(name: &str, ours: f64, peer: Option<f64>, unit: &str) {
    let (peer, ratio) = peer.map_or_else(Default::default, |peer| {
        (format!("{peer:.2}"), format!("{:.2}", peer / ours))
    });
    println!("{name}\texecutor\t{ours:.2}\t{peer}\t{ratio}\t{unit}");
}

async fn trivial(rig: &Rig, id: &str) -> Round {
    settle().await;
    let accepted = rig.launch(vec![rig.description(id)]).await;
    let (running_at, running) = rig.update_at(id, TaskState::TaskRunning).await;
    let labels = running.labels.unwrap().labels;
    let subscribed = labels.iter().find(|label| label.key == "subscribed-ms").unwrap();
    let memory = resident(rig.executors()[0]);
    let asked = Instant::now();
    rig.kill(id).await;
    let (killed_at, _) = rig.update_at(id, TaskState::TaskKilled).await;
    // Mesos's clean-up after an executor must not overlap the next round.
    rig.until_nothing_is_left(&[id.to_owned()]).await;
    Round {
        start: milliseconds(accepted, running_at),
        subscribe: subscribed.value().parse().unwrap(),
        kill: milliseconds(asked, killed_at),
        memory,
    }
}

/// Waits, so that Mesos's clean-up after the last round is not measured.
pub(crate) async fn settle() {
    tokio::time::sleep(SETTLE).await;
}

fn milliseconds(from: Instant, to: Instant) -> f64 {
    (to - from).as_secs_f64() * 1e3
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
