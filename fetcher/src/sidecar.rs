//! The sidecar `flink-mesos-fetcher`: one per host, fetches for all workers of the host, outside of their cgroups.
//!
//! ```text
//! executor ── POST /v1/fetch (manifest, addresses, token) ──▶ sidecar ── artifact server
//!          ◀── {"progress": …} one line each ───────────────     │ into the host's cache
//!          ◀── {"ready": {"cache": …, "tree": …}} ──────────     │ holds the tree while the connection is open
//! executor locks the tree itself, closes, projects it into its sandbox, fetches the secrets with its own token
//! ```
//!
//! While its TaskManager runs, an executor also tells what that uses (POST /v1/usage), for the sidecar's metrics.
//!
//! The tree's lock is the kernel's and the executor's own, so a sidecar that is restarted unpins nothing. An executor
//! believes only a sidecar that runs as root or as its own user, and can do without one: [`obtain`](crate::obtain()).
//! The half that asks is always there; the daemon and its commands are behind the feature `sidecar`.

#[cfg(feature = "sidecar")]
pub mod cli;
mod client;
#[cfg(feature = "sidecar")]
pub mod commands;
mod connection;
#[cfg(feature = "sidecar")]
pub mod daemon;
#[cfg(feature = "sidecar")]
pub mod settings;
#[cfg(feature = "sidecar")]
mod status;
#[cfg(feature = "sidecar")]
mod usage;
mod wire;

pub use client::tell_usage;
pub(crate) use client::{AskError, ask};
