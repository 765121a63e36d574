//! The state machine without a network, a process or a clock. What Mesos demands of it is in the
//! conformance suite; here is what only time or many steps can show.

mod accounting;
mod timing;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use mesos::{
    resources::scalar,
    status::new_uuid,
    v1::{
        CommandInfo, Environment, ExecutorInfo, Filters, FrameworkInfo, Offer, OfferFilters,
        TaskInfo, TaskState, TaskStatus,
        environment::{Variable, variable},
        executor,
        offer::{Operation, operation},
        offer_filters,
        scheduler::{
            self, Call, OfferConstraints,
            call::{self, Accept, Acknowledge, Decline, Subscribe, Type},
            offer_constraints::RoleConstraints,
        },
        task_status::Source,
        value,
    },
};
use uuid::Uuid;

use super::{Core, Ending, Now, Output, Refusal};
use crate::options::LocalOptions;

/// A cluster and one framework, driven by hand.
struct Bench {
    core: Core,
    uptime: Duration,
    framework: String,
    offer_filters: BTreeMap<String, OfferFilters>,
    stream: Uuid,
    events: Vec<scheduler::Event>,
    launched: Vec<super::Container>,
    killed: Vec<Uuid>,
    closed: Vec<Uuid>,
    to_executors: Vec<executor::Event>,
}

impl Bench {
    fn new(options: LocalOptions) -> Self {
        let now = Now { uptime: Duration::ZERO, unix: 0.0 };
        let core = Core::new(options, ([127, 0, 0, 1], 5050).into(), Uuid::new_v4(), now);
        Self {
            core,
            uptime: Duration::ZERO,
            framework: String::new(),
            offer_filters: BTreeMap::new(),
            stream: Uuid::new_v4(),
            events: Vec::new(),
            launched: Vec::new(),
            killed: Vec::new(),
            closed: Vec::new(),
            to_executors: Vec::new(),
        }
    }

    /// A cluster to which a framework with that failover timeout has subscribed.
    fn subscribed(options: LocalOptions, failover_timeout: f64) -> Self {
        let mut bench = Self::new(options);
        bench.subscribe(failover_timeout);
        bench
    }

    fn subscribe(&mut self, failover_timeout: f64) {
        let id = (!self.framework.is_empty()).then(|| self.framework.as_str().into());
        let info = FrameworkInfo {
            user: "me".into(),
            id: id.clone(),
            failover_timeout: Some(failover_timeout),
            offer_filters: self.offer_filters.clone(),
            ..FrameworkInfo::default()
        };
        let subscribe = Some(Subscribe { framework_info: info, ..Subscribe::default() });
        let call = Call {
            r#type: Some(Type::Subscribe.into()),
            framework_id: id,
            subscribe,
            ..Call::default()
        };
        self.stream = Uuid::new_v4();
        self.core.scheduler_call(call, self.stream, None).unwrap();
        self.collect();
        let subscribed = self.events.iter().rev().find_map(|event| event.subscribed.as_ref());
        if let Some(subscribed) = subscribed {
            self.framework.clone_from(&subscribed.framework_id.value);
        }
    }

    fn collect(&mut self) {
        for output in self.core.take_outputs() {
            match output {
                Output::Scheduler(stream, event) if stream == self.stream => {
                    self.events.push(*event);
                }
                Output::Scheduler(..) => {}
                Output::Executor(_, event) => self.to_executors.push(*event),
                Output::Close(stream) => self.closed.push(stream),
                Output::Launch(container) => self.launched.push(*container),
                Output::Kill(container) => self.killed.push(container),
            }
        }
    }

    /// Lets time pass, and does everything when it is due.
    fn pass(&mut self, seconds: f64) {
        let end = self.uptime + Duration::from_secs_f64(seconds);
        while self.core.next_deadline() <= end {
            self.uptime = self.core.next_deadline().max(self.uptime);
            self.core.at(Now { uptime: self.uptime, unix: 0.0 }).tick();
            self.collect();
        }
        self.uptime = end;
        self.core.at(Now { uptime: end, unix: 0.0 });
    }

    fn call(&mut self, call: Call) -> Result<(), Refusal> {
        let call = Call { framework_id: Some(self.framework.as_str().into()), ..call };
        let stream = self.stream.to_string();
        let answer = self.core.scheduler_call(call, Uuid::new_v4(), Some(&stream));
        self.collect();
        answer
    }

