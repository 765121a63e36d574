//! What a task's status means for its worker.

use std::time::Duration;

use mesos::v1::{self, TaskState};

use super::{
    Core,
    cause::{Cause, Initiator},
    effects::Failure,
    history::Step,
    ids::WorkerId,
    message::{Notice, Output},
    state::Change,
    verdict::{Verdict, explain},
    worker::{Phase, STABLE},
};

/// Number of unknown tasks whose kills are counted.
const UNKNOWN_TASKS: usize = 1000;

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

impl Core {
    /// Handles a task's status; it is acknowledged once its effect is durable.
    pub(super) fn status(&mut self, mut status: v1::TaskStatus) {
        let id = WorkerId::from(status.task_id.value.as_str());
        match (Meaning::of(status.state), self.fleet.get(&id).is_some()) {
            (Some(meaning), true) => self.known(&id, meaning, &status),
            (Some(Meaning::Preparing | Meaning::Running | Meaning::Ending), false) => {
                self.unknown(id, &status);
            }
            (Some(Meaning::Over(_)), false) => drop(self.unknown_tasks.remove(&id)),
            // An unreachable unknown task needs no action, and neither does a state that this
            // version does not know.
            (_, _) => {}
        }
        if let (Some(uuid), Some(agent)) = (status.uuid.take(), status.agent_id.take()) {
            self.after_stores(Output::Acknowledge { agent, task: status.task_id, uuid });
        }
    }

    fn unknown(&mut self, id: WorkerId, status: &v1::TaskStatus) {
        self.notice(Notice::Unknown(id.clone()));
        let agent = status.agent_id.as_ref().map(|agent| agent.value.clone());
        // Its record may be about to be deleted: let the store finish first.
        let (kills, since) = *self
            .unknown_tasks
            .entry(id.clone())
            .and_modify(|(kills, _)| *kills += 1)
            .or_insert((1, self.now));
        if self.unknown_tasks.len() > UNKNOWN_TASKS {
            self.unknown_tasks.pop_first();
        }
        let disobeys = kills > 1 && self.now.since(since) >= self.settings.patience.obey;
        let by_force = agent
            .clone()
            .filter(|_| disobeys)
            .map(|agent| Output::Shutdown { worker: id.clone(), agent });
        self.after_stores(Output::Kill { worker: id, agent });
        if let Some(shutdown) = by_force {
            self.after_stores(shutdown);
        }
    }

    fn known(&mut self, id: &WorkerId, meaning: Meaning, status: &v1::TaskStatus) {
        let now = self.now;
        let heard = self.fleet.update(id, |worker| {
            worker.heard = now;
            worker.answered = true;
            (worker.record.released, worker.record.running, worker.phase)
        });
        let Some((released, ran, phase)) = heard else { return };
        // A status from its start may arrive late: a worker that has run is not starting again.
        let meaning = if ran && meaning == Meaning::Preparing { Meaning::Running } else { meaning };
        let by = if status.uuid.is_some() { Initiator::Executor } else { Initiator::Mesos };
        match meaning {
            Meaning::Over(own_fault) => self.over(id, own_fault, by, status),
            Meaning::Unreachable => {
                if phase != Phase::Unreachable {
                    self.enter(id, Phase::Unreachable, by, Cause::Status(explain(status)));
                    self.notice(Notice::Unreachable(id.clone()));
                }
            }
            Meaning::Running if released && self.may_return(id) => self.returned(id, by, status),
            // Released while it was unreachable: now that it is back, only one of the two may stay.
            _ if released && phase == Phase::Unreachable => {
                self.enter(id, Phase::Killing(self.now), Initiator::Scheduler, Cause::Returned);
            }
            Meaning::Preparing if !released => {
                self.enter(id, Phase::Staging, by, Cause::Status(explain(status)));
                let progress = status.message.clone().filter(|text| !text.is_empty());
                self.outputs.extend(
                    progress.map(|text| Output::Notice(Notice::Progress(id.clone(), text))),
                );
            }
            Meaning::Running if !released => self.running(id, by, status),
            Meaning::Preparing | Meaning::Running | Meaning::Ending => {}
        }
    }

    fn running(&mut self, id: &WorkerId, by: Initiator, status: &v1::TaskStatus) {
        self.enter(id, Phase::Running, by, Cause::Status(explain(status)));
        let news = self.fleet.update(id, |worker| {
            let first = !std::mem::replace(&mut worker.record.running, true);
            first.then(|| worker.record.clone())
        });
        if let Some(Some(record)) = news {
            self.notice(Notice::Running(id.clone()));
            self.store(vec![Change::Worker(record)], Vec::new());
        }
    }

    /// Whether a worker that was given up while unreachable may stay: it has not been replaced yet.
    fn may_return(&self, id: &WorkerId) -> bool {
        let Some(worker) = self.fleet.get(id).filter(|worker| worker.given_up) else {
            return false;
        };
        let place = &worker.record.place;
        let vacated = self.moves.vacated(&place.agent, &place.hostname).is_some();
        self.missing() > 0 && !vacated && self.fleet.occupation().allows(&place.values)
    }

    /// A returning worker takes its own place again.
    fn returned(&mut self, id: &WorkerId, by: Initiator, status: &v1::TaskStatus) {
        let record = self.fleet.update(id, |worker| {
            (worker.given_up, worker.record.released, worker.record.running) = (false, false, true);
            worker.record.clone()
        });
        self.enter(id, Phase::Running, by, Cause::Status(explain(status)));
        self.notice(Notice::Running(id.clone()));
        self.store(record.into_iter().map(Change::Worker).collect(), Vec::new());
    }

    fn over(&mut self, id: &WorkerId, own_fault: bool, by: Initiator, status: &v1::TaskStatus) {
        let Some(worker) = self.fleet.remove(id) else { return };
        self.store(vec![Change::Forget(id.clone())], Vec::new());
        let why = Cause::Status(explain(status));
        self.remember(id, worker.phase.into(), Step::Gone, by, why.clone());
        self.notice(Notice::Gone(id.clone(), why.clone()));
        let failed = own_fault || !worker.record.running;
        let ran = if worker.phase == Phase::Running {
            self.now.since(worker.since)
        } else {
            Duration::ZERO
        };
        let (early, place) = (ran < STABLE, worker.record.place);
        if status.state() == TaskState::TaskFailed && early {
            self.effects.ports_failed(place.clone(), worker.ports, why.clone());
        }
        if worker.record.released || !failed {
            return;
        }
        self.effects.failed(Failure { place, verdict: Verdict::of(status), early, why });
    }
}
