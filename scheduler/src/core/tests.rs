//! Tests of the core's promises: each by itself, and all of them under random events. This file has
//! the harness.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ending;
mod framework;
mod life;
mod moving;
mod offers;
mod promises;
mod reconciliation;
mod registration;
mod releasing;
mod silence;
mod statuses;
mod takeover;
mod unreachable;

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
    sync::Arc,
    time::Duration,
};

use mesos::v1::{self, TaskState, value};

use super::{
    Core, Settings,
    constraint::Constraint,
    ids::{Moment, WorkerId},
    message::{Input, Launch, Notice, Output},
    origin::Origin,
    resources::Demand,
    state::{Change, Move, Registration, State, WorkerRecord},
    worker::{Patience, Phase},
};

/// The core with a store that answers at once unless it is set to wait, and a record of all
/// outputs.
struct Harness {
    core: Core,
    now: Moment,
    state: State,
    hold_stores: bool,
    held: Vec<(u64, Vec<Change>)>,
    outputs: Vec<Output>,
}

/// Settings for small workers with one port.
pub(super) fn settings(constraints: &str) -> Settings {
    let part =
        |cpus: f64, mem: f64| BTreeMap::from([("cpus".to_owned(), cpus), ("mem".to_owned(), mem)]);
    let demand = Demand {
        task: part(1.0, 1000.0),
        executor: part(0.1, 32.0),
        ports: vec!["p".into()],
        privileged: false,
    };
    Settings {
        demand,
        constraints: Constraint::parse_list(constraints).unwrap(),
        decline: Duration::from_secs(5),
        decline_small: Duration::from_secs(300),
        patience: Patience::default(),
        moving: Move::default(),
        origin: Arc::default(),
        registration: Registration::default(),
        avoided_share: 0.25,
    }
}

impl Harness {
    fn new(state: State) -> Self {
        Self::with(state, settings(""))
    }

    fn with(state: State, settings: Settings) -> Self {
        let core = Core::new(settings, state.clone(), Moment(0), 7);
        Self {
            core,
            now: Moment(0),
            state,
            hold_stores: false,
            held: Vec::new(),
            outputs: Vec::new(),
        }
    }

    fn subscribed(target: usize) -> Self {
        Self::constrained(target, "")
    }

    fn constrained(target: usize, constraints: &str) -> Self {
        Self::subscribed_with(target, settings(constraints))
    }

    fn subscribed_with(target: usize, settings: Settings) -> Self {
        let mut harness = Self::with(State::fresh("e".to_owned()), settings);
        harness.feed(Input::Target(target));
        harness.feed(Input::Subscribed("F".to_owned()));
        harness
    }

    /// The outputs for `input`, without writes to the store.
    fn feed(&mut self, input: Input) -> Vec<Output> {
        let mut inputs = vec![input];
        let mut asked = Vec::new();
        while let Some(input) = inputs.pop() {
            for output in self.core.handle(self.now, input) {
                match output {
                    Output::Store(number, changes) if self.hold_stores => {
                        self.held.push((number, changes));
                    }
                    Output::Store(number, changes) => {
                        for change in &changes {
                            self.state.apply(change);
                        }
                        inputs.insert(0, Input::Stored(number));
                    }
                    other => asked.push(other),
                }
            }
        }
        self.outputs.extend(asked.iter().cloned());
        asked
    }

    fn release_stores(&mut self) -> Vec<Output> {
        self.hold_stores = false;
        let mut asked = Vec::new();
        for (number, changes) in std::mem::take(&mut self.held) {
            for change in &changes {
                self.state.apply(change);
            }
            asked.extend(self.feed(Input::Stored(number)));
        }
        asked
    }

    fn wait(&mut self, seconds: u64) -> Vec<Output> {
        self.now = self.now.after(Duration::from_secs(seconds));
        self.feed(Input::Tick)
    }

    /// Offers room for `workers` on `agent` and returns the workers launched there.
    fn launch_on(&mut self, agent: &str, workers: u32) -> Vec<WorkerId> {
        let asked = self.feed(Input::Offers(vec![offer(agent, agent, workers)]));
        launches(&asked).into_iter().map(|launch| launch.worker).collect()
    }

    fn running(&mut self, agent: &str) -> WorkerId {
        let worker = self.launch_on(agent, 1).pop().unwrap();
        self.feed(Input::Status(boxed(&worker, TaskState::TaskRunning)));
        worker
    }
}

fn offer(id: &str, agent: &str, workers: u32) -> v1::Offer {
    let scalar = |name: &str, value: f64| v1::Resource {
        name: name.to_owned(),
        scalar: Some(value::Scalar { value }),
        ..Default::default()
    };
    let range = vec![value::Range { begin: 31000, end: 31099 }];
    let ports = v1::Resource {
        name: "ports".to_owned(),
        ranges: Some(value::Ranges { range }),
        ..Default::default()
    };
    let room = f64::from(workers);
    v1::Offer {
        id: v1::OfferId { value: id.to_owned() },
        agent_id: v1::AgentId { value: agent.to_owned() },
        hostname: format!("host-{agent}"),
        resources: vec![scalar("cpus", 1.1 * room), scalar("mem", 1032.0 * room), ports],
        ..Default::default()
    }
}

fn status(worker: &WorkerId, state: TaskState) -> v1::TaskStatus {
    v1::TaskStatus {
        task_id: v1::TaskId { value: worker.as_str().to_owned() },
        agent_id: Some(v1::AgentId { value: "A".to_owned() }),
        state: state.into(),
        uuid: Some(bytes::Bytes::from_static(b"0123456789abcdef")),
        ..Default::default()
    }
}

fn with_attribute(offer: v1::Offer, name: &str, value: &str) -> v1::Offer {
    let text = Some(value::Text { value: value.to_owned() });
    let attribute = v1::Attribute { name: name.to_owned(), text, ..Default::default() };
    v1::Offer { attributes: vec![attribute], ..offer }
}

fn boxed(worker: &WorkerId, state: TaskState) -> Box<v1::TaskStatus> {
    Box::new(status(worker, state))
}

fn launches(outputs: &[Output]) -> Vec<Launch> {
    let accepted = outputs.iter().filter_map(|output| match output {
        Output::Accept { launches, .. } => Some(launches.clone()),
        _ => None,
    });
    accepted.flatten().collect()
}

fn kills(outputs: &[Output]) -> Vec<WorkerId> {
    let killed = outputs.iter().filter_map(|output| match output {
        Output::Kill { worker, .. } => Some(worker.clone()),
        _ => None,
    });
    killed.collect()
}

fn has(outputs: &[Output], wanted: impl Fn(&Output) -> bool) -> bool {
    outputs.iter().any(wanted)
}
