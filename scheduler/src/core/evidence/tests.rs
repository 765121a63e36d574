//! What the master shows, and the reasons that follow.

use std::collections::BTreeMap;

use mesos::{
    resources::{ranges, scalar},
    v1::{
        AgentInfo, MachineId, Resource,
        master::{
            ClusterStatus, QuotaConfig, QuotaInfo, QuotaStatus, Role, cluster_status,
            response::GetAgents,
        },
        resource::ReservationInfo,
        value,
    },
};

use super::*;

fn demand() -> Demand {
    let part =
        |cpus: f64, mem: f64| BTreeMap::from([("cpus".to_owned(), cpus), ("mem".to_owned(), mem)]);
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
    let reservation = ReservationInfo { role: Some(role.to_owned()), ..ReservationInfo::default() };
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
    let large_reserved = |role: &str| {
        let total_resources =
            [vec![reserved(scalar("mem", 8192.0), role)], agent("", 8.0, 64.0).total_resources]
                .concat();
        Agent { total_resources, ..large() }
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
        (
            vec![in_use(scalar("cpus", 7.5))],
            vec![],
            &[],
            format!("{most} cpus 0.5 free, a TaskManager needs 1.1"),
        ),
        (
            vec![offered(scalar("cpus", 7.5))],
            vec![],
            &[],
            format!("{most} cpus 0.5 free, a TaskManager needs 1.1"),
        ),
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
            vec![large_reserved("other")],
            vec![],
            &[],
            format!(
                "{most} mem 64 MB free, a TaskManager needs 1760 (mem is reserved for `other`)"
            ),
        ),
        (vec![large_reserved("team")], vec![], &[], room.to_owned()),
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
            "role `team` has a quota of cpus 4, of which 3.3 are in use, a TaskManager needs 1.1"
                .to_owned(),
        ),
        (
            vec![large()],
            vec![config("team/x/below", None, Some(0.0)), config("other", Some(4.0), Some(4.0))],
            &[("other", 1.0)],
            format!("{room}; role `other` is guaranteed cpus 4 and has 1"),
        ),
        (
            vec![Agent {
                drain_info: Some(DrainInfo { state: DrainState::Draining.into() }),
                ..large()
            }],
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
            format!(
                "{most} mem 512 MB free, a TaskManager needs 1760; a is deactivated, b is disconnected"
            ),
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
    let down = vec![machine("h1"), MachineId { hostname: None, ip: Some("192.0.2.7".to_owned()) }];
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
