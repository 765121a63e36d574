//! The executor's program, with a fake agent and a shell script as TaskManager.
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
mod recovery;
mod sidecar;
mod strangers;
