//! Why jobs still wait for slots, in one sentence for people.

use std::time::Duration;

use scheduler::core::scale::Scale;
use tokio::time::Instant;

use super::Observation;

/// Jobs that wait for less time than this are about to get their slots.
const REPORT_AFTER: Duration = Duration::from_secs(5);

/// TaskManagers that start, and slots that Flink is about to use, are reported only after this time.
const REPORT_PROGRESS_AFTER: Duration = Duration::from_secs(30);

/// What the application master knows about its TaskManagers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workers<'a> {
    /// Those that jobs need.
    pub(crate) needed: usize,
    /// The bounds.
    pub(crate) scale: Scale,
    /// Those that were launched and have not ended.
    pub(crate) launched: usize,
    /// Those that the JobManager lists.
    pub(crate) registered: usize,
    /// Why none is launched, if that is known.
    pub(crate) starved: Option<&'a str>,
}

/// Jobs that wait for slots, and since when.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    since: Option<Instant>,
    text: Option<String>,
    reported: Option<Cause>,
}

/// What jobs wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Bounds,
    Offers,
    Start,
    Flink,
}

impl Waiting {
    /// The JobManager has answered. Returns what to report, once for each cause.
    pub(crate) fn observe(&mut self, seen: &Observation, workers: Workers<'_>) -> Option<String> {
        if !lack_slots(seen) {
            *self = Self::default();
            return None;
        }
        let waited = seen.at.duration_since(*self.since.get_or_insert(seen.at));
        if waited < REPORT_AFTER {
            return None;
        }
        let (cause, text) = explain(seen, workers);
        self.text = Some(text.clone());
        if matches!(cause, Cause::Start | Cause::Flink) && waited < REPORT_PROGRESS_AFTER {
            return None;
        }
        (self.reported.replace(cause) != Some(cause)).then_some(text)
    }

    /// Why jobs wait for slots, if they have waited for a while.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

/// Whether jobs wait for slots, or adaptive jobs run with fewer than they want.
fn lack_slots(seen: &Observation) -> bool {
    let there = seen.task_managers.values().fold(0, |sum: u64, it| sum.saturating_add(it.all));
    let waits = seen.jobs.iter().any(|job| job.waits) && seen.free_slots() == 0;
    waits || seen.wanted_slots() > there
}

fn explain(seen: &Observation, workers: Workers<'_>) -> (Cause, String) {
    let Workers { needed, scale, launched, registered, starved } = workers;
    let wanted = scale.nearest(needed);
    let count = |number: usize| match number {
        1 => "1 TaskManager".to_owned(),
        many => format!("{many} TaskManagers"),
    };
    let (cause, why) = if launched < wanted {
        let missing = count(wanted - launched);
        let why = starved.unwrap_or("no offer of Mesos has been used yet");
        (Cause::Offers, format!("{missing} of {wanted} cannot be launched: {why}"))
    } else if registered < wanted {
        let starting = wanted - registered;
        let verb = if starting == 1 { "is" } else { "are" };
        (Cause::Start, format!("{} of {wanted} {verb} starting", count(starting)))
    } else if needed > wanted {
        let why = match scale.fixed() {
            Some(fixed) => format!("the number of TaskManagers is fixed at {fixed}"),
            None => format!("at most {} allowed", count(scale.max())),
        };
        let how = "`mesos.workers`, `mesos.workers.max` and `flink-mesos workers scale` set this";
        (Cause::Bounds, format!("{} would be needed, but {why} ({how})", count(needed)))
    } else {
        (
            Cause::Flink,
            format!("{} registered; Flink has not used their slots yet", count(registered)),
        )
    };
    (cause, format!("{}; {why}", demand(seen)))
}

/// For example `Job WordCount (0f…) needs 6 slots, 2 are there`.
fn demand(seen: &Observation) -> String {
    let largest = seen.jobs.iter().max_by_key(|job| (job.waits, job.slots));
    let Some(job) = largest else { return "No job needs slots".to_owned() };
    let there = seen.task_managers.values().fold(0, |sum: u64, it| sum.saturating_add(it.all));
    let others = match seen.jobs.len() - 1 {
        0 => String::new(),
        1 => format!(", another job {}", seen.wanted_slots() - job.slots),
        many => format!(", {many} other jobs {}", seen.wanted_slots() - job.slots),
    };
    let slots = if job.slots == 1 { "slot" } else { "slots" };
    let (name, id, number) = (&job.name, &job.id, job.slots);
    let verb = if there == 1 { "is" } else { "are" };
    format!("Job {name} ({id}) needs {number} {slots}{others}; {there} {verb} there")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::demand::{JobNeed, Slots};

    fn seen(at: Instant, wanted: &[u64], managers: usize) -> Observation {
        let jobs = wanted.iter().enumerate().map(|(number, slots)| JobNeed {
            id: format!("{number}f"),
            name: "count".to_owned(),
            slots: *slots,
            more: 0,
            waits: true,
            runs: false,
            keeps_results: false,
            vertices: Vec::new(),
        });
        let managers = (0..managers as u64)
            .map(|number| (WorkerId::new("e", number), Slots { all: 2, free: 0 }));
        Observation {
            jobs: jobs.collect(),
            is_complete: true,
            task_managers: managers.collect(),
            at,
        }
    }

    use scheduler::core::ids::WorkerId;

    fn workers(needed: usize, scale: &str, launched: usize, registered: usize) -> Workers<'static> {
        Workers { needed, scale: scale.parse().unwrap(), launched, registered, starved: None }
    }

