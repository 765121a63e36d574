//! The current state of the cache and the daemon.

use std::io;
use std::path::PathBuf;

use fetcher_client::cache::{Cache, Usage};
use fetcher_client::counters::Counts;
use serde::{Deserialize, Serialize};

use crate::usage::Usage as TaskManagerUsage;

/// Everything that `status` shows and metrics are computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// Version of the program that reports it.
    pub(crate) version: String,
    /// None if the daemon is not running.
    pub(crate) daemon: Option<Running>,
    pub(crate) cache: Held,
}

/// The state of the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Running {
    pub(crate) pid: u32,
    pub(crate) uptime_seconds: f64,
    /// Fetches that have not ended yet.
    pub(crate) fetches_in_flight: usize,
    /// Contents being sent to other hosts.
    pub(crate) peer_streams: usize,
    /// Bytes sent to them since the start.
    pub(crate) bytes_to_peers: u64,
    pub(crate) counts: Counts,
    /// Usage of this host's TaskManagers, as reported by their executors.
    #[serde(default)]
    pub(crate) task_managers: Vec<TaskManagerUsage>,
}

/// The state of the cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) path: PathBuf,
    pub(crate) budget_bytes: u64,
    #[serde(flatten)]
    pub(crate) usage: Usage,
}

impl Status {
    /// Reads the state of the cache. Blocks.
    pub(crate) fn look(cache: &Cache, daemon: Option<Running>) -> io::Result<Self> {
        let options = cache.options();
        let held = Held {
            path: options.path.clone(),
            budget_bytes: options.budget,
            usage: cache.usage()?,
        };
        Ok(Self { version: common::version!().to_owned(), daemon, cache: held })
    }
}
