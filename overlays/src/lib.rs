//! What a worker is sent and configured with.
//!
//! The overlays ([`overlay`]) turn the application master's configuration and Flink distribution
//! into what every worker needs. It travels to an executor as a [`worker::WorkerSpec`]. There
//! [`worker::apply()`] writes the worker's final configuration and builds the TaskManager's command
//! line. Back travel what the start took and the TaskManager uses ([`report`]), and who must act on
//! its end ([`blame`]).

pub mod blame;
pub mod overlay;
pub mod report;
pub mod worker;
