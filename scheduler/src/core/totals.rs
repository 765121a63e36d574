//! What has become of offers and failed workers since this application master began to lead,
//! counted for metrics.

use std::collections::BTreeMap;

use overlays::blame::Blame;

/// What has become of offers and failed workers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of offers on which workers were placed.
    pub used: u64,
    /// Number of declined offers, by reason.
    pub declined: BTreeMap<Declined, u64>,
    /// Number of failed workers, by what the failure counts against.
    pub failures: BTreeMap<Blame, u64>,
}

/// Why an offer was declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Declined {
    /// It has too little of a resource.
    Shortage,
    /// A placement constraint does not allow the agent.
    Constraint,
    /// Nothing is launched on the agent for now.
    Avoided,
    /// No worker was missing.
    Unneeded,
}

impl Declined {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::Shortage, Self::Constraint, Self::Avoided, Self::Unneeded];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Shortage => "shortage",
            Self::Constraint => "constraint",
            Self::Avoided => "avoided",
            Self::Unneeded => "unneeded",
        }
    }
}
