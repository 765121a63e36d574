//! The messages of the Mesos v1 API, generated from `proto/mesos/v1/`.
//!
//! Names and field numbers are those of Mesos 1.11 (its live fork Clusterd has the same), so the
//! wire format is too. Mesos is free to send enum values that this version does not know: enum
//! fields are plain numbers here.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

mod ids;

include!(concat!(env!("OUT_DIR"), "/mesos.v1.rs"));

/// Calls and events between a framework's scheduler and the master.
pub mod scheduler {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.scheduler.rs"));
}

/// What a master shows its operators.
pub mod master {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.master.rs"));
}

/// Calls and events between an executor and its agent.
pub mod executor {
    include!(concat!(env!("OUT_DIR"), "/mesos.v1.executor.rs"));
}

/// The descriptors of all these messages: a `google.protobuf.FileDescriptorSet`, for those who
/// convert them to JSON.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
