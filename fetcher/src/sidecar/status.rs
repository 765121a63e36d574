//! The current state of the cache and the daemon.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::usage::Usage as TaskManagerUsage;
use crate::cache::{Cache, Usage};
use crate::counters::Counts;

/// Everything that `status` shows and metrics are computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Status {
    /// Version of the program that reports it.
    pub(super) version: String,
    /// None if the daemon is not running.
    pub(super) daemon: Option<Running>,
    pub(super) cache: Held,
}

/// The state of the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Running {
    pub(super) pid: u32,
    pub(super) uptime_seconds: f64,
    /// Fetches that have not ended yet.
    pub(super) fetches_in_flight: usize,
    /// Contents being sent to other hosts.
    pub(super) peer_streams: usize,
    /// Bytes sent to them since the start.
    pub(super) bytes_to_peers: u64,
    pub(super) counts: Counts,
    /// Usage of this host's TaskManagers, as reported by their executors.
    #[serde(default)]
    pub(super) task_managers: Vec<TaskManagerUsage>,
}

/// The state of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Held {
    pub(super) path: PathBuf,
    pub(super) budget_bytes: u64,
    #[serde(flatten)]
    pub(super) usage: Usage,
}

impl Status {
    /// Reads the state of the cache. Blocks.
    pub(super) fn look(cache: &Cache, daemon: Option<Running>) -> io::Result<Self> {
        let options = cache.options();
        let held = Held { path: options.path.clone(), budget_bytes: options.budget, usage: cache.usage()? };
        Ok(Self { version: common::version!().to_owned(), daemon, cache: held })
    }
}
