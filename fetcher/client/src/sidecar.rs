//! The client's half of the sidecar, which is one program per host that fetches for all workers of
//! the host.
//!
//! ```text
//! executor ── POST /v1/fetch (manifest, URLs, token) ──▶ sidecar ── artifact server
//!          ◀── {"progress": …} one line each ───────────────     │ into the host's cache
//!          ◀── {"ready": {"cache": …, "tree": …}} ──────────     │ holds the tree while the connection is open
//! executor locks the tree itself, closes, projects it into its sandbox, fetches the secrets with its own token
//! ```
//!
//! While its TaskManager runs, an executor also reports its usage (POST /v1/usage), for the
//! sidecar's metrics.
//!
//! The kernel holds the tree's lock for the executor, so a restart of the sidecar releases nothing.
//! An executor trusts a sidecar only if it runs as root or as its own user, and works without one:
//! [`obtain`](crate::obtain()). The daemon and its commands are the crate `fetcher-sidecar`.

mod client;
mod connection;
mod error;
mod wire;

pub use client::{request_tree, send_usage};
pub use connection::{Answer, Connection};
pub use error::SidecarError;
pub use wire::{FETCH, Failure, Reply, TreeRequest, USAGE};
