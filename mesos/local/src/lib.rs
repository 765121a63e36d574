//! A Mesos for a laptop: one master and its agents inside this process.
//!
//! They speak the v1 scheduler and executor API over HTTP on one loopback listener, start executors
//! as child processes with the environment that a real agent gives them, and behave like Mesos 1.11
//! in everything that a framework of custom executors can see: one conformance suite runs against
//! this and against the real Mesos. What it does not do it refuses with a message that says so.
//!
//! It keeps no memory beyond the process and is no production cluster: it isolates nothing, lets
//! its owner in alone, by a credential that is made at the start and lies in its work folder, and
//! ends with its owner.

mod access;
mod cluster;
mod codec;
mod containers;
mod core;
mod error;
mod events;
mod http;
mod inbox;
mod listener;
mod options;
mod owner;
mod sys;

pub use self::{cluster::LocalCluster, error::LocalError, options::LocalOptions};
