//! Behaviour of the sidecar's program, over real sockets, with the real artifact server wherever no fault is needed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, missing_docs)]

#[path = "../behaviours/origin.rs"]
#[allow(dead_code, reason = "shared with another program of tests")]
mod origin;
#[path = "../behaviours/support.rs"]
#[allow(dead_code, reason = "shared with another program of tests")]
mod support;

mod commands;
mod fallbacks;
mod fetching;
mod files;
mod host;
mod life;
mod users;
