//! A core with a store that answers at once, and offers for it.

use std::{collections::BTreeMap, time::Duration};

use mesos::v1::{self, TaskState, value};
use scheduler::core::{
    Core, Settings,
    constraint::Constraint,
    ids::{Moment, WorkerId},
    message::{Input, Output},
    resources::Demand,
    state::{Move, State},
    worker::Patience,
};

/// The core, with the outputs for Mesos.
pub(crate) struct Cluster {
    core: Core,
}

impl Cluster {
    /// A cluster with this many wanted workers.
    pub(crate) fn new(constraints: &str, workers: usize) -> Self {
        let part = |cpus: f64, mem: f64| {
            BTreeMap::from([("cpus".to_owned(), cpus), ("mem".to_owned(), mem)])
        };
        let ports = vec!["taskmanager.data.port".into(), "taskmanager.rpc.port".into()];
        let settings = Settings {
            demand: Demand {
                task: part(1.0, 1024.0),
                executor: part(0.1, 32.0),
                ports,
                privileged: false,
            },
            constraints: Constraint::parse_list(constraints).unwrap(),
            decline: Duration::from_secs(5),
            decline_small: Duration::from_secs(300),
            patience: Patience::default(),
            moving: Move::default(),
            origin: std::sync::Arc::default(),
            registration: scheduler::core::state::Registration::default(),
            avoided_share: 0.25,
        };
        let mut this =
            Self { core: Core::new(settings, State::fresh("0badcafe".to_owned()), Moment(0), 7) };
        this.target(workers);
        this.feed(Input::Subscribed("F".to_owned()));
        this
    }

    /// Changes the number of wanted workers.
    pub(crate) fn target(&mut self, workers: usize) {
        self.feed(Input::Target(workers));
    }

    /// The outputs for an input; writes are durable at once.
    pub(crate) fn feed(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        let mut last = None;
        for output in self.core.handle(Moment(1), input) {
            match output {
                Output::Store(number, _) => last = Some(number),
                other => outputs.push(other),
            }
        }
        if let Some(number) = last {
            outputs.extend(self.feed(Input::Stored(number)));
        }
        outputs
    }

    /// Reports every worker as running and lists it.
    pub(crate) fn all_run(&mut self) {
        let ids: Vec<WorkerId> = self.core.workers().keys().cloned().collect();
        for id in &ids {
            let status = v1::TaskStatus {
                task_id: v1::TaskId { value: id.as_str().to_owned() },
                state: TaskState::TaskRunning.into(),
                ..Default::default()
            };
            self.feed(Input::Status(Box::new(status)));
        }
        self.feed(Input::Registered(ids.into_iter().collect()));
    }
}

/// Number of launched workers.
pub(crate) fn launched(outputs: &[Output]) -> usize {
    let of = |output: &Output| {
        if let Output::Accept { launches, .. } = output { launches.len() } else { 0 }
    };
    outputs.iter().map(of).sum()
}

/// Offers of this many agents: all of one size, or of sizes from half a worker to four workers.
pub(crate) fn offers(agents: usize, same: bool) -> Vec<v1::Offer> {
    (0..agents)
        .map(|number| offer(number, if same { 8 } else { [8, 1, 16, 2, 4, 8, 32, 4][number % 8] }))
        .collect()
}

fn offer(number: usize, cpus: u32) -> v1::Offer {
    let scalar = |name: &str, value: f64| v1::Resource {
        name: name.to_owned(),
        r#type: value::Type::Scalar.into(),
        scalar: Some(value::Scalar { value }),
        role: Some("*".to_owned()),
        ..Default::default()
    };
    let range = vec![value::Range { begin: 31000, end: 31999 }];
    let ports = v1::Resource {
        name: "ports".to_owned(),
        r#type: value::Type::Ranges.into(),
        ranges: Some(value::Ranges { range }),
        ..Default::default()
    };
    let name = |kind: &str, of: usize| v1::domain_info::fault_domain::ZoneInfo {
        name: format!("{kind}{}", number % of),
    };
    let text = Some(value::Text { value: format!("r{}", number % 50) });
    v1::Offer {
        id: v1::OfferId { value: format!("offer-{number}") },
        framework_id: v1::FrameworkId { value: "F".to_owned() },
        agent_id: v1::AgentId { value: format!("agent-{number}") },
        hostname: format!("host-{number}"),
        resources: vec![
            scalar("cpus", f64::from(cpus)),
            scalar("mem", f64::from(cpus) * 4096.0),
            scalar("disk", 100_000.0),
            ports,
        ],
        attributes: vec![v1::Attribute { name: "rack".to_owned(), text, ..Default::default() }],
        domain: Some(v1::DomainInfo {
            fault_domain: Some(v1::domain_info::FaultDomain {
                region: v1::domain_info::fault_domain::RegionInfo { name: "here".to_owned() },
                zone: name("z", 3),
            }),
        }),
        ..Default::default()
    }
}
