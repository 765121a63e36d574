//! Flink, seen from outside: what its configuration means, and how its processes are started.
//!
//! A [`config::Configuration`] is read from Flink's files, dynamic properties and the environment,
//! as the release in question ([`version`]) reads them, and checked ([`check`]) against the table
//! of [`options`]. From it come where processes use TLS ([`tls`]), the memory sizes ([`memory`])
//! that Flink's own scripts would compute and the java command lines ([`command`]) that they would
//! run, without a shell and without a second JVM. [`exception`] finds in a log what ended a process.
//!
//! Nothing here talks to a network or keeps a process: the only program ever run is `java
//! -version`.

pub mod check;
pub mod command;
pub mod config;
pub mod exception;
pub mod home;
pub mod hosts;
pub mod java;
mod java_number;
pub mod memory;
mod memory_size;
pub mod options;
pub mod tls;
pub mod version;
