//! Flink's configuration and how it becomes a TaskManager.
//!
//! The application master reads a [`config::Configuration`] from Flink's files, dynamic properties and the
//! environment; the overlays ([`overlay`]) turn it and the Flink distribution into what every worker needs; the
//! executor on the agent ([`worker`]) writes the worker's final configuration and builds the java command line
//! ([`command`]) with the memory sizes ([`memory`]) that Flink's own scripts would compute, without a shell and
//! without a second JVM.
//!
//! Nothing here talks to a network or keeps a process: the only program ever run is `java -version`.

pub mod blame;
pub mod command;
pub mod config;
pub mod exception;
pub mod flink;
pub mod hosts;
pub mod java;
mod java_number;
pub mod memory;
pub mod options;
pub mod overlay;
pub mod worker;
