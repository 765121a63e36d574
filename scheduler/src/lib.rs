//! The application master: negotiates offers with Mesos, keeps the wanted number of TaskManagers alive, supervises Flink's
//! JobManager and serves the workers what they need.
//!
//! [`core`] decides and does no I/O; [`shell`] does and decides nothing; [`application`] puts the parts together.

pub mod address;
pub mod application;
pub mod check;
pub mod cli;
pub mod clock;
pub mod console;
pub mod control;
pub mod core;
pub mod election;
mod executors;
pub mod failure;
pub mod flink_rest;
pub mod job_manager;
pub mod kept;
pub mod launch;
pub mod operator;
pub mod plan;
pub mod process;
pub mod settings;
pub mod shell;
pub mod store;
pub mod takeover;
pub mod user_uris;
mod working_folder;
