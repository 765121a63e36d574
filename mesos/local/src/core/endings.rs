//! Executors are shut down, are killed, and end.

use std::time::Duration;

use bytes::Bytes;
use mesos::{
    duration::MesosDuration,
    v1::{
        ExecutorInfo, TaskState, TaskStatus,
        executor::{self, Event},
        scheduler::{self, event::Failure},
        task_status::{Reason, Source},
    },
};
use uuid::Uuid;

use super::{
    Core, Output,
    executor::{Ending, ExecutorKey, Phase},
};

/// Wait status of a container whose launch failed, as the real agent reports it.
const NOT_LAUNCHED: i32 = 1 << 8;

impl Core {
    /// Asks an executor to end and gives it its grace.
    pub(super) fn shut_down(&mut self, key: &ExecutorKey) {
        let default = self.options.shutdown_grace;
        let Some(executor) = self.executors.get_mut(key) else { return };
        if matches!(executor.phase, Phase::Terminating(_)) {
            return;
        }
        executor.phase = Phase::Terminating(Some(self.now.uptime + grace(&executor.info, default)));
        self.tell_executor(
            key,
            Event { r#type: Some(executor::event::Type::Shutdown.into()), ..Event::default() },
        );
    }

    /// Kills those that did not subscribe or did not end in time.
    pub(super) fn end_overdue_executors(&mut self) {
        let (now, timeout) = (self.now.uptime, MesosDuration(self.options.registration_timeout));
        for executor in self
            .executors
            .values_mut()
            .filter(|executor| executor.deadline().is_some_and(|at| at <= now))
        {
            if matches!(executor.phase, Phase::Registering(_)) {
                let why = format!("Executor did not register within {timeout}");
                executor.ended_for = Some((Reason::ExecutorRegistrationTimeout, why));
            }
            executor.phase = Phase::Terminating(None);
            self.outputs.push(Output::Kill(executor.container));
        }
    }

    /// The container's process runs.
    pub(crate) fn container_started(&mut self, container: Uuid, pid: u32) {
        if let Some(executor) =
            self.executors.values_mut().find(|executor| executor.container == container)
        {
            executor.pid = Some(pid);
        }
    }

    /// The container is gone: its tasks that had not ended have failed.
    pub(crate) fn container_ended(&mut self, container: Uuid, ending: Ending) {
        let found = self.executors.iter().find(|(_, executor)| executor.container == container);
        let Some(key) = found.map(|(key, _)| key.clone()) else { return };
        let Some(executor) = self.executors.remove(&key) else { return };
        self.outputs.extend(executor.stream.map(Output::Close));
        let (status, reason) = match ending {
            Ending::Exited(status) => {
                (status, (Reason::ExecutorTerminated, "Executor terminated".into()))
            }
            Ending::NotLaunched(why) => (
                NOT_LAUNCHED,
                (Reason::ContainerLaunchFailed, format!("Failed to launch container: {why}")),
            ),
        };
        let (reason, why) = executor.ended_for.unwrap_or(reason);
        let Some(framework) = self.frameworks.get(&key.framework) else { return };
        let alive =
            framework.tasks.iter().filter(|(_, task)| task.executor == key && !task.is_terminal());
        let tasks: Vec<String> = alive.map(|(id, _)| id.clone()).collect();
        if let Some(stream) = framework.stream {
            self.send(stream, failure(&self.agents[key.agent].id, &key.executor, status));
        }
        for task in tasks {
            self.agent_update(&key, &task, TaskState::TaskFailed, reason, &why);
        }
    }

    /// A status update that the agent itself makes.
    pub(super) fn agent_update(
        &mut self,
        key: &ExecutorKey,
        task: &str,
        state: TaskState,
        reason: Reason,
        why: &str,
    ) {
        let uuid = self.ids.uuid();
        let status = TaskStatus {
            task_id: task.into(),
            state: state.into(),
            message: Some(why.to_owned()),
            source: Some(Source::Agent.into()),
            reason: Some(reason.into()),
            agent_id: Some(self.agents[key.agent].id.as_str().into()),
            executor_id: Some(key.executor.as_str().into()),
            timestamp: Some(self.now.unix),
            uuid: Some(Bytes::copy_from_slice(uuid.as_bytes())),
            ..TaskStatus::default()
        };
        self.handle_update(&key.framework, status);
    }
}

/// How long an executor may take to end after SHUTDOWN.
pub(super) fn grace(info: &ExecutorInfo, default: Duration) -> Duration {
    let own = info
        .shutdown_grace_period
        .as_ref()
        .map(|period| period.nanoseconds.try_into().unwrap_or_default());
    own.map_or(default, Duration::from_nanos)
}

fn failure(agent: &str, executor: &str, status: i32) -> scheduler::Event {
    let failure = Failure {
        agent_id: Some(agent.into()),
        executor_id: Some(executor.into()),
        status: Some(status),
    };
    scheduler::Event {
        r#type: Some(scheduler::event::Type::Failure.into()),
        failure: Some(failure),
        ..scheduler::Event::default()
    }
}
