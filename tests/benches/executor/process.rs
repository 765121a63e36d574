//! The cost of an idle process.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// Long enough for two samples of a TaskManager's use.
const WATCHED: Duration = Duration::from_secs(20);

/// Short-lived threads of the executor live for a second at least.
const LOOK_EVERY: Duration = Duration::from_millis(400);

/// Resident memory in megabytes.
pub(crate) fn resident(pid: i32) -> f64 {
    field(&folder(pid).join("status"), "VmRSS:").unwrap() / 1024.0
}

/// Number of wake-ups of all threads of this process, per second.
pub(crate) async fn wake_ups(pid: i32) -> f64 {
    let (started, before) = (Instant::now(), sleeps(pid));
    let mut latest = before.clone();
    while started.elapsed() < WATCHED {
        sleep(LOOK_EVERY).await;
        latest.extend(sleeps(pid));
    }
    (latest.values().sum::<f64>() - before.values().sum::<f64>()) / started.elapsed().as_secs_f64()
}

/// How often each thread has gone to sleep voluntarily.
fn sleeps(pid: i32) -> BTreeMap<PathBuf, f64> {
    let threads =
        fs_err::read_dir(folder(pid).join("task")).unwrap().map(|thread| thread.unwrap().path());
    let count = |thread: PathBuf| {
        let sleeps = field(&thread.join("status"), "voluntary_ctxt_switches:")?;
        Some((thread, sleeps))
    };
    threads.filter_map(count).collect()
}

fn field(status: &Path, name: &str) -> Option<f64> {
    let status = fs_err::read_to_string(status).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

fn folder(pid: i32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}
