//! All workers: their launch, what their statuses mean, and their end.

mod ending;
mod launching;
mod misfits;
mod names;
mod reconciliation;
mod status;
mod unknown;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use self::{names::Names, reconciliation::Reconciliation, unknown::UnknownTasks};
use super::{
    cause::{Cause, Initiator},
    effects::Effects,
    fleet::Fleet,
    history::{History, Step, Transition},
    ids::{Moment, WorkerId},
    message::{Notice, Output},
    origin::Origin,
    settings::Settings,
    state::{Change, WorkerRecord},
    worker::{Phase, Worker},
};

/// The workers, and what was said about them.
#[derive(Debug)]
pub(super) struct Workers {
    fleet: Fleet,
    names: Names,
    history: History,
    reconciliation: Reconciliation,
    unknown: UnknownTasks,
    /// What TaskManagers launched from now on are started for.
    origin: Arc<Origin>,
    /// Whether workers with other files were reported.
    other_files_reported: bool,
}

impl Workers {
    /// The workers of the stored state. New ones are named after `epoch`, from a number on.
    pub(super) fn new(
        settings: &Settings,
        epoch: String,
        first_number: u64,
        records: BTreeMap<WorkerId, WorkerRecord>,
        now: Moment,
        seed: u64,
    ) -> Self {
        let mut fleet = Fleet::new(settings.patience.clone(), settings.constraints.clone());
        for record in records.into_values() {
            fleet.insert(Worker::recovered(record, now));
        }
        Self {
            fleet,
            reconciliation: Reconciliation::new(&epoch),
            names: Names::new(epoch, first_number, seed),
            history: History::default(),
            unknown: UnknownTasks::default(),
            origin: Arc::clone(&settings.origin),
            other_files_reported: false,
        }
    }

    /// The workers with their indexes.
    pub(super) fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The last transitions.
    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// When something is due next.
    pub(super) fn wake_at(&self) -> Option<Moment> {
        self.fleet.next_due().into_iter().chain(self.reconciliation.wake_at()).min()
    }

    /// Another master may be connected now: it is asked about all workers.
    pub(super) fn subscribed(&mut self, now: Moment, effects: &mut Effects) {
        self.fleet.update_all(|worker| {
            worker.answered = worker.phase == Phase::Storing;
            // The worker may have reported while we were disconnected.
            (worker.heard, worker.reminders) = (now, 0);
            if let Phase::Killing(next) = &mut worker.phase {
                *next = now;
            }
        });
        self.reconciliation.start(now);
        self.replace_misfits(now, effects);
    }

    /// Nobody can be asked.
    pub(super) fn disconnected(&mut self) {
        self.reconciliation.pause();
    }

    /// Asks Mesos about workers, as far as that is due.
    pub(super) fn reconcile(&mut self, now: Moment, effects: &mut Effects) {
        if self.fleet.unanswered().len() == 0 {
            self.reconciliation.answered();
        }
        let due = self.reconciliation.due(now);
        if due.explicit && self.fleet.unanswered().len() > 0 {
            let unanswered = self.fleet.unanswered();
            let tasks = unanswered
                .map(|worker| (worker.record.id.clone(), worker.record.place.agent.clone()))
                .collect();
            effects.output(Output::Reconcile(tasks));
        }
        if due.implicit {
            effects.output(Output::Reconcile(Vec::new()));
            // Mesos does not mention workers that it does not know (any longer), so they are asked
            // about one by one.
            if !due.explicit && !self.fleet.workers().is_empty() {
                self.fleet.update_all(|worker| worker.answered = worker.phase == Phase::Storing);
                self.reconciliation.ask_soon(now);
            }
        }
    }

    /// The JobManager came up, or went down. The next one starts with no TaskManagers.
    pub(super) fn job_manager(&mut self, now: Moment, up: bool) {
        self.fleet.set_job_manager(up.then_some(now));
        if !up {
            self.registered(now, &BTreeSet::new());
        }
    }

    /// The JobManager lists these TaskManagers. Returns those that it did not list before.
    pub(super) fn registered(&mut self, now: Moment, listed: &BTreeSet<WorkerId>) -> Vec<WorkerId> {
        let workers = self.fleet.workers().iter();
        let changed = workers.filter(|(id, worker)| listed.contains(id) != worker.registered);
        let mut changed: Vec<_> = changed.map(|(id, _)| id.clone()).collect();
        changed.retain(|id| {
            let there = listed.contains(id);
            self.fleet.update(id, |worker| {
                worker.registered = there;
                worker.unregistered = now;
            });
            if there {
                let (from, to) = (Step::Running, Step::Registered);
                self.remember(now, id, from, to, Initiator::JobManager, Cause::Listed);
            }
            there
        });
        changed
    }

    /// The framework is gone with all its tasks. Returns the changes that delete the records, which
    /// mean nothing without it.
    pub(super) fn forget_all(
        &mut self,
        now: Moment,
        why: &Cause,
        effects: &mut Effects,
    ) -> Vec<Change> {
        let ids: Vec<_> = self.fleet.workers().keys().cloned().collect();
        for id in &ids {
            let Some(worker) = self.fleet.remove(id) else { continue };
            let (from, to) = (worker.phase.into(), Step::Gone);
            self.remember(now, id, from, to, Initiator::Mesos, why.clone());
            effects.notice(Notice::Gone(id.clone(), why.clone()));
        }
        ids.into_iter().map(Change::Forget).collect()
    }

    /// Moves a worker to its next phase and records the transition.
    fn enter(&mut self, now: Moment, id: &WorkerId, phase: Phase, by: Initiator, cause: Cause) {
        let from = self.fleet.update(id, |worker| {
            let from = Step::from(worker.phase);
            worker.enter(phase, now);
            from
        });
        let to = Step::from(phase);
        if let Some(from) = from.filter(|from| *from != to) {
            self.remember(now, id, from, to, by, cause);
        }
    }

    fn remember(
        &mut self,
        now: Moment,
        id: &WorkerId,
        from: Step,
        to: Step,
        by: Initiator,
        cause: Cause,
    ) {
        self.history.add(Transition { at: now, worker: id.clone(), from, to, cause, by });
    }
}
