//! Real components for the end-to-end tests: Mesos, ZooKeeper and Flink from the cache of `make
//! setup`. Each is started on its own ports and ended with the test, whatever happens.
//!
//! Failures here are the fault of the machine or the set-up, so everything panics with a sentence
//! on what to do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a part that does not come up fails the test"
)]

mod cache;
pub mod class_data;
pub mod cluster;
mod flink_rest;
mod http;
mod keeper;
mod ports;
mod proxy;
mod real_mesos;
pub mod rig;
pub mod site;
mod wait;
mod zookeeper;

pub use cache::{
    Line, binary, cache_folder, endings_jar, flink_home, graph, mesos_home, pyflink, python,
    stores_python, wordcount_jar,
};
pub use flink_rest::{FlinkRest, Job, Overview, TaskManager};
pub use keeper::{Ended, Keeper, Program, is_alive};
pub use ports::{PortBlock, ReservedPort};
pub use proxy::Proxy;
pub use real_mesos::{ExecutorsCache, RealMesos, RealMesosOptions};
pub use wait::wait_until;
pub use zookeeper::{RealZooKeeper, RealZooKeeperOptions};
