//! What is the case now, at the cache and in the daemon.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::usage::Usage as TaskManagerUsage;
use crate::cache::{Cache, Usage};
use crate::counters::Counts;

/// Everything that `status` shows and metrics are made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Status {
    /// Of the program that says so.
    pub(super) version: String,
    /// None when the daemon does not run.
    pub(super) daemon: Option<Running>,
    pub(super) cache: Held,
}

/// The daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Running {
    pub(super) pid: u32,
    pub(super) uptime_seconds: f64,
    /// Fetches that are asked for and not over.
    pub(super) fetches_in_flight: usize,
    /// Contents that are being sent to other hosts.
    pub(super) peer_streams: usize,
    /// What has been sent to them since the start.
    pub(super) bytes_to_peers: u64,
    pub(super) counts: Counts,
    /// What this host's TaskManagers use, as far as their executors tell.
    #[serde(default)]
    pub(super) task_managers: Vec<TaskManagerUsage>,
}

/// The cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) path: PathBuf,
    pub(super) budget_bytes: u64,
    #[serde(flatten)]
    pub(super) usage: Usage,
}

impl Status {
    /// Looks at the cache. Blocks.
    pub(super) fn look(cache: &Cache, daemon: Option<Running>) -> io::Result<Self> {
        let options = cache.options();
        let held = Held { path: options.path.clone(), budget_bytes: options.budget, usage: cache.usage()? };
        Ok(Self { version: env!("CARGO_PKG_VERSION").to_owned(), daemon, cache: held })
    }
}
