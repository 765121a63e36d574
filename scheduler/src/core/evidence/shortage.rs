//! Which resource is short, and who has reserved it.

use mesos::v1::{Resource, master::response::get_agents::Agent};

use super::{Inspection, amount, named, rounded};
use crate::core::resources::{Demand, PORTS, UNPRIVILEGED, is_plain};

impl Inspection {
    /// Which resource is short on every agent.
    pub(super) fn no_room(&self, demand: &Demand, quota_is_used_up: bool) -> Option<String> {
        let mut names: Vec<&str> = demand.names().filter(|name| demand.total(name) > 0.0).collect();
        if !demand.ports.is_empty() {
            names.push(PORTS);
        }
        let needed =
            |name: &str| if name == PORTS { demand.ports.len() as f64 } else { demand.total(name) };
        let has = |agent: &Agent, name: &str| self.free(agent, name, demand) >= needed(name);
        self.usable().next()?;
        if let Some(roomy) = self.usable().find(|agent| names.iter().all(|name| has(agent, name))) {
            let host = &roomy.agent_info.hostname;
            return (!quota_is_used_up).then(|| {
                let kept =
                    self.kept_for_others().map_or_else(String::new, |kept| format!("; {kept}"));
                format!("{host} has room for a TaskManager, but the master does not offer it{kept}")
            });
        }
        let short: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !self.usable().any(|agent| has(agent, name)))
            .collect();
        if short.is_empty() {
            return Some(format!("no agent has {demand} free at once"));
        }
        let said = short.iter().map(|name| {
            let most =
                self.usable().map(|agent| self.free(agent, name, demand)).fold(0.0, f64::max);
            let (most, needed) = (amount(name, most), rounded(needed(name)));
            format!(
                "the agent with the most has {most} free, a TaskManager needs {needed}{}",
                self.reserved(name)
            )
        });
        Some(said.collect::<Vec<_>>().join("; "))
    }

    /// How much of a resource is free for us on an agent.
    fn free(&self, agent: &Agent, name: &str, demand: &Demand) -> f64 {
        let lowest = if demand.privileged { 1 } else { UNPRIVILEGED };
        let of = |resources: &[Resource]| -> f64 {
            let mine = resources.iter().filter(|resource| {
                let role = reserved_for(resource);
                resource.name == name
                    && is_plain(resource)
                    && role.is_none_or(|role| self.is_ours(role))
            });
            let size = |resource: &Resource| match &resource.ranges {
                Some(ranges) => {
                    let one =
                        |(begin, end): (u64, u64)| (end + 1).saturating_sub(begin.max(lowest));
                    ranges
                        .range
                        .iter()
                        .map(|range| one((range.begin, range.end.min(u64::MAX - 1))) as f64)
                        .sum()
                }
                None => resource.scalar.map_or(0.0, |scalar| scalar.value),
            };
            mine.map(size).sum()
        };
        let free = of(&agent.total_resources)
            - of(&agent.allocated_resources)
            - of(&agent.offered_resources);
        rounded(free.max(0.0))
    }

    /// The other roles that a resource is reserved for.
    fn reserved(&self, name: &str) -> String {
        let all = self
            .usable()
            .flat_map(|agent| &agent.total_resources)
            .filter(|resource| resource.name == name);
        let others = all
            .filter_map(reserved_for)
            .filter(|role| !self.is_ours(role))
            .map(|role| format!("`{role}`"));
        match named(others) {
            Some(roles) => format!(" ({name} is reserved for {roles})"),
            None => String::new(),
        }
    }
}

fn reserved_for(resource: &Resource) -> Option<&str> {
    let role = match resource.reservations.last() {
        Some(reservation) => reservation.role.as_deref(),
        None => resource.role.as_deref(),
    };
    role.filter(|role| *role != "*")
}
