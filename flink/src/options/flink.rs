//! Flink's own options that have to do with how and where its processes run. Types, defaults and
//! old names are compared with Flink's classes by a test.

use super::{Bounds, Earlier, Kind};

pub(super) mod high_availability;
pub(super) mod job_manager;
pub(super) mod memory;
pub(super) mod network;
pub(super) mod resource_manager;
pub(super) mod rest;
pub(super) mod scripts;
pub(super) mod security;
pub(super) mod services;
pub(super) mod task_manager;

pub use self::{
    high_availability::*, job_manager::*, memory::*, resource_manager::*, rest::*, scripts::*,
    security::*, services::*, task_manager::*,
};

/// A duration that was a plain number before Flink 1.20.
const MILLISECONDS: &[Earlier] = &[PLAIN.within(Bounds::LONG)];
const MILLISECONDS_OF_INT: &[Earlier] = &[PLAIN];
const PLAIN: Earlier = Earlier::before(1, 20, Kind::Integer).unit("milliseconds");
