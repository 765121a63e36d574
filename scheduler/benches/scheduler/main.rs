//! Benchmarks of the scheduler's core: matching, answering offers, memory.
//!
//! ```text
//! cargo bench -p scheduler --bench scheduler -- match | match-10k | growth | offer-latency | memory
//! ```
//!
//! Prints one line per row: name, group, ours, peer, ratio, unit, separated by tabs. All values
//! except the latency are medians. `match` prints only our milliseconds:
//! `tests/bench/groups/scheduler` runs it and its peer in turns.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods
)]

mod cluster;

use std::time::Instant;

use cluster::Cluster;
use mesos::{scheduler::calls, v1};
use prost::Message as _;
use scheduler::core::message::{Input, Output};

/// The same allocator as in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["match"] => println!("{:.4}", matching(1000, "", 21)),
        ["match-10k"] => {
            row("match-10k", matching(10_000, "@zone:GROUP_BY:3,rack:LIKE:r.*", 7), "ms");
        }
        ["growth"] => growth(),
        ["offer-latency"] => latency(),
        ["memory"] => memory(),
        _ => {
            eprintln!(
                "usage: cargo bench -p scheduler --bench scheduler -- match|match-10k|growth|offer-latency|memory"
            );
            std::process::exit(64);
        }
    }
}

fn row(name: &str, ours: f64, unit: &str) {
    println!("{name}\tscheduler\t{ours:.4}\t\t\t{unit}");
}

/// Milliseconds from `n` offers to the launches of `n` workers with the resources of every task.
fn matching(n: usize, constraints: &str, rounds: usize) -> f64 {
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let mut cluster = Cluster::new(constraints, n);
            let offers = cluster::offers(n, constraints.is_empty());
            let began = Instant::now();
            let outputs = cluster.feed(Input::Offers(offers));
            let time = began.elapsed().as_secs_f64() * 1e3;
            assert_eq!(cluster::launched(&outputs), n, "every worker finds its place");
            time
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[rounds / 2]
}

/// The exponent of the time's growth from 100 to 100 000: 1 is linear, n log n is about 1.1 there.
fn growth() {
    let sizes = [100, 1000, 10_000, 100_000];
    let times = sizes
        .map(|n| matching(n, "@zone:GROUP_BY:3,rack:LIKE:r.*", if n > 10_000 { 3 } else { 9 }));
    for (n, time) in sizes.iter().zip(times) {
        eprintln!("scheduler: {n} workers on {n} offers: {time:.2} ms");
    }
    // The smallest time is too short to measure against, so a least-squares fit over the logarithms
    // uses all.
    let points: Vec<(f64, f64)> =
        sizes.iter().zip(times).map(|(n, time)| ((*n as f64).ln(), time.ln())).collect();
    let mean =
        |of: &dyn Fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    let slope = mean(&|p| (p.0 - x) * (p.1 - y)) / mean(&|p| (p.0 - x).powi(2));
    row("growth", slope, "exponent");
}

/// From the bytes of an OFFERS event with 1000 offers to the bytes of all calls that answer it,
/// with 1000 existing workers.
fn latency() {
    let mut times = Vec::new();
    for round in 0..300 {
        let mut cluster = Cluster::new("", 1000);
        cluster.feed(Input::Offers(cluster::offers(1000, true)));
        // Two hundred more workers are wanted; the other offers are declined.
        cluster.target(1200);
        let offers = v1::scheduler::event::Offers { offers: cluster::offers(1000, true) };
        let bytes = offers.encode_to_vec();
        let began = Instant::now();
        let event = v1::scheduler::event::Offers::decode(bytes.as_slice()).unwrap();
        let outputs = cluster.feed(Input::Offers(event.offers));
        let sent: usize =
            outputs.iter().filter_map(call).map(|call| call.encode_to_vec().len()).sum();
        let time = began.elapsed().as_secs_f64() * 1e3;
        assert!(sent > 0 && cluster::launched(&outputs) == 200);
        // The first ones warm the caches.
        if round >= 20 {
            times.push(time);
        }
    }
    times.sort_by(f64::total_cmp);
    row("offer-latency-p99", times[times.len() * 99 / 100], "ms");
    row("offer-latency-p50", times[times.len() / 2], "ms");
}

/// The call for an output, with a task description of the usual size.
fn call(output: &Output) -> Option<v1::scheduler::Call> {
    match output {
        Output::Accept { offers, launches } => {
            let tasks = launches.iter().map(|launch| v1::TaskInfo {
                name: launch.worker.as_str().to_owned(),
                task_id: v1::TaskId { value: launch.worker.as_str().to_owned() },
                agent_id: v1::AgentId { value: launch.place.agent.clone() },
                resources: launch.taken.task_resources(),
                data: Some(vec![0; 2000].into()),
                ..Default::default()
            });
            Some(calls::accept(offers.clone(), vec![calls::launch(tasks.collect())], 0.0))
        }
        Output::Decline(offers, refuse) => {
            Some(calls::decline(offers.clone(), refuse.as_secs_f64()))
        }
        _ => None,
    }
}

/// Resident megabytes with 10 000 running workers on 10 000 agents, less those of the empty
/// program.
fn memory() {
    let empty = resident();
    let mut cluster = Cluster::new("hostname:GROUP_BY", 10_000);
    let outputs = cluster.feed(Input::Offers(cluster::offers(10_000, true)));
    assert_eq!(cluster::launched(&outputs), 10_000);
    drop(outputs);
    cluster.all_run();
    eprintln!("scheduler: the program alone has {empty:.1} MB");
    row("memory", resident(), "MB");
}

fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
