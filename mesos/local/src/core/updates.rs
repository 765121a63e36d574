//! Status updates are sent again until the scheduler acknowledges them, one after the other for
//! each task.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use mesos::v1::{
    TaskState, TaskStatus,
    scheduler::{
        Event,
        call::Acknowledge,
        event::{self, Update},
    },
};

use super::Core;

/// The longest wait between two sendings.
const MAX_RETRY: Duration = Duration::from_secs(600);

/// The updates of one task that the scheduler has not acknowledged.
#[derive(Debug, Default)]
pub(super) struct Updates {
    pending: VecDeque<TaskStatus>,
    /// Uuids of all updates that ever came in.
    received: BTreeSet<Bytes>,
    resend_at: Duration,
    wait: Duration,
}

impl Updates {
    pub(super) fn resend_at(&self) -> Option<Duration> {
        (!self.pending.is_empty()).then_some(self.resend_at)
    }
}

impl Core {
    /// Takes an update with a uuid into the agent's care. One that came before changes nothing.
    pub(super) fn handle_update(&mut self, framework: &str, status: TaskStatus) {
        let Some(it) = self.frameworks.get_mut(framework) else { return };
        let id = status.task_id.value.clone();
        if let Some(task) = it.tasks.get_mut(&id).filter(|task| !task.is_terminal()) {
            task.state = status.state();
        }
        let updates = it.updates.entry(id.clone()).or_default();
        if !updates.received.insert(status.uuid.clone().unwrap_or_default()) {
            return;
        }
        updates.pending.push_back(status);
        if updates.pending.len() == 1 {
            self.forward(framework, &id, self.options.update_retry);
        }
    }

    /// Sends the oldest unacknowledged update of a task; the next time after `wait`.
    fn forward(&mut self, framework: &str, task: &str, wait: Duration) {
        let Some(it) = self.frameworks.get_mut(framework) else { return };
        let Some(updates) = it.updates.get_mut(task) else { return };
        let Some(status) = updates.pending.front().cloned() else { return };
        updates.wait = wait.min(MAX_RETRY);
        updates.resend_at = self.now.uptime + updates.wait;
        let Some(stream) = it.stream else { return };
        if let Some(task) = it.tasks.get_mut(task) {
            task.sent = Some(status.clone());
        }
        self.send(stream, event(status));
    }

    pub(super) fn resend_due_updates(&mut self, framework: &str) {
        let now = self.now.uptime;
        let Some(it) = self.frameworks.get(framework) else { return };
        let due = it
            .updates
            .iter()
            .filter(|(_, updates)| updates.resend_at().is_some_and(|at| at <= now));
        let due: Vec<(String, Duration)> =
            due.map(|(task, updates)| (task.clone(), updates.wait)).collect();
        for (task, wait) in due {
            self.forward(framework, &task, wait * 2);
        }
    }

    /// A scheduler that comes back gets what it has not acknowledged at once.
    pub(super) fn resend_updates(&mut self, framework: &str) {
        let Some(it) = self.frameworks.get(framework) else { return };
        let tasks: Vec<String> = it.updates.keys().cloned().collect();
        for task in tasks {
            self.forward(framework, &task, self.options.update_retry);
        }
    }

    /// ACKNOWLEDGE: the next update may follow; after a terminal one the task is forgotten.
    /// Anything but the uuid that was sent last is ignored.
    pub(super) fn acknowledge(&mut self, framework: &str, call: &Acknowledge) {
        let Some(it) = self.frameworks.get_mut(framework) else { return };
        let id = &call.task_id.value;
        let Some(updates) = it.updates.get_mut(id) else { return };
        let expected = updates.pending.front().is_some_and(|status| {
            status.uuid.as_ref() == Some(&call.uuid)
                && status.agent_id.as_ref() == Some(&call.agent_id)
        });
        if !expected {
            return;
        }
        let Some(status) = updates.pending.pop_front() else { return };
        if mesos::status::is_terminal(status.state()) {
            it.updates.remove(id);
            it.tasks.remove(id);
        } else {
            self.forward(framework, id, self.options.update_retry);
        }
    }

    /// Sends a status that nobody has to acknowledge.
    pub(super) fn send_status(&mut self, framework: &str, status: TaskStatus) {
        if let Some(stream) = self.frameworks.get(framework).and_then(|framework| framework.stream)
        {
            self.send(stream, event(status));
        }
    }

    /// The master's own status for a task, without a uuid.
    pub(super) fn master_status(
        &self,
        task: &str,
        agent: Option<&str>,
        state: TaskState,
        reason: mesos::v1::task_status::Reason,
        message: &str,
    ) -> TaskStatus {
        TaskStatus {
            task_id: task.into(),
            state: state.into(),
            message: Some(message.to_owned()),
            source: Some(mesos::v1::task_status::Source::Master.into()),
            reason: Some(reason.into()),
            agent_id: agent.map(Into::into),
            timestamp: Some(self.now.unix),
            ..TaskStatus::default()
        }
    }
}

fn event(status: TaskStatus) -> Event {
    Event {
        r#type: Some(event::Type::Update.into()),
        update: Some(Update { status }),
        ..Event::default()
    }
}
