//! Where the existing workers run, and where constraints allow one more.

use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
    sync::Arc,
};

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::{
    constraint::{Census, Constraint, Field, Unmet, Values},
    state::AgentProfile,
};

/// An agent's profile, found by the agent's id.
#[derive(Clone, Debug)]
struct ByAgent(Arc<AgentProfile>);

impl Borrow<str> for ByAgent {
    fn borrow(&self) -> &str {
        &self.0.agent
    }
}

impl Hash for ByAgent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.agent.hash(state);
    }
}

impl PartialEq for ByAgent {
    fn eq(&self, other: &Self) -> bool {
        self.0.agent == other.0.agent
    }
}

impl Eq for ByAgent {}

/// Where the existing workers run.
#[derive(Clone, Debug)]
pub(super) struct Occupation {
    constraints: Vec<Constraint>,
    /// The agents, each with its number of workers.
    agents: HashMap<ByAgent, usize>,
    /// One per constraint.
    censuses: Vec<Census>,
}

/// Number of workers per `GROUP_BY`. There are seldom more than two.
pub(super) type Rank = SmallVec<[usize; 2]>;

/// A constraint that does not allow one more worker on an agent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Violation {
    /// The constraint as text.
    pub(super) constraint: String,
    /// Whether that may change.
    pub(super) unmet: Unmet,
    /// The agent's value, if it has one.
    pub(super) value: Option<Arc<str>>,
}

impl Occupation {
    /// No workers anywhere.
    pub(super) fn new(constraints: Vec<Constraint>) -> Self {
        let censuses = vec![Census::default(); constraints.len()];
        Self { constraints, agents: HashMap::new(), censuses }
    }

    /// Where workers may run.
    pub(super) fn constraints(&self) -> &[Constraint] {
        &self.constraints
    }

    /// Counts one worker more, or one less.
    pub(super) fn count(&mut self, place: &Arc<AgentProfile>, more: bool) {
        let (agent, values) = (place.agent.as_str(), &place.values);
        match (self.agents.get_mut(agent), more) {
            (Some(count), true) => *count += 1,
            (None, true) => drop(self.agents.insert(ByAgent(place.clone()), 1)),
            (Some(1), false) => drop(self.agents.remove(agent)),
            (Some(count), false) => *count -= 1,
            (None, false) => {}
        }
        for (constraint, census) in self.constraints.iter().zip(&mut self.censuses) {
            if let Some(value) = values.get(&constraint.field) {
                census.count_one(value, more);
            }
        }
    }

    /// Number of workers on this agent.
    pub(super) fn workers_on(&self, agent: &str) -> usize {
        self.agents.get(agent).copied().unwrap_or(0)
    }

    /// The profile of an agent that has workers, as of the first of them.
    pub(super) fn place_of(&self, agent: &str) -> Option<&AgentProfile> {
        self.agents.get_key_value(agent).map(|(known, _)| &*known.0)
    }

    /// The fields over whose values workers are spread evenly.
    pub(super) fn grouping(&self) -> impl Iterator<Item = &Field> {
        self.groupings().map(|(constraint, _)| &constraint.field)
    }

    /// Number of workers on agents with these values, per `GROUP_BY`.
    pub(super) fn rank(&self, values: &[Option<Arc<str>>]) -> Rank {
        let ranks = self.groupings().zip(values);
        ranks
            .map(|((_, census), value)| {
                value.as_ref().map_or(usize::MAX, |value| census.count(value))
            })
            .collect()
    }

    fn groupings(&self) -> impl Iterator<Item = (&Constraint, &Census)> {
        let counted = self.constraints.iter().zip(&self.censuses);
        counted.filter(|(constraint, _)| constraint.is_grouping())
    }

    /// Whether constraints allow one more worker on an agent with these values.
    pub(super) fn allows(&self, values: &Values) -> bool {
        self.check(values).is_ok()
    }

    pub(super) fn check(&self, values: &Values) -> Result<(), Violation> {
        for (constraint, census) in self.constraints.iter().zip(&self.censuses) {
            let value = values.get(&constraint.field);
            constraint.check(value.map(|value| &**value), census).map_err(|unmet| {
                let constraint = constraint.to_string();
                Violation { constraint, unmet, value: value.cloned() }
            })?;
        }
        Ok(())
    }
}
