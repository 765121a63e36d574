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
mod needs_a_person;
pub mod store;
pub mod takeover;

pub use needs_a_person::NeedsAPerson;
