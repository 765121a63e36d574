//! The scheduler's core in a simulated world: Mesos master and agents, ZooKeeper, JobManager,
//! network and clock.
//!
//! A seed alone determines a world and its faults. Messages are lost, duplicated or late. Masters
//! fail over. Agents and machines disappear and return, are drained and taken into maintenance.
//! Networks are partitioned, noticed or not. Frameworks are removed. ZooKeeper and disks stop
//! writing, lose data, or are restored from older copies. Executors fall silent, JobManagers die.
//! Application masters crash between any two steps, stall, and lead twice. After every step the
//! promises are checked. At the end all faults are repaired, and exactly the wanted workers must
//! exist.
//!
//! `FLINK_MESOS_SIMULATION_SEED=n` replays one world and prints its events; `…_RUNS=n` and
//! `…_SECONDS=n` run more worlds, with new seeds (`make soak`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods
)]

mod agent;
mod application_master;
mod events;
mod keeper;
mod master;
mod parts;
mod promises;
mod resources;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use world::World;

const RUNS: u64 = 2500;

fn number(name: &str) -> Option<u64> {
    std::env::var(format!("FLINK_MESOS_SIMULATION_{name}"))
        .ok()
        .map(|text| text.parse().expect(name))
}

/// Runs worlds from seed `first` on until `runs` have run or `longest` has passed.
fn run(first: u64, runs: u64, longest: Duration) {
    let (next, done, failed) = (AtomicU64::new(first), AtomicU64::new(0), AtomicBool::new(false));
    let (began, steps) = (Instant::now(), AtomicU64::new(0));
    let worker = || {
        while began.elapsed() < longest && !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first.saturating_add(runs) {
                return;
            }
            match catch_unwind(AssertUnwindSafe(|| World::new(seed, false).run())) {
                Ok(count) => steps.fetch_add(count, Ordering::Relaxed),
                Err(panic) => {
                    failed.store(true, Ordering::Relaxed);
                    println!(
                        "replay it with FLINK_MESOS_SIMULATION_SEED={seed} cargo test -p scheduler --lib simulation"
                    );
                    resume_unwind(panic)
                }
            };
            done.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(worker);
        }
    });
    let (done, steps) = (done.into_inner(), steps.into_inner());
    println!("{done} worlds from seed {first} on, {steps} steps, {:.1?}", began.elapsed());
    assert!(done > 0, "no world was run");
}

#[test]
fn a_seed_makes_the_same_world_every_time() {
    for seed in 0..20 {
        let (mut one, mut other) = (World::new(seed, true), World::new(seed, true));
        assert_eq!(one.run(), other.run(), "world {seed} has as many steps");
        assert!(one.log == other.log, "world {seed} has the same story");
    }
}

#[test]
fn the_promises_hold_in_every_world() {
    if let Some(seed) = number("SEED") {
        World::new(seed, true).run();
        return;
    }
    let (runs, seconds) = (number("RUNS"), number("SECONDS"));
    // A long run uses new seeds.
    let first = if runs.is_some() || seconds.is_some() { rand::random::<u32>().into() } else { 0 };
    let runs = runs.unwrap_or(if seconds.is_some() { u64::MAX } else { RUNS });
    run(first, runs, seconds.map_or(Duration::MAX, Duration::from_secs));
}
