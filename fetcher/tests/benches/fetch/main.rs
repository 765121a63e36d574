//! Fetch, serve and unpack a Flink distribution, beside the tools that people use for it today:
//! nginx, curl and tar.
//!
//! ```text
//! cargo bench -p fetcher-tests --bench fetch -- <flink home> <home of Flink 1.13> [row …]
//! ```
//!
//! Prints one line per row: name, group, ours, peer, ratio, unit, separated by tabs. Ours and the
//! peer take turns, and every fetch is a process of its own. Values are medians.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr)]
#![expect(clippy::disallowed_methods, reason = "measures processes on the real clock")]

use std::path::Path;
use std::process::Command;
use std::time::Instant;

mod clients;
mod ours;
mod peers;
mod rows;

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["serve", rest @ ..] => ours::serve(rest),
        ["fetch", rest @ ..] => ours::fetch(rest),
        ["drain", rest @ ..] => clients::drain(rest),
        [home, upstream, wanted @ ..] => rows::all(Path::new(home), Path::new(upstream), wanted),
        _ => eprintln!(
            "usage: cargo bench -p fetcher-tests --bench fetch -- <flink home> <home of Flink 1.13> [row ...]"
        ),
    }
}

/// This program with other arguments: our side, as a process of its own.
fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Runs a command that must succeed.
fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

/// Seconds of CPU time that a process and its threads have used.
fn cpu_seconds(process: u32) -> f64 {
    let stat = fs_err::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}
