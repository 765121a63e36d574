//! Whole clusters: the real `flink-mesos` with real Flinks or stand-ins, on the real Mesos or the
//! one for a laptop.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs
)]

mod application;
mod background;
mod bad_input;
mod demand;
mod demo;
mod doctor;
mod end_to_end;
mod external;
mod high_availability;
mod jobs;
mod python;
mod replacing;
mod running;
mod secrets;
mod security;
mod survival;
