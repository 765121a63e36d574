//! The real parts alone, and our libraries with them: Mesos, ZooKeeper, Flink's REST API, sources
//! of artifacts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs
)]

mod flink_rest;
mod real_mesos;
mod sources;
mod third_party_client;
mod zookeeper_state;
