//! What a task's status means for its worker.

use std::time::Duration;

use mesos::v1::{self, TaskState};

use super::Workers;
use crate::core::{
    cause::{Cause, Initiator},
    effects::{Effects, Failure},
    history::Step,
    ids::{Moment, WorkerId},
    message::{Notice, Output},
    state::{AgentProfile, Change},
    verdict::{Verdict, explain},
    worker::{Phase, STABLE},
};

/// The meaning of a Mesos task state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// Starting.
    Preparing,
    Running,
    /// Ending, but not ended yet.
    Ending,
    /// Unreachable; may return.
    Unreachable,
    /// Will not run (again). The flag is set if the worker itself failed, rather than its agent or
    /// the launch.
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
            TaskState::TaskFinished
            | TaskState::TaskFailed
            | TaskState::TaskKilled
            | TaskState::TaskError => Self::Over(true),
            TaskState::TaskLost
            | TaskState::TaskDropped
            | TaskState::TaskGone
            | TaskState::TaskGoneByOperator
            | TaskState::TaskUnknown => Self::Over(false),
        })
    }
}

/// A status of a known worker.
#[derive(Clone, Copy)]
struct Heard<'a> {
    now: Moment,
    id: &'a WorkerId,
    by: Initiator,
    status: &'a v1::TaskStatus,
}

impl Heard<'_> {
    fn cause(self) -> Cause {
        Cause::Status(explain(self.status))
    }
}

impl Workers {
    /// Handles a task's status; it is acknowledged once its effect is durable. `has_room` says
    /// whether one more worker is wanted on an agent.
    pub(in crate::core) fn status(
        &mut self,
        now: Moment,
        mut status: v1::TaskStatus,
        has_room: impl Fn(&AgentProfile) -> bool,
        effects: &mut Effects,
    ) {
        let id = WorkerId::from(status.task_id.value.as_str());
        match (Meaning::of(status.state), self.fleet.get(&id).is_some()) {
            (Some(meaning), true) => {
                let by = if status.uuid.is_some() { Initiator::Executor } else { Initiator::Mesos };
                let heard = Heard { now, id: &id, by, status: &status };
                self.known(heard, meaning, has_room, effects);
            }
            (Some(Meaning::Preparing | Meaning::Running | Meaning::Ending), false) => {
                self.unknown(now, id, &status, effects);
            }
            (Some(Meaning::Over(_)), false) => self.unknown.ended(&id),
            // An unreachable unknown task needs no action, and neither does a state that this
            // version does not know.
            (_, _) => {}
        }
        if let (Some(uuid), Some(agent)) = (status.uuid.take(), status.agent_id.take()) {
            effects.after_stores(Output::Acknowledge { agent, task: status.task_id, uuid });
        }
    }

    /// Ends a task that nobody knows. Its record may be about to be deleted, so the store finishes
    /// first.
    fn unknown(
        &mut self,
        now: Moment,
        id: WorkerId,
        status: &v1::TaskStatus,
        effects: &mut Effects,
    ) {
        effects.notice(Notice::Unknown(id.clone()));
        let agent = status.agent_id.as_ref().map(|agent| agent.value.clone());
        let disobeys = self.unknown.kill(now, &id, self.fleet.patience().obey);
        effects.after_stores(Output::Kill { worker: id.clone(), agent: agent.clone() });
        if let Some(agent) = agent.filter(|_| disobeys) {
            effects.after_stores(Output::Shutdown { worker: id, agent });
        }
    }

    fn known(
        &mut self,
        heard: Heard<'_>,
        meaning: Meaning,
        has_room: impl Fn(&AgentProfile) -> bool,
        effects: &mut Effects,
    ) {
        let Heard { now, id, by, status } = heard;
        let known = self.fleet.update(id, |worker| {
            worker.heard = now;
            worker.answered = true;
            (worker.record.released, worker.record.running, worker.phase)
        });
        let Some((released, ran, phase)) = known else { return };
        // A status from its start may arrive late: a worker that has run is not starting again.
        let meaning = if ran && meaning == Meaning::Preparing { Meaning::Running } else { meaning };
        match meaning {
            Meaning::Over(own_fault) => self.over(heard, own_fault, effects),
            Meaning::Unreachable => {
                if phase != Phase::Unreachable {
                    self.enter(now, id, Phase::Unreachable, by, heard.cause());
                    effects.notice(Notice::Unreachable(id.clone()));
                }
            }
            Meaning::Running if released && self.may_return(id, has_room) => {
                self.returned(heard, effects);
            }
            // Released while it was unreachable: now that it is back, only one of the two may stay.
            _ if released && phase == Phase::Unreachable => {
                let (killing, by) = (Phase::Killing(now), Initiator::Scheduler);
                self.enter(now, id, killing, by, Cause::Returned);
            }
            Meaning::Preparing if !released => {
                self.enter(now, id, Phase::Staging, by, heard.cause());
                if let Some(text) = status.message.clone().filter(|text| !text.is_empty()) {
                    effects.notice(Notice::Progress(id.clone(), text));
                }
            }
            Meaning::Running if !released => self.running(heard, effects),
            Meaning::Preparing | Meaning::Running | Meaning::Ending => {}
        }
    }

    fn running(&mut self, heard: Heard<'_>, effects: &mut Effects) {
        let Heard { now, id, by, .. } = heard;
        self.enter(now, id, Phase::Running, by, heard.cause());
        let news = self.fleet.update(id, |worker| {
            let first = !std::mem::replace(&mut worker.record.running, true);
            first.then(|| worker.record.clone())
        });
        if let Some(Some(record)) = news {
            effects.notice(Notice::Running(id.clone()));
            effects.store(Change::Worker(record));
        }
    }

    /// Whether a worker that was given up while unreachable may stay: it has not been replaced yet.
    fn may_return(&self, id: &WorkerId, has_room: impl Fn(&AgentProfile) -> bool) -> bool {
        let given_up = self.fleet.get(id).filter(|worker| worker.given_up);
        given_up.is_some_and(|worker| {
            let place = &worker.record.place;
            has_room(place) && self.fleet.occupation().allows(&place.values)
        })
    }

    /// A returning worker takes its own place again.
    fn returned(&mut self, heard: Heard<'_>, effects: &mut Effects) {
        let Heard { now, id, by, .. } = heard;
        let record = self.fleet.update(id, |worker| {
            (worker.given_up, worker.record.released, worker.record.running) = (false, false, true);
            worker.record.clone()
        });
        self.enter(now, id, Phase::Running, by, heard.cause());
        effects.notice(Notice::Running(id.clone()));
        effects.store_then(record.into_iter().map(Change::Worker).collect(), Vec::new());
    }

    fn over(&mut self, heard: Heard<'_>, own_fault: bool, effects: &mut Effects) {
        let Heard { now, id, by, status } = heard;
        let Some(worker) = self.fleet.remove(id) else { return };
        effects.store(Change::Forget(id.clone()));
        let why = heard.cause();
        self.remember(now, id, worker.phase.into(), Step::Gone, by, why.clone());
        effects.notice(Notice::Gone(id.clone(), why.clone()));
        let failed = own_fault || !worker.record.running;
        let ran =
            if worker.phase == Phase::Running { now.since(worker.since) } else { Duration::ZERO };
        let (early, place) = (ran < STABLE, worker.record.place);
        if status.state() == TaskState::TaskFailed && early {
            effects.ports_failed(place.clone(), worker.ports, why.clone());
        }
        if failed && !worker.record.released {
            effects.failed(Failure { place, verdict: Verdict::of(status), early, why });
        }
    }
}
