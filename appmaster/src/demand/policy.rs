//! Decides how many TaskManagers are wanted, and which of them may be stopped.
//!
//! More are wanted at once, all those of one step together: an adaptive job then changes its
//! parallelism only once. Fewer are wanted only after `resourcemanager.taskmanager-timeout`, during
//! which fewer were needed all the time, and the TaskManagers to stop were idle. So a job that
//! follows soon finds TaskManagers, and the number does not flap.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use scheduler::core::{ids::WorkerId, scale::Scale};
use tokio::time::Instant;

use super::Observation;
use crate::settings::ScalingSettings;

/// Tasks that wait this long although every needed TaskManager has registered need more slots than
/// the JobManager lets us count.
const STUCK: Duration = Duration::from_secs(3);

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing.
    Keep,
    /// This many workers are wanted, more than before.
    Raise(usize),
    /// Only this many workers are needed, and these may be stopped.
    Lower(usize, BTreeSet<WorkerId>),
}

/// The workers as the scheduler knows them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fleet {
    /// How many are wanted.
    pub(crate) target: usize,
    /// Those that count, and whether the JobManager lists them.
    pub(crate) workers: BTreeMap<WorkerId, bool>,
}

/// The number of workers that jobs need, and since when some are idle.
#[derive(Debug)]
pub(crate) struct Policy {
    settings: ScalingSettings,
    scale: Scale,
    /// Workers that jobs need, before the bounds.
    needed: usize,
    idle_since: BTreeMap<WorkerId, Instant>,
    /// Since when fewer workers are needed than wanted.
    spare_since: Option<Instant>,
    /// Since when tasks wait although all needed TaskManagers are there.
    stuck_since: Option<Instant>,
}

impl Policy {
    /// With these bounds, or those of the settings.
    pub(crate) fn new(settings: ScalingSettings, scale: Option<Scale>) -> Self {
        Self {
            scale: scale.unwrap_or(settings.scale),
            settings,
            needed: 0,
            idle_since: BTreeMap::new(),
            spare_since: None,
            stuck_since: None,
        }
    }

    /// The bounds.
    pub(crate) fn scale(&self) -> Scale {
        self.scale
    }

    /// Workers that jobs need, before the bounds.
    pub(crate) fn needed(&self) -> usize {
        self.needed
    }

    /// How many workers are wanted before the JobManager has said anything: those that an earlier
    /// application master has left, because its jobs may use them.
    pub(crate) fn at_start(&self, workers: usize) -> usize {
        self.scale.nearest(workers)
    }

    /// The next JobManager knows no TaskManagers at first, and may have other jobs.
    pub(crate) fn job_manager_down(&mut self) {
        self.idle_since.clear();
        (self.spare_since, self.stuck_since) = (None, None);
    }

    /// Jobs may need more or fewer slots now.
    pub(crate) fn observe(&mut self, seen: &Observation, fleet: &Fleet) -> Decision {
        let now = seen.at;
        let slots = self.slots(seen);
        self.needed = self.workers_for(slots);
        self.note_idle(seen);
        let wanted = self.scale.nearest(self.needed);
        if wanted >= fleet.target {
            self.spare_since = None;
            return if wanted > fleet.target { Decision::Raise(wanted) } else { Decision::Keep };
        }
        if !seen.is_complete {
            return Decision::Keep;
        }
        let since = *self.spare_since.get_or_insert(now);
        let mut unused = BTreeSet::new();
        if now.duration_since(since) >= self.settings.idle_timeout {
            let known = fleet.workers.iter();
            let may_go = known.filter(|(id, listed)| self.is_unused(seen, id, **listed));
            unused.extend(may_go.map(|(id, _)| id.clone()));
        }
        let unplaced = fleet.workers.len() < fleet.target;
        if unplaced || !unused.is_empty() {
            Decision::Lower(wanted, unused)
        } else {
            Decision::Keep
        }
    }

    /// Other bounds hold from now on. Returns the number of workers that is wanted at once.
    pub(crate) fn set_scale(&mut self, scale: Option<Scale>, target: usize) -> Option<usize> {
        self.scale = scale.unwrap_or(self.settings.scale);
        let wanted = self.scale.nearest(self.needed);
        // A fixed number holds whatever jobs use. Otherwise only idle workers are stopped, later.
        (self.scale.fixed().is_some() || wanted > target).then_some(wanted)
    }

    /// The slots that jobs need.
    fn slots(&mut self, seen: &Observation) -> u64 {
        let wanted = seen.wanted_slots();
        let more = seen.jobs.iter().fold(0, |sum: u64, job| sum.saturating_add(job.more));
        let all_there = seen.task_managers.len() >= self.workers_for(wanted);
        if more == 0 || seen.free_slots() > 0 || !all_there {
            self.stuck_since = None;
            return wanted;
        }
        let since = *self.stuck_since.get_or_insert(seen.at);
        let is_stuck = seen.at.duration_since(since) >= STUCK;
        if is_stuck { wanted.saturating_add(more) } else { wanted }
    }

    fn workers_for(&self, slots: u64) -> usize {
        let workers = usize::try_from(slots.div_ceil(self.settings.slots)).unwrap_or(usize::MAX);
        // As in Flink, there are no spare ones without a job.
        if workers == 0 { 0 } else { workers.saturating_add(self.settings.spare) }
    }

    fn note_idle(&mut self, seen: &Observation) {
        let idle = |id: &WorkerId| seen.task_managers.get(id).is_some_and(|slots| slots.is_idle());
        self.idle_since.retain(|id, _| idle(id));
        for (id, slots) in &seen.task_managers {
            if slots.is_idle() && !self.idle_since.contains_key(id) {
                self.idle_since.insert(id.clone(), seen.at);
            }
        }
    }

    /// Whether this worker has been idle for long enough, or has not come up yet.
    fn is_unused(&self, seen: &Observation, id: &WorkerId, listed: bool) -> bool {
        match self.idle_since.get(id) {
            Some(since) => seen.at.duration_since(*since) >= self.settings.idle_timeout,
            None => !listed && !seen.task_managers.contains_key(id),
        }
    }
}

#[cfg(test)]
mod tests;
