#![allow(clippy::unwrap_used)]

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use super::*;
use crate::demand::{JobNeed, Slots};

const IDLE: Duration = Duration::from_secs(30);

fn settings(scale: &str) -> ScalingSettings {
    let scale = scale.parse().unwrap();
    ScalingSettings { scale, slots: 2, spare: 0, idle_timeout: IDLE, adaptive: false }
}

fn job(slots: u64) -> JobNeed {
    JobNeed {
        id: "j".to_owned(),
        name: "job".to_owned(),
        slots,
        more: 0,
        waits: false,
        runs: true,
        keeps_results: false,
        vertices: Vec::new(),
    }
}

fn id(number: u64) -> WorkerId {
    WorkerId::new("e", number)
}

/// TaskManagers by the number of their free slots, of two each, and one job.
fn seen(at: Instant, slots: u64, free: &[u64]) -> Observation {
    let managers =
        (1..).zip(free).map(|(number, free)| (id(number), Slots { all: 2, free: *free }));
    let jobs = if slots == 0 { Vec::new() } else { vec![job(slots)] };
    Observation { jobs, is_complete: true, task_managers: managers.collect(), at }
}

/// So many workers are wanted; these exist, and the JobManager lists the first ones.
fn fleet(target: usize, workers: u64, listed: u64) -> Fleet {
    Fleet { target, workers: (1..=workers).map(|number| (id(number), number <= listed)).collect() }
}

fn ids(numbers: &[u64]) -> BTreeSet<WorkerId> {
    numbers.iter().map(|number| id(*number)).collect()
}

#[test]
fn more_slots_are_wanted_at_once_and_all_together() {
    let now = Instant::now();
    let mut policy = Policy::new(settings("0.."), None);
    assert_eq!(policy.observe(&seen(now, 6, &[]), &fleet(0, 0, 0)), Decision::Raise(3));
    assert_eq!(policy.observe(&seen(now, 6, &[]), &fleet(3, 3, 0)), Decision::Keep);
    assert_eq!(policy.observe(&seen(now, 7, &[0, 0, 0]), &fleet(3, 3, 3)), Decision::Raise(4));
}

#[test]
fn bounds_and_spare_task_managers_take_effect_and_there_are_no_spare_ones_without_a_job() {
    let now = Instant::now();
    let with_spare = ScalingSettings { spare: 2, ..settings("1..4") };
    for (slots, expected) in [(1, 3), (6, 4), (65_536, 4), (u64::MAX, 4)] {
        let mut policy = Policy::new(with_spare.clone(), None);
        let decision = policy.observe(&seen(now, slots, &[]), &fleet(0, 0, 0));
        assert_eq!(decision, Decision::Raise(expected), "{slots} slots");
    }
    let mut policy = Policy::new(with_spare, None);
    assert_eq!(policy.observe(&seen(now, 0, &[]), &fleet(0, 0, 0)), Decision::Raise(1));
}

#[test]
fn only_workers_that_were_idle_for_the_whole_time_are_released() {
    let began = Instant::now();
    let mut policy = Policy::new(settings("0.."), None);
    let at = |seconds| began + Duration::from_secs(seconds);
    let three = fleet(3, 3, 3);
    // The job has ended, and the third worker runs tasks of another one until later.
    assert_eq!(policy.observe(&seen(at(0), 1, &[2, 2, 1]), &three), Decision::Keep);
    assert_eq!(policy.observe(&seen(at(20), 1, &[2, 1, 1]), &three), Decision::Keep);
    assert_eq!(policy.observe(&seen(at(29), 1, &[2, 2, 1]), &three), Decision::Keep);
    let lowered = policy.observe(&seen(at(30), 1, &[2, 2, 1]), &three);
    assert_eq!(lowered, Decision::Lower(1, ids(&[1])), "the second was used after 20 s");
    let lowered = policy.observe(&seen(at(59), 1, &[2, 2, 1]), &three);
    assert_eq!(lowered, Decision::Lower(1, ids(&[1, 2])));
}

