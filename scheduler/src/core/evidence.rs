//! Why no offer comes, or only small ones: what the master's operator API shows about it.
//!
//! Nothing is guessed: each reason names a role, an agent or a machine, and the number that
//! prevents an offer.

mod quota;
mod shortage;
#[cfg(test)]
mod tests;

use mesos::{
    scheduler::Snapshot,
    v1::{DrainInfo, DrainState, master::response::get_agents::Agent},
};

use super::resources::{Demand, unit};

/// The master's state as its operator API shows it, and our roles.
#[derive(Clone, Debug, Default)]
pub struct Inspection {
    /// The state.
    pub snapshot: Snapshot,
    /// Our roles.
    pub roles: Vec<String>,
}

/// At most this many agents or machines are named.
const MOST_NAMED: usize = 3;

impl Inspection {
    /// Reasons why no offer may come at all; empty if the state shows none.
    pub fn why_no_offer(&self, demand: &Demand) -> Vec<String> {
        let mut reasons = self.own_quota(demand);
        let quota_is_used_up = !reasons.is_empty();
        reasons.extend(self.no_agent());
        reasons.extend(self.no_room(demand, quota_is_used_up));
        reasons.extend(self.excluded());
        reasons.extend(self.down());
        reasons
    }

    /// Whether resources of this role, or of its child roles, can be offered to us.
    fn is_ours(&self, role: &str) -> bool {
        self.roles.iter().any(|ours| is_below(ours, role))
    }

    fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.snapshot.agents.iter().flat_map(|known| &known.agents)
    }

    fn usable(&self) -> impl Iterator<Item = &Agent> {
        self.agents().filter(|agent| exclusion(agent).is_none())
    }

    fn no_agent(&self) -> Option<String> {
        let known = self.snapshot.agents.as_ref().filter(|known| known.agents.is_empty())?;
        Some(match known.recovered_agents.len() {
            0 => "no agent is registered".to_owned(),
            missing => {
                format!("no agent has registered since the master changed, {missing} did before")
            }
        })
    }

    /// Agents that take no tasks.
    fn excluded(&self) -> Option<String> {
        named(self.agents().filter_map(|agent| {
            Some(format!("{} is {}", agent.agent_info.hostname, exclusion(agent)?))
        }))
    }

    /// Machines that are down for maintenance.
    fn down(&self) -> Option<String> {
        let machines = self.snapshot.maintenance.iter().flat_map(|known| &known.down_machines);
        let name = |machine: &mesos::v1::MachineId| {
            machine.hostname.clone().or_else(|| machine.ip.clone())
        };
        named(machines.filter_map(name)).map(|names| format!("in maintenance: {names}"))
    }
}

/// Whether `role` is `other` or a child of it.
fn is_below(role: &str, other: &str) -> bool {
    role.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Why an agent takes no tasks.
fn exclusion(agent: &Agent) -> Option<&'static str> {
    match agent.drain_info.as_ref().map(DrainInfo::state) {
        Some(DrainState::Draining) => Some("draining"),
        Some(DrainState::Drained) => Some("drained"),
        _ if agent.deactivated() => Some("deactivated"),
        _ if !agent.active => Some("disconnected"),
        _ => None,
    }
}

/// The first few names, and whether there are more.
fn named(names: impl Iterator<Item = String>) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if all.len() > MOST_NAMED {
            break;
        }
        if !all.contains(&name) {
            all.push(name);
        }
    }
    if all.len() > MOST_NAMED {
        "…".clone_into(&mut all[MOST_NAMED]);
    }
    (!all.is_empty()).then(|| all.join(", "))
}

/// For example `mem 512 MB`.
fn amount(name: &str, value: f64) -> String {
    format!("{name} {}{}", rounded(value), unit(name))
}

/// Mesos counts in thousandths.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
