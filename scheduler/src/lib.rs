//! The application master: negotiates offers with Mesos, keeps the wanted number of TaskManagers running, supervises
//! Flink's JobManager and serves workers what they need.
//!
//! [`core`] decides without I/O; [`shell`] does the I/O without deciding; [`application`] assembles the parts.

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
pub mod launch;
mod log_folder;
pub mod operator;
pub mod persistent_cache;
pub mod plan;
pub mod process;
pub mod settings;
pub mod shell;
pub mod store;
pub mod takeover;
pub mod user_uris;
mod working_folder;
