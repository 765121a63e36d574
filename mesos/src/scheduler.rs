//! A framework's subscription to the leading master.
//!
//! [`SchedulerConnection::open`] starts one task that finds the leader, subscribes, watches the
//! heartbeat and, when the stream breaks, subscribes again with the framework id that it learned,
//! forever. What happens comes out of a channel as [`SchedulerEvent`]s; calls go in through a
//! [`SchedulerHandle`].
//!
//! ```text
//!              ┌──────────── Disconnected: wait, with jitter, or until a new leader is known ──────────┐
//!              ▼                                                                                       │
//!   find the leader ──► Connecting ──► SUBSCRIBE ──► Subscribed ──► Event, Event, … ── stream broke, ──┘
//!                            ▲             │                           │               5 heartbeats missed,
//!                            └─── 307 ─────┤                           │               another leader
//!                                          ▼                           ▼
//!                       Rejected (4xx, too old), Unknown   Rejected (ERROR event): nothing more comes
//! ```
//!
//! A call belongs to the subscription under which it was made: it is sent once, in the order of all
//! calls, or fails. When one gets lost, the subscription is renewed: an offer whose DECLINE got
//! lost would be held for us forever.

pub mod calls;
mod credential;
mod events;
mod handle;
mod inquiry;
mod knowledge;
mod listing;
mod queue;
mod recognition;
mod session;
mod snapshot;
mod subscribe;
mod subscriber;

use std::{path::PathBuf, time::Duration};

use tokio::sync::mpsc;

pub use self::{
    credential::Credential,
    events::{SchedulerEvent, is_failed_over, is_framework_removed},
    handle::SchedulerHandle,
    inquiry::RegisteredFramework,
    knowledge::Knowledge,
    listing::ListedFramework,
    queue::CallError,
    snapshot::Snapshot,
};
use crate::{
    master::MasterUrl,
    tls::TlsError,
    v1::{FrameworkInfo, scheduler::OfferConstraints},
};

/// How to reach the masters.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// Where they are.
    pub master: MasterUrl,
    /// For HTTP basic authentication.
    pub credential: Option<Credential>,
    /// Speak TLS.
    pub https: bool,
    /// PEM certificates to trust instead of the machine's, for https.
    pub ca_file: Option<PathBuf>,
    /// Offers of agents that do not meet these are not sent (Mesos 1.11 and newer).
    pub offer_constraints: Option<OfferConstraints>,
    /// The agents that tasks of a framework with an id run on. With this, such a framework
    /// subscribes only at a master that knows it or one of these agents, or does not say what it
    /// knows: Mesos itself accepts any id.
    pub known_agents: Option<Vec<String>>,
    /// Shortest and longest wait before the next round of attempts.
    pub backoff: (Duration, Duration),
}

impl SchedulerOptions {
    /// Plain HTTP without authentication; waits of 0.25 s to 10 s between attempts.
    pub fn new(master: MasterUrl) -> Self {
        let backoff = (Duration::from_millis(250), Duration::from_secs(10));
        Self {
            master,
            credential: None,
            https: false,
            ca_file: None,
            offer_constraints: None,
            known_agents: None,
            backoff,
        }
    }
}

/// Why no connection could be set up. Masters that cannot be reached are not among it: they are
/// tried again.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// No TLS configuration.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A principal that HTTP cannot carry.
    #[error("principal {0:?} has a colon, which basic authentication does not allow")]
    Principal(String),
}

/// The way to get a [`SchedulerHandle`] and its events.
#[derive(Debug, Clone, Copy)]
pub struct SchedulerConnection;

impl SchedulerConnection {
    /// Starts to subscribe this framework, with no offers for the suppressed roles. It returns at
    /// once; the first event is [`SchedulerEvent::Connecting`].
    ///
    /// Dropping the last handle or the receiver ends the subscription.
    pub async fn open(
        options: SchedulerOptions,
        framework: FrameworkInfo,
        suppressed_roles: Vec<String>,
    ) -> Result<(SchedulerHandle, mpsc::Receiver<SchedulerEvent>), SchedulerError> {
        handle::open(options, framework, suppressed_roles).await
    }
}
