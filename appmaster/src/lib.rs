//! The application master: command line, settings and their checks, Flink's JobManager, the
//! artifacts to serve, the control API. The [`scheduler`] learns from it how many workers are
//! wanted, and which of them the JobManager lists.
//!
//! [`application`] assembles the parts; [`shell`] does the I/O of a running cluster.

mod abbreviation;
pub mod address;
pub mod application;
pub mod background;
mod bounded_answer;
pub mod check;
pub mod cli;
pub mod clusters;
pub mod console;
pub mod control;
pub mod demand;
pub mod doctor;
pub mod environment;
pub mod events;
pub mod failure;
pub mod flink_rest;
pub mod job_file;
pub mod job_manager;
mod log_folder;
pub mod logs;
mod metrics;
pub mod operator;
pub mod persistent_cache;
pub mod plan;
pub mod process;
pub mod replacement;
pub mod report;
mod sandbox;
pub mod session_jobs;
pub mod settings;
pub mod shell;
mod table;
pub mod user_uris;
mod working_folder;
