//! All workers, with what must be known of them as a whole at every step, kept up to date as each of them changes: with ten
//! thousand workers nobody looks at all of them because of one.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    constraint::Constraint,
    message::{Moment, WorkerId},
    offers::Occupation,
    worker::{Overdue, Patience, Phase, Worker},
};

/// The workers by id, and their indexes. Whoever changes a worker does so through [`Fleet::update`].
#[derive(Debug)]
pub(super) struct Fleet {
    workers: BTreeMap<WorkerId, Worker>,
    patience: Patience,
    constraints: Vec<Constraint>,
    job_manager: Option<Moment>,
    counting: usize,
    ready: usize,
    present: usize,
    unanswered: BTreeSet<WorkerId>,
    due: BTreeSet<(Moment, WorkerId)>,
    generations: BTreeMap<u64, usize>,
    occupation: Occupation,
}

impl Fleet {
    pub(super) fn new(patience: Patience, constraints: Vec<Constraint>) -> Self {
        Self {
            workers: BTreeMap::new(),
            occupation: Occupation::new(&constraints),
            patience,
            constraints,
            job_manager: None,
            counting: 0,
            ready: 0,
            present: 0,
            unanswered: BTreeSet::new(),
            due: BTreeSet::new(),
            generations: BTreeMap::new(),
        }
    }

    pub(super) fn workers(&self) -> &BTreeMap<WorkerId, Worker> {
        &self.workers
    }

    pub(super) fn get(&self, id: &WorkerId) -> Option<&Worker> {
        self.workers.get(id)
    }

    pub(super) fn insert(&mut self, worker: Worker) {
        let id = worker.record.id.clone();
        self.workers.insert(id.clone(), worker);
        self.index(&id, true);
    }

    pub(super) fn remove(&mut self, id: &WorkerId) -> Option<Worker> {
        self.index(id, false);
        self.workers.remove(id)
    }

    /// Changes one worker. `None` if there is no such worker.
    pub(super) fn update<T>(&mut self, id: &WorkerId, change: impl FnOnce(&mut Worker) -> T) -> Option<T> {
        self.index(id, false);
        let done = self.workers.get_mut(id).map(change);
        self.index(id, true);
        done
    }

    /// Changes them all.
    pub(super) fn update_all(&mut self, change: impl Fn(&mut Worker)) {
        for id in self.workers.keys().cloned().collect::<Vec<_>>() {
            self.update(&id, &change);
        }
    }

    /// Since when there is a JobManager, if there is one: without it nobody can register.
    pub(super) fn set_job_manager(&mut self, since: Option<Moment>) {
        self.job_manager = since;
        let due = self.workers.values().filter_map(|worker| {
            let (at, _) = worker.deadline(&self.patience, since)?;
            Some((at, worker.record.id.clone()))
        });
        self.due = due.collect();
    }

    fn index(&mut self, id: &WorkerId, add: bool) {
        let Some(worker) = self.workers.get(id) else { return };
        let count = |of: &mut usize, counts: bool| match (counts, add) {
            (false, _) => {}
            (true, true) => *of += 1,
            (true, false) => *of -= 1,
        };
        count(&mut self.counting, worker.counts());
        count(&mut self.ready, worker.is_ready());
        count(&mut self.present, worker.phase != Phase::Unreachable);
        count(self.generations.entry(worker.record.generation).or_default(), worker.counts());
        if !worker.is_written_off() {
            self.occupation.count(&worker.record.agent, &worker.record.values, &self.constraints, add);
        }
        let asked = !worker.answered && worker.phase != Phase::Storing;
        let due = worker.deadline(&self.patience, self.job_manager).map(|(at, _)| (at, id.clone()));
        if add {
            self.unanswered.extend(asked.then(|| id.clone()));
            self.due.extend(due);
        } else {
            self.unanswered.remove(id);
            if let Some(due) = due {
                self.due.remove(&due);
            }
        }
    }

    /// How many count towards the wanted number.
    pub(super) fn counting(&self) -> usize {
        self.counting
    }

    /// How many of those are of use to the JobManager.
    pub(super) fn ready(&self) -> usize {
        self.ready
    }

    /// Whether all that is left are workers that nobody sees.
    pub(super) fn is_deserted(&self) -> bool {
        self.present == 0
    }

    /// Whether a worker that counts is of an earlier generation than this one.
    pub(super) fn has_older_than(&self, generation: u64) -> bool {
        self.generations.range(..generation).any(|(_, count)| *count > 0)
    }

    /// Where the workers are.
    pub(super) fn occupation(&self) -> &Occupation {
        &self.occupation
    }

    /// The same, for whoever leaves it as it was.
    pub(super) fn occupation_mut(&mut self) -> &mut Occupation {
        &mut self.occupation
    }

    /// Those whose state Mesos has not told since it was asked.
    pub(super) fn unanswered(&self) -> impl ExactSizeIterator<Item = &Worker> {
        self.unanswered.iter().map(|id| &self.workers[id])
    }

    /// When something is due next.
    pub(super) fn next_due(&self) -> Option<Moment> {
        self.due.first().map(|(at, _)| *at)
    }

    /// What is due now.
    pub(super) fn overdue(&self, now: Moment) -> Vec<(WorkerId, Overdue)> {
        let due = self.due.iter().take_while(|(at, _)| *at <= now);
        let what = |id: &WorkerId| Some(self.workers.get(id)?.deadline(&self.patience, self.job_manager)?.1);
        due.filter_map(|(_, id)| Some((id.clone(), what(id)?))).collect()
    }
}
