//! Executors subscribe and speak.

use mesos::v1::{
    ContainerStatus, NetworkInfo, TaskInfo, TaskState,
    executor::{
        Call, Event,
        call::{self, Subscribe, Update},
        event::{self, Launch, Subscribed},
    },
    network_info::{IpAddress, Protocol},
    scheduler,
    task_status::Reason,
};
use uuid::Uuid;

use super::{
    Core, Output, Refusal, calls,
    executor::{ExecutorKey, Phase},
};

impl Core {
    /// A call of an executor to the agent with that index. `stream` carries the events of a
    /// SUBSCRIBE.
    pub(crate) fn executor_call(
        &mut self,
        agent: usize,
        call: Call,
        stream: Uuid,
    ) -> Result<(), Refusal> {
        let kind = calls::executor_kind(&call)?;
        let framework = call.framework_id.value;
        if !self.executors.keys().any(|key| key.agent == agent && key.framework == framework) {
            return Err(Refusal::BadRequest("Framework cannot be found".into()));
        }
        let key = ExecutorKey { framework, executor: call.executor_id.value, agent };
        let Some(executor) = self.executors.get(&key) else {
            return Err(Refusal::BadRequest("Executor cannot be found".into()));
        };
        let registering = matches!(executor.phase, Phase::Registering(_));
        match kind {
            call::Type::Subscribe => {
                self.executor_subscribed(&key, stream, call.subscribe.unwrap_or_default());
            }
            call::Type::Heartbeat => {}
            _ if registering => return Err(Refusal::Forbidden("Executor is not subscribed")),
            call::Type::Update => self.executor_update(&key, call.update.unwrap_or_default()),
            _ => self.message_to_scheduler(&key, call.message.unwrap_or_default().data),
        }
        Ok(())
    }

    fn executor_subscribed(&mut self, key: &ExecutorKey, stream: Uuid, call: Subscribe) {
        let Some(executor) = self.executors.get_mut(key) else { return };
        let old = executor.stream.replace(stream);
        let unwanted = !executor.used && executor.queued.is_empty();
        let terminating = matches!(executor.phase, Phase::Terminating(_));
        self.outputs.extend(old.map(Output::Close));
        if terminating {
            self.tell_executor(
                key,
                Event { r#type: Some(event::Type::Shutdown.into()), ..Event::default() },
            );
            return;
        }
        if unwanted {
            self.shut_down(key);
            return;
        }
        let Some(executor) = self.executors.get_mut(key) else { return };
        executor.phase = Phase::Running;
        let queued = std::mem::take(&mut executor.queued);
        let launched_before = executor.used;
        let subscribed = Subscribed {
            executor_info: executor.info.clone(),
            framework_info: executor.framework.clone(),
            container_id: Some(executor.container.to_string().into()),
            agent_info: self.agent_info(key.agent),
        };
        let event = Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(subscribed),
            ..Event::default()
        };
        self.tell_executor(key, event);
        for update in call.unacknowledged_updates {
            self.executor_update(key, update);
        }
        if launched_before {
            self.drop_unseen_tasks(key, &call.unacknowledged_tasks, &queued);
        }
        for task in queued {
            self.launch_on(key, task);
        }
    }

    /// Tasks that were sent while the executor was away never reached it.
    fn drop_unseen_tasks(&mut self, key: &ExecutorKey, seen: &[TaskInfo], queued: &[TaskInfo]) {
        let Some(framework) = self.frameworks.get(&key.framework) else { return };
        let known = |id: &str| seen.iter().chain(queued).any(|task| task.task_id.value == id);
        let staging = framework.tasks.iter().filter(|(id, task)| {
            task.executor == *key && task.state == TaskState::TaskStaging && !known(id)
        });
        let ids: Vec<String> = staging.map(|(id, _)| id.clone()).collect();
        let state = framework.lost_or(TaskState::TaskDropped);
        for id in ids {
            let why = "Task launched during agent restart";
            self.agent_update(key, &id, state, Reason::AgentRestarted, why);
        }
    }

    /// Hands a task to a running executor.
    pub(super) fn launch_on(&mut self, key: &ExecutorKey, task: TaskInfo) {
        let Some(executor) = self.executors.get_mut(key) else { return };
        executor.used = true;
        let launch = Some(Launch { task });
        self.tell_executor(
            key,
            Event { r#type: Some(event::Type::Launch.into()), launch, ..Event::default() },
        );
    }

    /// Sends an event if the executor is connected; an event to one that is not is lost.
    pub(super) fn tell_executor(&mut self, key: &ExecutorKey, event: Event) {
        if let Some(stream) = self.executors.get(key).and_then(|executor| executor.stream) {
            self.outputs.push(Output::Executor(stream, Box::new(event)));
        }
    }

    fn executor_update(&mut self, key: &ExecutorKey, update: Update) {
        let agent_id = self.agents[key.agent].id.as_str().into();
        let mut status = update.status;
        if status.agent_id.as_ref().is_some_and(|claimed| *claimed != agent_id) {
            tracing::warn!(task = %status.task_id, "Dropped a status update that names another agent");
            return;
        }
        status.agent_id = Some(agent_id);
        status.timestamp = status.timestamp.or(Some(self.now.unix));
        let known = self
            .frameworks
            .get(&key.framework)
            .is_some_and(|it| it.tasks.contains_key(&status.task_id.value));
        if known {
            status.container_status =
                Some(self.container_status(key, status.container_status.take()));
        }
        let acknowledged = event::Acknowledged {
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().unwrap_or_default(),
        };
        self.handle_update(&key.framework, status);
        let event = Event {
            r#type: Some(event::Type::Acknowledged.into()),
            acknowledged: Some(acknowledged),
            ..Event::default()
        };
        self.tell_executor(key, event);
    }

    fn container_status(
        &self,
        key: &ExecutorKey,
        given: Option<ContainerStatus>,
    ) -> ContainerStatus {
        let mut status = given.unwrap_or_default();
        let executor = self.executors.get(key);
        status.container_id = executor.map(|executor| executor.container.to_string().into());
        status.executor_pid = executor.and_then(|executor| executor.pid);
        if status.network_infos.is_empty() {
            let ip_address = Some(self.address.ip().to_string());
            let address = IpAddress { protocol: Some(Protocol::IPv4.into()), ip_address };
            status.network_infos =
                vec![NetworkInfo { ip_addresses: vec![address], ..NetworkInfo::default() }];
        }
        status
    }

    fn message_to_scheduler(&mut self, key: &ExecutorKey, data: bytes::Bytes) {
        let Some(stream) =
            self.frameworks.get(&key.framework).and_then(|framework| framework.stream)
        else {
            return;
        };
        let message = scheduler::event::Message {
            agent_id: self.agents[key.agent].id.as_str().into(),
            executor_id: key.executor.as_str().into(),
            data,
        };
        let event = scheduler::Event {
            r#type: Some(scheduler::event::Type::Message.into()),
            message: Some(message),
            ..scheduler::Event::default()
        };
        self.send(stream, event);
    }
}
