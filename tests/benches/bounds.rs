//! The control API of a running application master: an operator's `workers list` while a crowd of
//! connections comes from the same address. The peer column has the bound.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs
)]

use std::time::Instant;

use fetcher_tests::{
    crowd::{self, Crowd},
    figures::{bound, median},
};
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
    bound(
        "operator-in-a-crowd",
        median(beside.iter().copied()),
        median(quiet) * 1.5,
        "ms, the bound is 1.5 times the quiet time",
    );
    let longest = beside.into_iter().fold(f64::MIN, f64::max);
    bound("operator-in-a-crowd-longest", longest, 1000.0, "ms");
}

/// Milliseconds of an operator's commands.
fn rounds(url: &str) -> Vec<f64> {
    let list = |_| {
        let started = Instant::now();
        let output = command(&["workers", "list", "--at", url]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        started.elapsed().as_secs_f64() * 1000.0
    };
    (0..ROUNDS).map(list).collect()
}
