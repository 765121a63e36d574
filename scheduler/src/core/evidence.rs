//! Why no offer comes, or only small ones: what the master's operator API shows about it.
//!
//! Nothing is guessed: each reason names a role, an agent or a machine, and the number that
//! prevents an offer.

use std::collections::BTreeMap;

use mesos::{
    scheduler::Snapshot,
    v1::{
        DrainInfo, DrainState, Resource,
        master::{QuotaConfig, response::get_agents::Agent},
    },
};

use super::{
    ranges::UNPRIVILEGED,
    resources::{Demand, PORTS, is_plain, unit},
};

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

    /// Which quota of our roles leaves too little.
    pub fn own_quota(&self, demand: &Demand) -> Vec<String> {
        let mut reasons = Vec::new();
        for (role, limits) in self.limits().into_iter().filter(|(role, _)| self.is_ours(role)) {
            for (name, limit) in limits {
                let (needed, used) = (demand.total(&name), self.used(&role, &name));
                if needed > 0.0 && rounded(limit - used) < needed {
                    let used = if used > 0.0 {
                        format!(" of which {} are in use,", rounded(used))
                    } else {
                        String::new()
                    };
                    let (limit, needed) = (amount(&name, limit), rounded(needed));
                    reasons.push(format!(
                        "role `{role}` has a quota of {limit},{used} a TaskManager needs {needed}"
                    ));
                }
            }
        }
        reasons
    }

    /// The limits of all quotas, by role.
    fn limits(&self) -> Vec<(String, BTreeMap<String, f64>)> {
        let Some(quota) = &self.snapshot.quota else { return Vec::new() };
        let values = |config: &QuotaConfig| {
            config.limits.iter().map(|(name, limit)| (name.clone(), limit.value)).collect()
        };
        if !quota.configs.is_empty() {
            return quota
                .configs
                .iter()
                .map(|config| (config.role.clone(), values(config)))
                .collect();
        }
        let scalar = |resource: &Resource| Some((resource.name.clone(), resource.scalar?.value));
        let infos = quota.infos.iter();
        infos
            .filter_map(|info| {
                Some((info.role.clone()?, info.guarantee.iter().filter_map(scalar).collect()))
            })
            .collect()
    }

    /// How much of a resource a role and its child roles use.
    fn used(&self, role: &str, name: &str) -> f64 {
        let roles = self.snapshot.roles.iter().flatten();
        roles
            .filter(|other| is_below(&other.name, role))
            .map(|other| mesos::resources::sum(&other.resources, name))
            .sum()
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

    /// Which resource is short on every agent.
    fn no_room(&self, demand: &Demand, quota_is_used_up: bool) -> Option<String> {
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

    /// A guarantee that another role does not use up, which the master keeps free for it.
    fn kept_for_others(&self) -> Option<String> {
        let configs = self.snapshot.quota.iter().flat_map(|quota| &quota.configs);
        configs.filter(|config| !self.is_ours(&config.role)).find_map(|config| {
            let role = &config.role;
            let (name, guarantee) = config
                .guarantees
                .iter()
                .map(|(name, guarantee)| (name, guarantee.value))
                .find(|(name, guarantee)| *guarantee > self.used(role, name))?;
            Some(format!(
                "role `{role}` is guaranteed {} and has {}",
                amount(name, guarantee),
                rounded(self.used(role, name))
            ))
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

fn reserved_for(resource: &Resource) -> Option<&str> {
    let role = match resource.reservations.last() {
        Some(reservation) => reservation.role.as_deref(),
        None => resource.role.as_deref(),
    };
    role.filter(|role| *role != "*")
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

#[cfg(test)]
mod tests {
    use mesos::{
        resources::{ranges, scalar},
        v1::{
            AgentInfo, MachineId,
            master::{
                ClusterStatus, QuotaInfo, QuotaStatus, Role, cluster_status, response::GetAgents,
            },
            resource::ReservationInfo,
            value,
        },
    };

    use super::*;

    fn demand() -> Demand {
        let part = |cpus: f64, mem: f64| {
            BTreeMap::from([("cpus".to_owned(), cpus), ("mem".to_owned(), mem)])
        };
        Demand {
            task: part(1.0, 1728.0),
            executor: part(0.1, 32.0),
            ports: vec!["p".into()],
            privileged: false,
        }
    }

    fn agent(name: &str, cpus: f64, mem: f64) -> Agent {
        Agent {
            agent_info: AgentInfo { hostname: name.to_owned(), ..AgentInfo::default() },
            active: true,
            total_resources: vec![
                scalar("cpus", cpus),
                scalar("mem", mem),
                ranges("ports", [(31_000, 31_009)]),
            ],
            ..Agent::default()
        }
    }

    fn reserved(resource: Resource, role: &str) -> Resource {
        let reservation =
            ReservationInfo { role: Some(role.to_owned()), ..ReservationInfo::default() };
        Resource { reservations: vec![reservation], ..resource }
    }

    fn config(role: &str, guarantee: Option<f64>, limit: Option<f64>) -> QuotaConfig {
        let map = |value: Option<f64>| {
            value.map(|value| ("cpus".to_owned(), value::Scalar { value })).into_iter().collect()
        };
        QuotaConfig { role: role.to_owned(), guarantees: map(guarantee), limits: map(limit) }
    }

    fn look(agents: Vec<Agent>, configs: Vec<QuotaConfig>, used: &[(&str, f64)]) -> Inspection {
        let role = |(name, cpus): &(&str, f64)| Role {
            name: (*name).to_owned(),
            resources: vec![scalar("cpus", *cpus)],
            ..Role::default()
        };
        let snapshot = Snapshot {
            agents: Some(GetAgents { agents, ..GetAgents::default() }),
            roles: Some(used.iter().map(role).collect()),
            quota: Some(QuotaStatus { configs, ..QuotaStatus::default() }),
            maintenance: None,
        };
        Inspection { snapshot, roles: vec!["team/x".to_owned()] }
    }

    fn said(agents: Vec<Agent>, configs: Vec<QuotaConfig>, used: &[(&str, f64)]) -> String {
        look(agents, configs, used).why_no_offer(&demand()).join("; ")
    }

    #[test]
    fn a_reason_names_only_what_prevents_an_offer() {
        let large = || agent("a", 8.0, 8192.0);
        let in_use = |resource: Resource| Agent { allocated_resources: vec![resource], ..large() };
        let offered = |resource: Resource| Agent { offered_resources: vec![resource], ..large() };
        let of_others = Agent {
            total_resources: [
                vec![reserved(scalar("mem", 8192.0), "other")],
                agent("", 8.0, 64.0).total_resources,
            ]
            .concat(),
            ..large()
        };
        let of_ours = Agent {
            total_resources: [
                vec![reserved(scalar("mem", 8192.0), "team")],
                agent("", 8.0, 64.0).total_resources,
            ]
            .concat(),
            ..large()
        };
        let most = "the agent with the most has";
        let room = "a has room for a TaskManager, but the master does not offer it";
        for (agents, configs, used, expected) in [
            (vec![], vec![], &[][..], "no agent is registered".to_owned()),
            (
                vec![agent("a", 8.0, 512.0), agent("b", 8.0, 256.0)],
                vec![],
                &[],
                format!("{most} mem 512 MB free, a TaskManager needs 1760"),
            ),
            (vec![in_use(scalar("cpus", 7.5))], vec![], &[], format!("{most} cpus 0.5 free, a TaskManager needs 1.1")),
            (vec![offered(scalar("cpus", 7.5))], vec![], &[], format!("{most} cpus 0.5 free, a TaskManager needs 1.1")),
            (
                vec![in_use(ranges("ports", [(31_000, 31_009)]))],
                vec![],
                &[],
                format!("{most} ports 0 free, a TaskManager needs 1"),
            ),
            (
                vec![agent("a", 8.0, 512.0), agent("b", 0.5, 8192.0)],
                vec![],
                &[],
                "no agent has cpus 1.1, mem 1760 MB, ports 1 free at once".to_owned(),
            ),
            (
                vec![of_others],
                vec![],
                &[],
                format!("{most} mem 64 MB free, a TaskManager needs 1760 (mem is reserved for `other`)"),
            ),
            (vec![of_ours], vec![], &[], room.to_owned()),
            (
                vec![large()],
                vec![config("team/x", None, Some(0.5))],
                &[],
                "role `team/x` has a quota of cpus 0.5, a TaskManager needs 1.1".to_owned(),
            ),
            (
                vec![large()],
                vec![config("team", None, Some(4.0))],
                &[("team", 0.0), ("team/x", 1.1), ("team/y", 2.2), ("teams", 9.0)],
                "role `team` has a quota of cpus 4, of which 3.3 are in use, a TaskManager needs 1.1".to_owned(),
            ),
            (
                vec![large()],
                vec![config("team/x/below", None, Some(0.0)), config("other", Some(4.0), Some(4.0))],
                &[("other", 1.0)],
                format!("{room}; role `other` is guaranteed cpus 4 and has 1"),
            ),
            (
                vec![Agent { drain_info: Some(DrainInfo { state: DrainState::Draining.into() }), ..large() }],
                vec![],
                &[],
                "a is draining".to_owned(),
            ),
            (
                vec![
                    agent("small", 8.0, 512.0),
                    Agent { deactivated: Some(true), ..large() },
                    Agent { active: false, ..agent("b", 9.0, 9999.0) },
                ],
                vec![],
                &[],
                format!("{most} mem 512 MB free, a TaskManager needs 1760; a is deactivated, b is disconnected"),
            ),
        ] {
            assert_eq!(said(agents, configs, used), expected);
        }
    }

    #[test]
    fn of_many_a_few_are_named() {
        let gone = |name: String| Agent { active: false, ..agent(&name, 8.0, 8192.0) };
        let many = (1..=9).map(|number| gone(format!("h{number}"))).collect();
        assert_eq!(
            said(many, vec![], &[]),
            "h1 is disconnected, h2 is disconnected, h3 is disconnected, …"
        );
    }

    #[test]
    fn machines_in_maintenance_and_agents_that_are_not_back_are_named() {
        let mut look = look(vec![], vec![], &[]);
        let machine = |name: &str| MachineId { hostname: Some(name.to_owned()), ip: None };
        let planned = cluster_status::DrainingMachine { id: machine("later") };
        let down =
            vec![machine("h1"), MachineId { hostname: None, ip: Some("192.0.2.7".to_owned()) }];
        look.snapshot.maintenance =
            Some(ClusterStatus { draining_machines: vec![planned], down_machines: down });
        assert_eq!(
            look.why_no_offer(&demand()),
            ["no agent is registered", "in maintenance: h1, 192.0.2.7"]
        );
        look.snapshot.agents =
            Some(GetAgents { recovered_agents: vec![AgentInfo::default()], agents: vec![] });
        let known = look.why_no_offer(&demand());
        assert_eq!(known[0], "no agent has registered since the master changed, 1 did before");
    }

    #[test]
    fn a_master_that_shows_nothing_is_no_evidence_and_an_old_one_shows_quota_in_another_form() {
        assert!(Inspection::default().why_no_offer(&demand()).is_empty());
        let info = QuotaInfo { role: Some("x".to_owned()), guarantee: vec![scalar("cpus", 0.5)] };
        let quota = Some(QuotaStatus { infos: vec![info], configs: vec![] });
        let old = Inspection {
            snapshot: Snapshot { quota, ..Snapshot::default() },
            roles: vec!["x".to_owned()],
        };
        assert_eq!(
            old.own_quota(&demand()),
            ["role `x` has a quota of cpus 0.5, a TaskManager needs 1.1"]
        );
    }
}
