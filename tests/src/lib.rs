//! Real parts for the end-to-end tests: the real Mesos, the real ZooKeeper, the real Flink, each as `make setup` has
//! put it into the cache, started on ports of their own and ended with the test whatever becomes of it.
//!
//! What goes wrong here is the machine's or the set-up's fault, so everything panics with a sentence on what to do.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a part that does not come up fails the test")]

mod cache;
mod flink_rest;
mod http;
mod keeper;
mod ports;
mod proxy;
mod real_mesos;
mod wait;
mod zookeeper;

pub use cache::{
    Line, binary, cache_folder, endings_jar, flink_home, mesos_home, pyflink, python, stores_python, wordcount_jar,
};
pub use flink_rest::{FlinkRest, Job, Overview, TaskManager};
pub use keeper::{Ended, Keeper, Program};
pub use ports::{PortBlock, ReservedPort};
pub use proxy::Proxy;
pub use real_mesos::{RealMesos, RealMesosOptions};
pub use wait::wait_until;
pub use zookeeper::{RealZooKeeper, RealZooKeeperOptions};
