//! Negotiates offers with Mesos, and keeps the wanted number of TaskManagers running.
//!
//! [`core`] decides without I/O; [`driver`] connects it to Mesos and to its [`store`]; [`election`]
//! decides who leads.

pub mod clock;
pub mod core;
pub mod driver;
pub mod election;
pub mod executors;
pub mod finish;
pub mod launch;
pub mod store;
pub mod takeover;