#[test]
fn a_job_that_comes_meanwhile_keeps_the_workers_and_starts_the_time_again() {
    let began = Instant::now();
    let mut policy = Policy::new(settings("0.."), None);
    let at = |seconds| began + Duration::from_secs(seconds);
    let three = fleet(3, 3, 3);
    assert_eq!(policy.observe(&seen(at(0), 0, &[2, 2, 2]), &three), Decision::Keep);
    assert_eq!(policy.observe(&seen(at(29), 6, &[2, 2, 2]), &three), Decision::Keep);
    assert_eq!(policy.observe(&seen(at(31), 0, &[2, 2, 2]), &three), Decision::Keep);
    let lowered = policy.observe(&seen(at(61), 0, &[2, 2, 2]), &three);
    assert_eq!(lowered, Decision::Lower(0, ids(&[1, 2, 3])));
}

#[test]
fn launches_that_have_not_begun_are_withdrawn_at_once_and_those_that_have_after_the_time() {
    let began = Instant::now();
    let mut policy = Policy::new(settings("0.."), None);
    let nothing = Decision::Lower(0, BTreeSet::new());
    assert_eq!(policy.observe(&seen(began, 0, &[]), &fleet(3, 1, 0)), nothing);
    assert_eq!(policy.observe(&seen(began + IDLE / 2, 0, &[]), &fleet(1, 1, 0)), Decision::Keep);
    let lowered = policy.observe(&seen(began + IDLE, 0, &[]), &fleet(1, 1, 0));
    assert_eq!(lowered, Decision::Lower(0, ids(&[1])));
}

#[test]
fn nothing_is_released_while_a_job_has_not_said_what_it_needs() {
    let began = Instant::now();
    let mut policy = Policy::new(settings("0.."), None);
    for seconds in [0, 60, 120] {
        let at = began + Duration::from_secs(seconds);
        let incomplete = Observation { is_complete: false, ..seen(at, 0, &[2]) };
        assert_eq!(policy.observe(&incomplete, &fleet(1, 1, 1)), Decision::Keep);
    }
}

#[test]
fn the_next_job_manager_starts_the_time_again() {
    let began = Instant::now();
    let mut policy = Policy::new(settings("0.."), None);
    policy.observe(&seen(began, 0, &[2]), &fleet(1, 1, 1));
    policy.job_manager_down();
    let later = seen(began + IDLE, 0, &[2]);
    assert_eq!(policy.observe(&later, &fleet(1, 1, 1)), Decision::Keep);
}

#[test]
fn tasks_that_wait_although_all_task_managers_are_there_get_the_slots_that_could_not_be_counted() {
    let began = Instant::now();
    let mut policy = Policy::new(settings("0.."), None);
    let waits = |seconds: u64, free: &[u64]| {
        let mut waits = seen(began + Duration::from_secs(seconds), 4, free);
        (waits.jobs[0].more, waits.jobs[0].waits) = (2, true);
        waits
    };
    assert_eq!(policy.observe(&waits(0, &[]), &fleet(0, 0, 0)), Decision::Raise(2));
    assert_eq!(policy.observe(&waits(9, &[0]), &fleet(2, 2, 1)), Decision::Keep, "one starts");
    assert_eq!(policy.observe(&waits(10, &[0, 0]), &fleet(2, 2, 2)), Decision::Keep);
    assert_eq!(policy.observe(&waits(13, &[0, 0]), &fleet(2, 2, 2)), Decision::Raise(3));
}

#[test]
fn a_fixed_number_holds_at_once_and_bounds_only_for_idle_workers() {
    let now = Instant::now();
    let mut policy = Policy::new(settings("0.."), None);
    policy.observe(&seen(now, 6, &[]), &fleet(0, 0, 0));
    assert_eq!(policy.set_scale("1".parse().ok(), 3), Some(1));
    assert_eq!(policy.set_scale("0..2".parse().ok(), 3), None);
    assert_eq!(policy.set_scale("5..".parse().ok(), 3), Some(5));
    assert_eq!(policy.set_scale(None, 3), None);
    assert_eq!(policy.scale(), Scale::ANY);
}

#[test]
fn workers_of_an_earlier_application_master_are_kept_until_the_jobs_are_known() {
    assert_eq!(Policy::new(settings("0.."), None).at_start(4), 4);
    assert_eq!(Policy::new(settings("2"), None).at_start(4), 2);
    assert_eq!(Policy::new(settings("2"), "0..3".parse().ok()).at_start(4), 3);
}

