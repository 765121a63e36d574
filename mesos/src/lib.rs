//! The Mesos v1 HTTP API.
pub mod v1;