    #[test]
    fn a_job_that_waits_says_what_it_needs_and_what_it_waits_for() {
        let later = Instant::now() + REPORT_PROGRESS_AFTER;
        let starved = Some("3 offers declined: need mem 1760 MB, largest was 512 MB");
        for (wanted, workers, managers, expected) in [
            (
                &[6][..],
                Workers { starved, ..workers(3, "0..", 1, 1) },
                1,
                "Job count (0f) needs 6 slots; 2 are there; 2 TaskManagers of 3 cannot be launched: \
                 3 offers declined: need mem 1760 MB, largest was 512 MB",
            ),
            (
                &[6, 4],
                workers(5, "0..", 5, 4),
                4,
                "Job count (0f) needs 6 slots, another job 4; 8 are there; 1 TaskManager of 5 is starting",
            ),
            (
                &[6],
                workers(3, "0..2", 2, 2),
                2,
                "Job count (0f) needs 6 slots; 4 are there; 3 TaskManagers would be needed, but at most \
                 2 TaskManagers allowed (`mesos.workers`, `mesos.workers.max` and `flink-mesos workers \
                 scale` set this)",
            ),
        ] {
            let mut waiting = Waiting::default();
            assert_eq!(
                waiting.observe(&seen(later - REPORT_PROGRESS_AFTER, wanted, managers), workers),
                None
            );
            let text = waiting.observe(&seen(later, wanted, managers), workers);
            assert_eq!(text.as_deref(), Some(expected));
            assert_eq!(waiting.text(), Some(expected));
        }
    }

    #[test]
    fn the_same_cause_is_reported_once_and_again_after_the_jobs_had_their_slots() {
        let mut waiting = Waiting::default();
        let (mut at, needs) = (Instant::now(), workers(3, "0..", 1, 1));
        let mut after = |waiting: &mut Waiting, seconds, managers, workers| {
            at += Duration::from_secs(seconds);
            waiting.observe(&seen(at, &[6], managers), workers)
        };
        assert!(after(&mut waiting, 0, 1, needs).is_none());
        assert!(after(&mut waiting, 5, 1, needs).is_some());
        assert!(after(&mut waiting, 60, 1, needs).is_none(), "the same cause");
        assert!(after(&mut waiting, 1, 1, workers(3, "0..", 3, 1)).is_some(), "another cause");
        let mut idle = seen(Instant::now(), &[2], 3);
        idle.jobs[0].waits = false;
        assert!(waiting.observe(&idle, workers(1, "0..", 3, 3)).is_none());
        assert_eq!(waiting.text(), None);
        assert!(after(&mut waiting, 2, 1, needs).is_none());
        assert!(after(&mut waiting, 5, 1, needs).is_some());
    }
}
