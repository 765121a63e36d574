//! What a task's status means for its worker.

use std::time::Duration;

use mesos::v1::{self, TaskState};

use super::{
    Core,
    message::{Change, Notice, Output, WorkerId},
    worker::Phase,
};

/// What a Mesos task state comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// On its way to running.
    Preparing,
    Running,
    /// Ending, but not ended.
    Ending,
    /// Out of sight; may come back.
    Unreachable,
    /// Will not run (again). The flag says whether the worker itself failed, rather than its agent or the launch.
    Over(bool),
}

impl Meaning {
    /// `None` for states that this version does not know.
    fn of(state: i32) -> Option<Self> {
        Some(match TaskState::try_from(state).ok()? {
            TaskState::TaskStaging | TaskState::TaskStarting => Self::Preparing,
            TaskState::TaskRunning => Self::Running,
            TaskState::TaskKilling => Self::Ending,
            TaskState::TaskUnreachable => Self::Unreachable,
            TaskState::TaskFinished | TaskState::TaskFailed | TaskState::TaskKilled | TaskState::TaskError => {
                Self::Over(true)
            }
            TaskState::TaskLost
            | TaskState::TaskDropped
            | TaskState::TaskGone
            | TaskState::TaskGoneByOperator
            | TaskState::TaskUnknown => Self::Over(false),
        })
    }
}

impl Core {
    /// Takes in a task's status; it is acknowledged once what it means is durable.
    pub(super) fn status(&mut self, mut status: v1::TaskStatus) {
        let id = WorkerId::from(status.task_id.value.as_str());
        match (Meaning::of(status.state), self.workers.contains_key(&id)) {
            (Some(meaning), true) => self.known(&id, meaning, &status),
            (Some(Meaning::Preparing | Meaning::Running | Meaning::Ending), false) => self.unknown(id, &status),
            // A task that is over or away and that nobody knows needs nothing, and neither does a state of the future.
            (_, _) => {}
        }
        if let (Some(uuid), Some(agent)) = (status.uuid.take(), status.agent_id.take()) {
            self.after_stores(Output::Acknowledge { agent, task: status.task_id, uuid });
        }
    }

    fn unknown(&mut self, id: WorkerId, status: &v1::TaskStatus) {
        self.notice(Notice::Unknown(id.clone()));
        let agent = status.agent_id.as_ref().map(|agent| agent.value.clone());
        // Its record may be on the way out: then the store is to know that first.
        self.after_stores(Output::Kill { worker: id, agent });
    }

    fn known(&mut self, id: &WorkerId, meaning: Meaning, status: &v1::TaskStatus) {
        let Some(worker) = self.workers.get_mut(id) else { return };
        worker.heard = self.now;
        worker.answered = true;
        let released = worker.record.released;
        match meaning {
            Meaning::Over(own_fault) => self.over(id, own_fault, status),
            Meaning::Unreachable => {
                if worker.phase != Phase::Unreachable {
                    worker.enter(Phase::Unreachable, self.now);
                    self.notice(Notice::Unreachable(id.clone()));
                }
            }
            // Released while it was away: now that it is back, exactly one may survive.
            _ if released && worker.phase == Phase::Unreachable => {
                worker.enter(Phase::Killing(self.now), self.now);
            }
            Meaning::Preparing if !released => {
                worker.enter(Phase::Staging, self.now);
                let progress = status.message.clone().filter(|text| !text.is_empty());
                self.outputs.extend(progress.map(|text| Output::Notice(Notice::Progress(id.clone(), text))));
            }
            Meaning::Running if !released => self.running(id),
            Meaning::Preparing | Meaning::Running | Meaning::Ending => {}
        }
    }

    fn running(&mut self, id: &WorkerId) {
        let Some(worker) = self.workers.get_mut(id) else { return };
        worker.enter(Phase::Running, self.now);
        if !worker.record.running {
            worker.record.running = true;
            let change = Change::Worker(worker.record.clone());
            self.notice(Notice::Running(id.clone()));
            self.store(vec![change], Vec::new());
        }
    }

    fn over(&mut self, id: &WorkerId, own_fault: bool, status: &v1::TaskStatus) {
        let Some(worker) = self.workers.remove(id) else { return };
        self.store(vec![Change::Forget(id.clone())], Vec::new());
        let why = explain(status);
        self.notice(Notice::Gone(id.clone(), why.clone()));
        if worker.record.released {
            return;
        }
        let ran = if worker.phase == Phase::Running { self.now.since(worker.since) } else { Duration::ZERO };
        if own_fault || !worker.record.running {
            let delay = self.pace.failed(self.now, ran);
            if !delay.is_zero() {
                self.notice(Notice::Waiting(delay, why));
            }
        }
    }
}

/// The status in words: state, the message of whoever sent it, and Mesos's reason.
fn explain(status: &v1::TaskStatus) -> String {
    let state = TaskState::try_from(status.state).map_or("an unknown state", |state| state.as_str_name());
    let reason = status.reason.and_then(|r| v1::task_status::Reason::try_from(r).ok()).map(|r| r.as_str_name());
    let message = status.message.as_deref().filter(|text| !text.is_empty());
    match (message, reason) {
        (Some(message), Some(reason)) => format!("{state}: {message} ({reason})"),
        (Some(text), None) | (None, Some(text)) => format!("{state}: {text}"),
        (None, None) => state.to_owned(),
    }
}
