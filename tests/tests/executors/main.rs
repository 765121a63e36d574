//! Our executor on the real Mesos agent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs
)]

mod class_data;
mod diagnosis;
mod executor_limits;
mod executor_real;
