//! Connections to masters and agents, whose parts the tests play.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod fakes;

mod executor_connection;
mod executor_environment;
mod master_detection;
mod scheduler_calls;
mod scheduler_recognition;
mod scheduler_rejection;
mod scheduler_snapshot;
mod scheduler_subscription;
mod tls;
