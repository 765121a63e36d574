//! Our executor on the real Mesos with a process that does nothing: from ACCEPT to `TASK_RUNNING`, artifacts and
//! configuration included; of that, from the executor's start until it is subscribed; from KILL to `TASK_KILLED`; its
//! resident memory meanwhile; its size on disk. Then with a real TaskManager. Medians of several rounds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::disallowed_methods, missing_docs)]

#[path = "../tests/executor_real/artifacts.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod artifacts;
#[path = "../tests/executor_real/flink.rs"]
mod flink;
#[path = "../tests/executor_real/rig.rs"]
#[allow(dead_code, reason = "tests use the rest")]
mod rig;
#[path = "executor/task_managers.rs"]
mod task_managers;

use std::path::Path;

use mesos::v1::TaskState;
use rig::Rig;
use tests::binary;
use tokio::time::Instant;

const ROUNDS: usize = 9;

/// Milliseconds, and megabytes.
struct Round {
    start: f64,
    subscribe: f64,
    kill: f64,
    memory: f64,
}

type Figure = fn(&Round) -> f64;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let rig = Rig::start().await;
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        rounds.push(trivial(&rig, &format!("worker{round}")).await);
    }
    let figures: [(&str, Figure, &str); 4] = [
        ("executor-start", |round| round.start, "ms"),
        ("executor-subscribe", |round| round.subscribe, "ms"),
        ("kill", |round| round.kill, "ms"),
        ("executor-rss", |round| round.memory, "MB"),
    ];
    for (name, figure, unit) in figures {
        println!("{name}\texecutor\t{:.1}\t\t\t{unit}", median(rounds.iter().map(figure)));
    }
    let size = fs_err::metadata(binary("flink-mesos-executor")).unwrap().len();
    println!("executor-binary\texecutor\t{:.1}\t\t\tMB", megabytes(size));
    drop(rig);
    task_managers::measure().await;
}

async fn trivial(rig: &Rig, id: &str) -> Round {
    let accepted = rig.launch(vec![rig.worker(id, "exec sleep 1000")]).await;
    let (running_at, running) = rig.update_at(id, TaskState::TaskRunning).await;
    let labels = running.labels.unwrap().labels;
    let subscribed = labels.iter().find(|label| label.key == "subscribed-ms").unwrap();
    let memory = resident(rig.executors()[0]);
    let asked = Instant::now();
    rig.kill(id).await;
    let (killed_at, _) = rig.update_at(id, TaskState::TaskKilled).await;
    // What Mesos does about an executor that has ended is not to be in the next round.
    rig.until_nothing_is_left(&[id.to_owned()]).await;
    Round {
        start: milliseconds(accepted, running_at),
        subscribe: subscribed.value().parse().unwrap(),
        kill: milliseconds(asked, killed_at),
        memory,
    }
}

fn milliseconds(from: Instant, to: Instant) -> f64 {
    (to - from).as_secs_f64() * 1e3
}

/// Resident memory in megabytes.
fn resident(pid: i32) -> f64 {
    let status = fs_err::read_to_string(Path::new("/proc").join(pid.to_string()).join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
