//! The requests of people on the socket. Those of executors are in `fetcher_client::sidecar`.

use serde::{Deserialize, Serialize};

/// GET the state.
pub(crate) const STATUS: &str = "/v1/status";
/// GET the daemon's health.
pub(crate) const HEALTH: &str = "/healthz";
/// POST a [`Keep`]: make room.
pub(crate) const GC: &str = "/v1/gc";
/// POST: read and check all contents.
pub(crate) const VERIFY: &str = "/v1/verify";

/// How much to keep when making room.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keep {
    /// None: as much as the budget.
    pub(crate) bytes: Option<u64>,
}
