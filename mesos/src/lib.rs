//! The Mesos v1 HTTP API.
#[cfg(feature = "local")]
pub mod local;
pub mod v1;
