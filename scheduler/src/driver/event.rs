//! What a driver reports.

use std::time::Duration;

use mesos::scheduler::SchedulerError;
use serde_json::Value;

use crate::{
    NeedsAPerson,
    core::{ids::WorkerId, message::Notice},
};

/// What has happened, in the order in which it did.
#[derive(Debug)]
pub enum Event {
    /// The stored framework and its workers are forgotten, as wanted.
    FrameworkForgotten,
    /// Mesos has registered the framework under this id.
    Registered(String),
    /// The connection to Mesos was lost or could not be made; it is tried again.
    Disconnected {
        /// The error.
        reason: String,
        /// How long until the next attempt.
        retry_in: Duration,
    },
    /// A notice of the core.
    Notice(Notice),
    /// All writes of the core up to this number are durable.
    Stored(u64),
    /// The worker's TaskManager has registered for the first time.
    CameUp {
        /// The worker.
        worker: WorkerId,
        /// How long each step took, for people.
        steps: String,
        /// The same for programs.
        timeline: Value,
    },
    /// The worker uses so many percent of its memory limit.
    MemoryWarning(WorkerId, u64),
    /// All workers have ended and the framework is removed, as wanted. Nothing follows.
    Stopped,
    /// Another application master may lead now. Nothing follows.
    Deposed,
    /// The driver cannot go on. Nothing follows.
    Failed(DriverError),
}

/// Why a driver cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The state has workers, but not the framework that they belong to.
    #[error(
        "the state has {0} workers but no framework id; they would be orphaned. Remove the state if they are gone"
    )]
    Orphans(usize),
    /// The options of the connection cannot be used.
    #[error(transparent)]
    Options(SchedulerError),
    /// A removed framework could not be registered again.
    #[error(transparent)]
    Reopening(SchedulerError),
    /// The master does not know the framework of the state.
    #[error("{0}")]
    UnknownFramework(String),
    /// The master rejects the framework: credentials, roles, an old version of Mesos.
    #[error("Mesos rejects this framework: {reason}{options}")]
    Rejected {
        /// The master's reason.
        reason: String,
        /// The options that this is about, in parentheses, if they are known.
        options: String,
    },
    /// Another process has subscribed as this framework.
    #[error("another application master has taken over: {0}")]
    TakenOver(String),
    /// No more events can come.
    #[error("the connection to Mesos has ended")]
    ConnectionEnded,
}

impl NeedsAPerson for DriverError {
    fn needs_a_person(&self) -> bool {
        match self {
            Self::Options(_) | Self::UnknownFramework(_) | Self::Rejected { .. } => true,
            Self::Orphans(_) | Self::Reopening(_) | Self::TakenOver(_) | Self::ConnectionEnded => {
                false
            }
        }
    }
}
