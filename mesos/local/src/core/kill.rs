//! KILL, SHUTDOWN and MESSAGE: what a scheduler sends on to an executor.

use mesos::v1::{
    TaskState,
    executor::{
        Event,
        event::{self, Kill, Message},
    },
    scheduler::call,
    task_status::Reason,
};

use super::{
    Core,
    executor::{ExecutorKey, Phase},
};

impl Core {
    /// KILL: for an unknown task, the scheduler gets a status that says so.
    pub(super) fn kill(&mut self, framework: &str, call: call::Kill) {
        let id = &call.task_id.value;
        let Some(task) =
            self.frameworks.get(framework).and_then(|framework| framework.tasks.get(id))
        else {
            let status = self.reconciled(framework, id, call.agent_id.as_ref());
            self.send_status(framework, status);
            return;
        };
        let key = task.executor.clone();
        let elsewhere =
            call.agent_id.as_ref().is_some_and(|agent| agent.value != self.agents[key.agent].id);
        let Some(executor) = self.executors.get_mut(&key).filter(|_| !elsewhere) else { return };
        let queued = executor.queued.len();
        executor.queued.retain(|task| task.task_id != call.task_id);
        if executor.queued.len() < queued {
            let why = "Killed before delivery to the executor";
            self.agent_update(&key, id, TaskState::TaskKilled, Reason::TaskKilledDuringLaunch, why);
        } else if executor.phase == Phase::Running {
            let kill = Some(Kill { task_id: call.task_id, kill_policy: call.kill_policy });
            self.tell_executor(
                &key,
                Event { r#type: Some(event::Type::Kill.into()), kill, ..Event::default() },
            );
        }
    }

    /// SHUTDOWN of an executor; one that is unknown does not matter.
    pub(super) fn shutdown(&mut self, framework: &str, call: call::Shutdown) {
        if let Some(agent) = self.agent_index(&call.agent_id.value) {
            self.shut_down(&ExecutorKey {
                framework: framework.to_owned(),
                executor: call.executor_id.value,
                agent,
            });
        }
    }

    /// MESSAGE to an executor; lost unless it is running and connected.
    pub(super) fn message_to_executor(&mut self, framework: &str, call: call::Message) {
        let Some(agent) = self.agent_index(&call.agent_id.value) else { return };
        let key = ExecutorKey {
            framework: framework.to_owned(),
            executor: call.executor_id.value,
            agent,
        };
        if self.executors.get(&key).is_some_and(|executor| executor.phase == Phase::Running) {
            let message = Some(Message { data: call.data });
            self.tell_executor(
                &key,
                Event { r#type: Some(event::Type::Message.into()), message, ..Event::default() },
            );
        }
    }
}
