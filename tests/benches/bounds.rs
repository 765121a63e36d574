//! The control API of a running application master: an operator's `workers list` while a crowd of
//! connections comes from the same address. The peer column has the bound.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs
)]

#[path = "../../fetcher/sidecar/benches/bounds/crowd.rs"]
mod crowd;

use std::time::Instant;

use crowd::Crowd;
use tests::{
    Line,
    cluster::{FlinkMesos, command},
    flink_home,
    site::{self},
};

const ROUNDS: usize = 40;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["crowd", address] => crowd::come(address),
        _ => measure(),
    }
}

fn measure() {
    let java = site::stand_in();
    let home = format!("-Denv.java.home={}", java.path().display());
    let mut cluster =
        FlinkMesos::start(&flink_home(Line::V1_20), &["local", "--workers", "2", &home]);
    let url = cluster.wait_for("control")["address"].as_str().unwrap().to_owned();
    cluster.ready();
    let quiet = rounds(&url);
    let _crowd = Crowd::at(url.strip_prefix("http://").unwrap());
    let beside = rounds(&url);
    row(
        "operator-in-a-crowd",
        median(&beside),
        median(&quiet) * 1.5,
        "ms, the bound is 1.5 times the quiet time",
    );
    row("operator-in-a-crowd-longest", beside[ROUNDS - 1], 1000.0, "ms");
}

/// Milliseconds of an operator's command, sorted.
fn rounds(url: &str) -> Vec<f64> {
    let list = |_| {
        let started = Instant::now();
        let output = command(&["workers", "list", "--at", url]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        started.elapsed().as_secs_f64() * 1000.0
    };
    let mut took: Vec<f64> = (0..ROUNDS).map(list).collect();
    took.sort_by(f64::total_cmp);
    took
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

fn row(name: &str, ours: f64, bound: f64, unit: &str) {
    println!(
        "{name}\tbounds\t{ours:.1}\t{bound:.1}\t{:.2}\t{unit}",
        bound / ours.max(f64::MIN_POSITIVE)
    );
}