    fn decline(&mut self, refuse_seconds: f64) {
        let offer_ids = self.take_offers().into_iter().map(|offer| offer.id).collect();
        let decline = Some(Decline {
            offer_ids,
            filters: Some(Filters { refuse_seconds: Some(refuse_seconds) }),
        });
        self.call(Call { r#type: Some(Type::Decline.into()), decline, ..Call::default() }).unwrap();
    }

    fn revive(&mut self) {
        self.call(Call { r#type: Some(Type::Revive.into()), ..Call::default() }).unwrap();
    }

    fn launch(&mut self, offer: Offer, tasks: Vec<TaskInfo>) {
        let launch = Some(operation::Launch { task_infos: tasks });
        let operation = Operation {
            r#type: Some(operation::Type::Launch.into()),
            launch,
            ..Operation::default()
        };
        let accept = Accept {
            offer_ids: vec![offer.id],
            operations: vec![operation],
            filters: Some(Filters { refuse_seconds: Some(0.0) }),
        };
        self.call(Call {
            r#type: Some(Type::Accept.into()),
            accept: Some(accept),
            ..Call::default()
        })
        .unwrap();
    }

    /// Launches one task, and has its executor started and subscribed.
    fn launch_running(&mut self, id: &str) {
        let offer = self.take_offers().remove(0);
        let task = task(id, &offer);
        self.launch(offer, vec![task]);
        self.core.container_started(self.launched.last().unwrap().id, 1);
        self.executor(executor::call::Type::Subscribe, None).unwrap();
        self.update(id, TaskState::TaskRunning);
    }

    /// A call of the executor that was launched last.
    fn executor(
        &mut self,
        kind: executor::call::Type,
        update: Option<TaskStatus>,
    ) -> Result<(), Refusal> {
        let key = self.launched.last().unwrap().key.clone();
        let call = executor::Call {
            executor_id: key.executor.into(),
            framework_id: key.framework.into(),
            r#type: Some(kind.into()),
            subscribe: Some(executor::call::Subscribe::default()),
            update: update.map(|status| executor::call::Update { status }),
            message: None,
        };
        let answer = self.core.executor_call(key.agent, call, Uuid::new_v4());
        self.collect();
        answer
    }

    fn update(&mut self, task: &str, state: TaskState) {
        let status = TaskStatus {
            task_id: task.into(),
            state: state.into(),
            source: Some(Source::Executor.into()),
            uuid: Some(new_uuid()),
            ..TaskStatus::default()
        };
        self.executor(executor::call::Type::Update, Some(status)).unwrap();
    }

    fn acknowledge(&mut self, status: &TaskStatus) {
        let acknowledge = Some(Acknowledge {
            agent_id: status.agent_id.clone().unwrap(),
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().unwrap(),
        });
        self.call(Call { r#type: Some(Type::Acknowledge.into()), acknowledge, ..Call::default() })
            .unwrap();
    }

    fn end(&mut self, status: i32) {
        self.core.container_ended(self.launched.last().unwrap().id, Ending::Exited(status));
        self.collect();
    }

    fn take_offers(&mut self) -> Vec<Offer> {
        self.take(|event| event.offers.clone())
            .into_iter()
            .flat_map(|offers| offers.offers)
            .collect()
    }

    fn take_updates(&mut self) -> Vec<TaskStatus> {
        self.take(|event| event.update.clone()).into_iter().map(|update| update.status).collect()
    }

    fn take_uuids(&mut self) -> Vec<Bytes> {
        self.take_updates().into_iter().filter_map(|status| status.uuid).collect()
    }

    fn take<T>(&mut self, of: impl Fn(&scheduler::Event) -> Option<T>) -> Vec<T> {
        let taken = self.events.iter().filter_map(&of).collect();
        self.events.retain(|event| of(event).is_none());
        taken
    }
}

/// A task with an executor of its own: together 1 CPU and 128 MB.
fn task(id: &str, offer: &Offer) -> TaskInfo {
    let command = Some(CommandInfo { value: Some("true".into()), ..CommandInfo::default() });
    let executor = ExecutorInfo {
        executor_id: id.into(),
        command,
        resources: vec![scalar("cpus", 0.5), scalar("mem", 64.0)],
        ..ExecutorInfo::default()
    };
    TaskInfo {
        task_id: id.into(),
        agent_id: offer.agent_id.clone(),
        resources: vec![scalar("cpus", 0.5), scalar("mem", 64.0)],
        executor: Some(executor),
        ..TaskInfo::default()
    }
}

#[test]
fn what_the_local_mesos_does_not_do_is_refused_by_name() {
    let mut bench = Bench::subscribed(LocalOptions::default(), 0.0);
    let reserve =
        Operation { r#type: Some(operation::Type::Reserve.into()), ..Operation::default() };
    let accept = Some(Accept { operations: vec![reserve], ..Accept::default() });
    let refused = bench.call(Call { r#type: Some(Type::Accept.into()), accept, ..Call::default() });
    let message = "The local Mesos does LAUNCH operations only, not RESERVE";
    assert_eq!(refused, Err(Refusal::NotImplemented(message.into())));
    let update = call::UpdateFramework::default();
    let call = Call {
        r#type: Some(Type::UpdateFramework.into()),
        update_framework: Some(update),
        ..Call::default()
    };
    let message = "The local Mesos does not do UPDATE_FRAMEWORK calls";
    assert_eq!(bench.call(call), Err(Refusal::NotImplemented(message.into())));
}

#[test]
fn a_framework_gets_no_offers_of_less_than_it_says_it_needs() {
    let options = LocalOptions {
        cpus: 4.0,
        mem_mb: 1000.0,
        ports: (31000, 31009),
        ..LocalOptions::default()
    };
    for (needs, is_offered) in [
        (("mem", 1000.0), true),
        (("mem", 1000.5), false),
        (("ports", 10.0), true),
        (("ports", 11.0), false),
        (("gpus", 1.0), false),
    ] {
        let quantities = [(needs.0.to_owned(), value::Scalar { value: needs.1 })].into();
        let quantities = vec![offer_filters::ResourceQuantities { quantities }];
        let least = offer_filters::MinAllocatableResources { quantities };
        let filters = OfferFilters { min_allocatable_resources: Some(least) };
        let mut bench = Bench::new(options.clone());
        bench.offer_filters = [("*".to_owned(), filters)].into();
        bench.subscribe(0.0);
        assert_eq!(!bench.take_offers().is_empty(), is_offered, "{needs:?}");
    }
}

#[test]
fn a_framework_that_wants_its_agents_chosen_for_it_is_refused() {
    let mut bench = Bench::new(LocalOptions::default());
    let constraints = OfferConstraints {
        role_constraints: [("*".to_owned(), RoleConstraints::default())].into(),
    };
    let subscribe =
        Some(Subscribe { offer_constraints: Some(constraints), ..Subscribe::default() });
    let call = Call { r#type: Some(Type::Subscribe.into()), subscribe, ..Call::default() };
    let message = "The local Mesos does not do offer constraints".to_owned();
    assert_eq!(
        bench.core.scheduler_call(call, bench.stream, None),
        Err(Refusal::NotImplemented(message))
    );
}

#[test]
fn a_task_that_cannot_be_run_here_is_an_error_that_says_why() {
    let mut bench = Bench::subscribed(LocalOptions::default(), 0.0);
    let offer = bench.take_offers().remove(0);
    let command = TaskInfo {
        executor: None,
        command: Some(CommandInfo::default()),
        ..task("command", &offer)
    };
    let mut image = task("image", &offer);
    image.container = Some(mesos::v1::ContainerInfo {
        r#type: mesos::v1::container_info::Type::Docker.into(),
        ..mesos::v1::ContainerInfo::default()
    });
    let mut secret = task("secret", &offer);
    let variable = Variable {
        name: "PASSWORD".into(),
        r#type: Some(variable::Type::Secret.into()),
        ..Variable::default()
    };
    let with = secret.executor.as_mut().unwrap().command.as_mut().unwrap();
    with.environment = Some(Environment { variables: vec![variable] });
    bench.launch(offer, vec![command, image, secret]);
    let updates = bench.take_updates();
    assert!(
        updates
            .iter()
            .all(|status| status.state() == TaskState::TaskError && status.uuid.is_none())
    );
    let messages: Vec<&str> = updates.iter().map(TaskStatus::message).collect();
    assert_eq!(
        messages,
        [
            "The local Mesos launches tasks with an executor only, no command tasks",
            "The local Mesos runs plain processes, no container with Docker",
            "The local Mesos does not do secrets: environment variable PASSWORD",
        ]
    );
}
