//! All workers, with indexes that are updated with each change of a worker. With ten thousand
//! workers, no step visits them all because of one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    constraint::Constraint,
    ids::{Moment, WorkerId},
    occupation::Occupation,
    state::{AgentProfile, WorkerRecord},
    worker::{Overdue, Patience, Phase, Worker},
};

/// The workers by id, and their indexes. Every change of a worker goes through [`Fleet::update`].
///
/// They are boxed: ids are added in their order, which leaves the nodes of the map half empty.
#[derive(Debug)]
pub(super) struct Fleet {
    workers: BTreeMap<WorkerId, Box<Worker>>,
    clock: Clock,
    indexes: Indexes,
}

/// What deadlines depend on.
#[derive(Debug)]
struct Clock {
    patience: Patience,
    /// Since when the JobManager has been up, if it is.
    job_manager: Option<Moment>,
}

/// Indexes over all workers.
#[derive(Debug)]
struct Indexes {
    counting: usize,
    ready: usize,
    present: usize,
    unanswered: BTreeSet<WorkerId>,
    due: BTreeSet<(Moment, WorkerId)>,
    generations: BTreeMap<u64, usize>,
    occupation: Occupation,
}

/// What the indexes hold about one worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks {
    counts: bool,
    ready: bool,
    present: bool,
    /// Whether placement counts it.
    occupies: bool,
    /// Whether Mesos was asked about it and has not answered.
    asked: bool,
    due: Option<Moment>,
}

impl Marks {
    fn of(worker: &Worker, clock: &Clock) -> Self {
        Self {
            counts: worker.counts(),
            ready: worker.is_ready(),
            present: worker.phase != Phase::Unreachable,
            occupies: !worker.is_written_off(),
            asked: !worker.answered && worker.phase != Phase::Storing,
            due: clock.deadline(worker).map(|(at, _)| at),
        }
    }
}

impl Clock {
    fn deadline(&self, worker: &Worker) -> Option<(Moment, Overdue)> {
        worker.deadline(&self.patience, self.job_manager)
    }
}

impl Indexes {
    /// Updates the indexes for a worker that changed from `before` to `after`.
    fn turn(&mut self, record: &WorkerRecord, before: Marks, after: Marks) {
        if before == after {
            return;
        }
        let count = |of: &mut usize, before: bool, after: bool| {
            *of = *of + usize::from(after) - usize::from(before);
        };
        count(&mut self.ready, before.ready, after.ready);
        count(&mut self.present, before.present, after.present);
        if before.counts != after.counts {
            count(&mut self.counting, before.counts, after.counts);
            count(
                self.generations.entry(record.generation).or_default(),
                before.counts,
                after.counts,
            );
        }
        if before.occupies != after.occupies {
            self.occupation.count(&record.place, after.occupies);
        }
        match (before.asked, after.asked) {
            (false, true) => drop(self.unanswered.insert(record.id.clone())),
            (true, false) => drop(self.unanswered.remove(&record.id)),
            _ => {}
        }
        if before.due != after.due {
            if let Some(at) = before.due {
                self.due.remove(&(at, record.id.clone()));
            }
            self.due.extend(after.due.map(|at| (at, record.id.clone())));
        }
    }
}

impl Fleet {
    pub(super) fn new(patience: Patience, constraints: Vec<Constraint>) -> Self {
        let indexes = Indexes {
            occupation: Occupation::new(constraints),
            counting: 0,
            ready: 0,
            present: 0,
            unanswered: BTreeSet::new(),
            due: BTreeSet::new(),
            generations: BTreeMap::new(),
        };
        Self { workers: BTreeMap::new(), clock: Clock { patience, job_manager: None }, indexes }
    }

    /// How long workers are waited for.
    pub(super) fn patience(&self) -> &Patience {
        &self.clock.patience
    }

    pub(super) fn workers(&self) -> &BTreeMap<WorkerId, Box<Worker>> {
        &self.workers
    }

    pub(super) fn get(&self, id: &WorkerId) -> Option<&Worker> {
        self.workers.get(id).map(|worker| &**worker)
    }

    pub(super) fn insert(&mut self, worker: Worker) {
        self.add(worker, Marks::default());
    }

    /// The same for a worker that [`Fleet::occupation`] counts already.
    pub(super) fn insert_placed(&mut self, worker: Worker) {
        self.add(worker, Marks { occupies: true, ..Marks::default() });
    }

