//! Flink's own options that have to do with how and where its processes run. Types, defaults and old names are compared
//! with Flink's classes by a test.

use super::{ConfigOption, Kind};

pub(super) mod high_availability;
pub(super) mod job_manager;
pub(super) mod memory;
pub(super) mod network;
pub(super) mod resource_manager;
pub(super) mod rest;
pub(super) mod scripts;
pub(super) mod security;
pub(super) mod task_manager;

const fn option(key: &'static str, kind: Kind, meaning: &'static str) -> ConfigOption {
    ConfigOption::new(key, kind, meaning)
}
