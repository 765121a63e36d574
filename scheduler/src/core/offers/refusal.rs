//! Why no worker was placed on an offer.

use std::{fmt, time::Duration};

use crate::core::{
    cause::Vacated, constraint::Unmet, occupation::Violation, resources::Shortage, totals::Declined,
};

/// Why no worker was placed on an offer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Refusal {
    /// Too little of a resource.
    Shortage(Shortage),
    /// A placement constraint does not allow the agent.
    Constraint(Violation),
    /// Nothing is launched on this agent, for this reason and this long.
    Avoided(Avoidance, Duration),
}

/// Why nothing is launched on an agent for now, in the order in which it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Avoidance {
    /// All its offered ports are ones on which a TaskManager could not listen.
    UnusablePorts,
    /// A worker has just failed there.
    JustFailed,
    /// It cannot enforce the configured limits.
    Unfit,
    /// Mesos wants it back.
    Maintenance,
    /// Its maintenance is planned.
    MaintenanceSoon,
    /// An operator drains it.
    Drained,
    /// Workers keep failing there.
    KeepsFailing,
}

impl From<Vacated> for Avoidance {
    fn from(vacated: Vacated) -> Self {
        match vacated {
            Vacated::Maintenance => Self::Maintenance,
            Vacated::Drained => Self::Drained,
        }
    }
}

impl fmt::Display for Avoidance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnusablePorts => {
                "a TaskManager could not listen on the agent's free ports a moment ago"
            }
            Self::JustFailed => "a worker has just failed on the agent",
            Self::Unfit => "the agent cannot enforce the configured limits",
            Self::Maintenance => return Vacated::Maintenance.fmt(f),
            Self::MaintenanceSoon => "the agent goes into maintenance soon",
            Self::Drained => return Vacated::Drained.fmt(f),
            Self::KeepsFailing => "workers keep failing on the agent",
        })
    }
}

impl Refusal {
    /// What kind of reason this is.
    pub(super) fn kind(&self) -> Declined {
        match self {
            Self::Shortage(_) => Declined::Shortage,
            Self::Constraint(_) => Declined::Constraint,
            Self::Avoided(..) => Declined::Avoided,
        }
    }

    /// Whether the agent can never be used, rather than not now.
    pub(super) fn is_permanent(&self) -> bool {
        match self {
            Self::Shortage(_) => true,
            Self::Constraint(violation) => violation.unmet == Unmet::Ever,
            Self::Avoided(..) => false,
        }
    }
}
