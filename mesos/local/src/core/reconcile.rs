//! RECONCILE: what the master knows of tasks.

use mesos::v1::{AgentId, TaskState, TaskStatus, scheduler::call::reconcile, task_status::Reason};

use super::{Core, framework::Task};

impl Core {
    /// Sends the state of these tasks, or of all tasks if none is named.
    pub(super) fn reconcile(&mut self, framework: &str, tasks: &[reconcile::Task]) {
        let Some(it) = self.frameworks.get(framework) else { return };
        let statuses: Vec<TaskStatus> = if tasks.is_empty() {
            it.tasks.iter().map(|(id, task)| self.latest(id, task)).collect()
        } else {
            let named = tasks.iter();
            named
                .map(|task| self.reconciled(framework, &task.task_id.value, task.agent_id.as_ref()))
                .collect()
        };
        for status in statuses {
            self.send_status(framework, status);
        }
    }

    /// What reconciliation says about a task that the framework names.
    pub(super) fn reconciled(
        &self,
        framework: &str,
        task: &str,
        agent: Option<&AgentId>,
    ) -> TaskStatus {
        let Some(it) = self.frameworks.get(framework) else { return TaskStatus::default() };
        if let Some(known) = it.tasks.get(task) {
            return self.latest(task, known);
        }
        let agent = agent.map(|agent| agent.value.as_str());
        let (state, message) = if agent.and_then(|agent| self.agent_index(agent)).is_some() {
            (TaskState::TaskGone, "Reconciliation: Task is unknown to the agent")
        } else {
            (TaskState::TaskUnknown, "Reconciliation: Task is unknown")
        };
        self.master_status(task, agent, it.lost_or(state), Reason::Reconciliation, message)
    }

    fn latest(&self, id: &str, task: &Task) -> TaskStatus {
        let sent = task.sent.as_ref();
        let state = sent.map_or(TaskState::TaskStaging, TaskStatus::state);
        let agent = &self.agents[task.executor.agent].id;
        let message = "Reconciliation: Latest task state";
        TaskStatus {
            executor_id: Some(task.executor.executor.as_str().into()),
            healthy: sent.and_then(|status| status.healthy),
            container_status: sent.and_then(|status| status.container_status.clone()),
            ..self.master_status(id, Some(agent), state, Reason::Reconciliation, message)
        }
    }
}
