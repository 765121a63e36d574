//! The sidecar `flink-mesos-fetcher`: one per host; it fetches for all workers of the host, outside their cgroups.
//!
//! ```text
//! executor ── POST /v1/fetch (manifest, URLs, token) ──▶ sidecar ── artifact server
//!          ◀── {"progress": …} one line each ───────────────     │ into the host's cache
//!          ◀── {"ready": {"cache": …, "tree": …}} ──────────     │ holds the tree while the connection is open
//! executor locks the tree itself, closes, projects it into its sandbox, fetches the secrets with its own token
//! ```
//!
//! While its TaskManager runs, an executor also reports its usage (POST /v1/usage), for the sidecar's metrics.
//!
//! The kernel holds the tree's lock for the executor, so a restart of the sidecar releases nothing. An executor trusts
//! a sidecar only if it runs as root or as its own user, and works without one: [`obtain`](crate::obtain()). The client
//! half is always compiled; the daemon and its commands need the feature `sidecar`.

#[cfg(feature = "sidecar")]
mod cache;
#[cfg(feature = "sidecar")]
mod caller;
#[cfg(feature = "sidecar")]
pub mod cli;
mod client;
#[cfg(feature = "sidecar")]
pub mod commands;
mod connection;
#[cfg(feature = "sidecar")]
pub mod daemon;
mod error;
#[cfg(feature = "sidecar")]
pub mod places;
#[cfg(feature = "sidecar")]
pub mod settings;
#[cfg(feature = "sidecar")]
mod status;
#[cfg(feature = "sidecar")]
mod usage;
mod wire;

pub(crate) use client::request_tree;
pub use client::send_usage;
pub(crate) use error::SidecarError;
