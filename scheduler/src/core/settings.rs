//! What the core is configured with.

use std::{sync::Arc, time::Duration};

use super::{
    constraint::Constraint,
    origin::Origin,
    resources::Demand,
    state::{Move, Registration},
    worker::Patience,
};

/// The core's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What each worker needs.
    pub demand: Demand,
    /// Where workers may run.
    pub constraints: Vec<Constraint>,
    /// Filter for an offer that cannot be used *now*.
    pub decline: Duration,
    /// Filter for an offer that is too small. Mesos ends such a filter itself when the agent has
    /// more to offer.
    pub decline_small: Duration,
    /// Timeouts for workers.
    pub patience: Patience,
    /// Limits for replacing workers that leave agents.
    pub moving: Move,
    /// What TaskManagers launched from now on are started for.
    pub origin: Arc<Origin>,
    /// User and principal to register with.
    pub registration: Registration,
    /// Largest share of the agents that is avoided because workers failed there; between 0 and 1.
    pub avoided_share: f64,
}
