//! The executor's program with a fake agent, and its processes; shell scripts play the TaskManager.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

mod agent;
mod at_host;
mod bad_input;
mod cache;
mod fetching;
mod host;
mod kill;
mod leftovers;
mod life;
mod limits;
mod logs;
mod processes;
mod recovery;
mod sidecar;
mod strangers;
