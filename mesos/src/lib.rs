//! The Mesos v1 HTTP API, spoken without libmesos.
//!
//! A framework needs three things of Mesos, and each has its module: find the leading [`master`],
//! hold a subscription as its [`scheduler`], and, on the agent's side, hold one as an [`executor`].
//! The messages are protobuf ([`v1`]), streamed as [`recordio`] records over HTTP/1.1.
//!
//! Connections here only carry: they reconnect, watch heartbeats and keep the order of calls, but
//! they decide nothing about offers, tasks or updates. No call is ever sent twice; what gets lost
//! is healed by reconciliation (scheduler) and by resending unacknowledged updates (executor),
//! which is the business of the crates above.

pub mod duration;
pub mod executor;
pub mod master;
pub mod recordio;
pub mod resources;
pub mod scheduler;
pub mod status;
pub mod tls;
mod transport;
pub mod v1;