/// A Flink that gives slots to jobs that come and go, second by second.
struct Day {
    dice: StdRng,
    /// Slots and end of each job.
    jobs: Vec<(u64, u64)>,
    /// When each worker registers, and its used slots.
    workers: BTreeMap<WorkerId, (u64, u64)>,
    next: u64,
    target: usize,
    launched: usize,
}

impl Day {
    fn come_and_go(&mut self, second: u64) {
        // Few jobs at night, many at noon.
        let busy = 1 + 20 * (43_200 - second.abs_diff(43_200)) / 43_200;
        if self.dice.random_range(0..20_000) < busy * 20 {
            let (slots, lasts) = (self.dice.random_range(1..=12), self.dice.random_range(5..1800));
            self.jobs.push((slots, second + lasts));
        }
        self.jobs.retain(|(_, ends)| *ends > second);
        // Slots stay where they are as far as possible.
        let mut wanted: u64 = self.jobs.iter().map(|(slots, _)| slots).sum();
        for (_, used) in self.workers.values_mut() {
            *used = (*used).min(wanted);
            wanted -= *used;
        }
        for (_, used) in self.workers.values_mut().filter(|(up, _)| *up <= second) {
            let more = wanted.min(2 - *used);
            (*used, wanted) = (*used + more, wanted - more);
        }
    }

    fn observe(&self, at: Instant, second: u64) -> (Observation, Fleet) {
        let listed = self.workers.iter().filter(|(_, (up, _))| *up <= second);
        let task_managers =
            listed.map(|(id, (_, used))| (id.clone(), Slots { all: 2, free: 2 - used })).collect();
        let jobs = self.jobs.iter().map(|(slots, _)| job(*slots)).collect();
        let workers = self.workers.iter().map(|(id, (up, _))| (id.clone(), *up <= second));
        let fleet = Fleet { target: self.target, workers: workers.collect() };
        (Observation { jobs, is_complete: true, task_managers, at }, fleet)
    }

    fn follow(&mut self, decision: Decision, second: u64) {
        match decision {
            Decision::Keep => {}
            Decision::Raise(target) => {
                self.target = target;
                while self.workers.len() < target {
                    let up = second + self.dice.random_range(2..6);
                    self.workers.insert(id(self.next), (up, 0));
                    (self.next, self.launched) = (self.next + 1, self.launched + 1);
                }
            }
            Decision::Lower(needed, unused) => {
                for id in unused {
                    if self.workers.len() > needed {
                        let (_, used) = self.workers.remove(&id).unwrap();
                        assert_eq!(used, 0, "second {second}: {id} is used, and is released");
                    }
                }
                self.target = needed.max(self.workers.len());
            }
        }
    }
}

#[test]
fn a_day_of_jobs_releases_no_used_worker_and_does_not_flap() {
    for seed in 0..3 {
        let dice = StdRng::seed_from_u64(seed);
        let (jobs, workers) = (Vec::new(), BTreeMap::new());
        let mut day = Day { dice, jobs, workers, next: 1, target: 0, launched: 0 };
        let mut policy = Policy::new(settings("0..100"), None);
        let (began, mut count) = (Instant::now(), 0);
        let mut waited = 0;
        for second in 0..90_000 {
            let before = day.jobs.len();
            if second < 86_400 {
                day.come_and_go(second);
            } else {
                day.jobs.clear();
                day.workers.values_mut().for_each(|(_, used)| *used = 0);
            }
            count += day.jobs.len().saturating_sub(before);
            let (seen, fleet) = day.observe(began + Duration::from_secs(second), second);
            waited += u64::from(seen.wanted_slots() > 2 * seen.task_managers.len() as u64);
            let decision = policy.observe(&seen, &fleet);
            day.follow(decision, second);
        }
        assert!(day.workers.is_empty(), "all are released in the evening");
        assert!(count > 300, "{count} jobs came");
        // A job has 6.5 slots on average, so it needs three or four workers.
        assert!(day.launched < count * 3, "{} launches for {count} jobs", day.launched);
        assert!(waited < count as u64 * 6, "jobs waited for {waited} s");
    }
}