    fn add(&mut self, worker: Worker, before: Marks) {
        self.indexes.turn(&worker.record, before, Marks::of(&worker, &self.clock));
        self.workers.insert(worker.record.id.clone(), Box::new(worker));
    }

    pub(super) fn remove(&mut self, id: &WorkerId) -> Option<Worker> {
        let worker = *self.workers.remove(id)?;
        self.indexes.turn(&worker.record, Marks::of(&worker, &self.clock), Marks::default());
        Some(worker)
    }

    /// Replaces the profiles of agents whose attributes have changed. Returns the changed records
    /// of their workers.
    pub(super) fn set_places(
        &mut self,
        places: &HashMap<String, Arc<AgentProfile>>,
    ) -> Vec<WorkerRecord> {
        let occupation = &mut self.indexes.occupation;
        let mut moved = Vec::new();
        for worker in self.workers.values_mut() {
            let Some(place) = places.get(&worker.record.place.agent) else { continue };
            let before = std::mem::replace(&mut worker.record.place, place.clone());
            let occupies = Marks::of(worker, &self.clock).occupies;
            if occupies {
                occupation.count(&before, false);
            }
            moved.push((worker.record.clone(), occupies));
        }
        // Only once no worker counts by an earlier profile, is it forgotten.
        for (record, _) in moved.iter().filter(|(_, occupies)| *occupies) {
            occupation.count(&record.place, true);
        }
        moved.into_iter().map(|(record, _)| record).collect()
    }

    /// Changes one worker. `None` if there is no such worker.
    pub(super) fn update<T>(
        &mut self,
        id: &WorkerId,
        change: impl FnOnce(&mut Worker) -> T,
    ) -> Option<T> {
        let worker = self.workers.get_mut(id)?;
        let before = Marks::of(worker, &self.clock);
        let done = change(worker);
        self.indexes.turn(&worker.record, before, Marks::of(worker, &self.clock));
        Some(done)
    }

    /// Changes all workers.
    pub(super) fn update_all(&mut self, change: impl Fn(&mut Worker)) {
        for worker in self.workers.values_mut() {
            let before = Marks::of(worker, &self.clock);
            change(worker);
            self.indexes.turn(&worker.record, before, Marks::of(worker, &self.clock));
        }
    }

    /// Since when the JobManager has been up, if it is. Without it, no TaskManager can register.
    pub(super) fn set_job_manager(&mut self, since: Option<Moment>) {
        self.clock.job_manager = since;
        let due = self.workers.values().filter_map(|worker| {
            let (at, _) = self.clock.deadline(worker)?;
            Some((at, worker.record.id.clone()))
        });
        self.indexes.due = due.collect();
    }

    /// Number of workers that count towards the target.
    pub(super) fn counting(&self) -> usize {
        self.indexes.counting
    }

    /// Number of those that the JobManager can use.
    pub(super) fn ready(&self) -> usize {
        self.indexes.ready
    }

    /// Whether only unreachable workers are left.
    pub(super) fn is_deserted(&self) -> bool {
        self.indexes.present == 0
    }

    /// Whether a counted worker is older than this generation.
    pub(super) fn has_older_than(&self, generation: u64) -> bool {
        self.indexes.generations.range(..generation).any(|(_, count)| *count > 0)
    }

    /// Where the workers run.
    pub(super) fn occupation(&self) -> &Occupation {
        &self.indexes.occupation
    }

    /// The same, to place more workers. Those are added with [`Fleet::insert_placed`].
    pub(super) fn occupation_mut(&mut self) -> &mut Occupation {
        &mut self.indexes.occupation
    }

    /// Workers whose state Mesos has not reported since it was asked.
    pub(super) fn unanswered(&self) -> impl ExactSizeIterator<Item = &Worker> {
        self.indexes.unanswered.iter().map(|id| &*self.workers[id])
    }

    /// The next deadline.
    pub(super) fn next_due(&self) -> Option<Moment> {
        self.indexes.due.first().map(|(at, _)| *at)
    }

    /// Deadlines that have passed.
    pub(super) fn overdue(&self, now: Moment) -> Vec<(WorkerId, Overdue)> {
        let due = self.indexes.due.iter().take_while(|(at, _)| *at <= now);
        let what = |id: &WorkerId| Some(self.clock.deadline(self.workers.get(id)?)?.1);
        due.filter_map(|(_, id)| Some((id.clone(), what(id)?))).collect()
    }
}
