//! The sidecar `flink-mesos-fetcher`: one per host; it fetches for all workers of the host, outside
//! their cgroups.
//!
//! The [`daemon`] holds the host's cache, fetches into it for executors, and serves it to other
//! hosts. [`commands`] are for people. What executors and the daemon say to each other is in
//! [`fetcher_client::sidecar`].

mod cache;
mod caller;
pub mod cli;
pub mod commands;
pub mod daemon;
pub mod places;
pub mod settings;
mod status;
mod usage;
mod wire;
