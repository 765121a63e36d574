//! What a scheduler gets to know.

use std::time::Duration;

use crate::v1::{FrameworkId, MasterInfo, scheduler::Event};

/// One thing that happened to the subscription, or one event that the master sent.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly all of them are the largest variant")]
pub enum SchedulerEvent {
    /// A master is being tried.
    Connecting {
        /// Its address, for people: `http://10.0.0.1:5050`.
        master: String,
        /// The number of this attempt since the last subscription, from 1.
        attempt: u32,
    },
    /// The framework is subscribed, the first time or again.
    Subscribed {
        /// The id that the framework has, for its whole life.
        framework_id: FrameworkId,
        /// The master, if it names itself.
        master: Option<MasterInfo>,
        /// The interval of heartbeats; five missed ones count as a lost connection.
        heartbeat: Duration,
    },
    /// Any event but SUBSCRIBED, HEARTBEAT and ERROR.
    Event(Event),
    /// There is no subscription now. It is tried again without end.
    Disconnected {
        /// What went wrong, for people.
        reason: String,
        /// The time until the next attempt; shorter when a new leader becomes known.
        retry_in: Duration,
    },
    /// The master refuses the framework with its offer constraints. It is asked again without them,
    /// from now on.
    ConstraintsRefused {
        /// The master's own message.
        reason: String,
    },
    /// The master knows neither this framework nor any of its agents: it is that of another
    /// cluster, or has lost its registry. Nothing more comes.
    Unknown {
        /// Which master and which framework, for people.
        reason: String,
    },
    /// The master does not want this framework: wrong credentials, an invalid or removed framework,
    /// another scheduler with its id, a Mesos that is too old. Nothing more comes.
    Rejected {
        /// The master's own message.
        reason: String,
    },
}

/// Whether a [`Rejected`](SchedulerEvent::Rejected) says that the master has removed the framework
/// for good: its failover timeout has passed or it was torn down. Its id is useless and its tasks
/// are gone.
pub fn is_framework_removed(reason: &str) -> bool {
    reason.contains("Framework has been removed")
}

/// Whether a [`Rejected`](SchedulerEvent::Rejected) says that another scheduler has subscribed with
/// the same id.
pub fn is_failed_over(reason: &str) -> bool {
    reason.contains("Framework failed over")
}
