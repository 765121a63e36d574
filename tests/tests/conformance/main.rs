//! What a framework and its executors can see of Mesos. Each behaviour is a test against the Mesos
//! for a laptop and the real one, so that neither our picture of Mesos nor our own Mesos can drift.
//!
//! Everything here is raw HTTP: the test plays schedulers and executors, message by message. The
//! process that Mesos starts as an executor only waits for commands (see [`puppet`]).
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

/// Makes two tests of each of these behaviours: one on the local Mesos, one on the real one.
macro_rules! behaviours {
    ($($name:ident),* $(,)?) => {
        mod local {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&crate::cluster::Cluster::local(1).await).await;
            })*
        }
        mod real {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&crate::cluster::Cluster::real(1).await).await;
            })*
        }
    };
}

mod cluster;
mod executor;
mod framework;
mod messages;
mod puppet;
mod raw;

mod containers;
mod endings;
mod environment;
mod executors;
mod failover;
mod json;
mod kill;
mod launch;
mod offers;
mod reconcile;
mod refusals;
mod subscription;
mod updates;
