//! A core with a store that answers at once, and offers for it.

use std::{collections::BTreeMap, time::Duration};

use mesos::v1::{self, TaskState, value};
use scheduler::core::{
    Core, Settings,
    constraint::Constraint,
    message::{Input, Moment, Move, Output, State, WorkerId},
    resources::Demand,
    worker::Patience,
};

/// The core, and what it would have told Mesos.
pub(crate) struct Cluster {
    core: Core,
}

impl Cluster {
    /// A cluster that wants so many workers.
    pub(crate) fn new(constraints: &str, workers: usize) -> Self {
        let part = |cpus: f64, mem: f64| BTreeMap::from([("cpus".to_owned(), cpus), ("mem".to_owned(), mem)]);
        let ports = vec!["taskmanager.data.port".into(), "taskmanager.rpc.port".into()];
        let settings = Settings {
            demand: Demand { task: part(1.0, 1024.0), executor: part(0.1, 32.0), ports, privileged: false },
            constraints: Constraint::parse_list(constraints).unwrap(),
            decline: Duration::from_secs(5),
            hopeless: Duration::from_secs(300),
            patience: Patience::default(),
            moving: Move::default(),
            origin: std::sync::Arc::default(),
            registration: scheduler::core::message::Registration::default(),
            avoided_share: 0.25,
        };
        let mut this = Self { core: Core::new(settings, State::fresh("0badcafe".to_owned()), Moment(0), 7) };
        this.target(workers);
        this.tell(Input::Subscribed("F".to_owned()));
        this
    }

    /// So many are wanted.
    pub(crate) fn target(&mut self, workers: usize) {
        self.tell(Input::Target(workers));
    }

    /// What is asked for in answer; what is stored is durable at once.
    pub(crate) fn tell(&mut self, input: Input) -> Vec<Output> {
        let mut outputs = Vec::new();
        let mut last = None;
        for output in self.core.handle(Moment(1), input) {
            match output {
                Output::Store(number, _) => last = Some(number),
                other => outputs.push(other),
            }
        }
        if let Some(number) = last {
            outputs.extend(self.tell(Input::Stored(number)));
        }
        outputs
    }

    /// Every worker is told to run, and is listed.
    pub(crate) fn all_run(&mut self) {
        let ids: Vec<WorkerId> = self.core.workers().keys().cloned().collect();
        for id in &ids {
            let status = v1::TaskStatus {
                task_id: v1::TaskId { value: id.as_str().to_owned() },
                state: TaskState::TaskRunning.into(),
                ..Default::default()
            };
            self.tell(Input::Status(Box::new(status)));
        }
        self.tell(Input::Registered(ids.into_iter().collect()));
    }
}

/// How many workers were launched.
pub(crate) fn launched(outputs: &[Output]) -> usize {
    let of = |output: &Output| if let Output::Accept { launches, .. } = output { launches.len() } else { 0 };
    outputs.iter().map(of).sum()
}

/// Offers of so many agents, all of one size, or of sizes between half a worker and four.
pub(crate) fn offers(agents: usize, same: bool) -> Vec<v1::Offer> {
    (0..agents).map(|number| offer(number, if same { 8 } else { [8, 1, 16, 2, 4, 8, 32, 4][number % 8] })).collect()
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
    let name =
        |kind: &str, of: usize| v1::domain_info::fault_domain::ZoneInfo { name: format!("{kind}{}", number % of) };
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
