//! Workers that are released because no job needs them.

use super::*;

/// The harness with these many registered workers on one agent, and the workers, oldest first.
fn registered(count: u32) -> (Harness, Vec<WorkerId>) {
    let mut harness = Harness::subscribed(count as usize);
    harness.feed(Input::JobManager(true));
    let mut workers = Vec::new();
    for number in 0..count {
        harness.now = harness.now.after(Duration::from_secs(1));
        workers.push(harness.running(&format!("A{number}")));
    }
    harness.feed(Input::Registered(workers.iter().cloned().collect()));
    (harness, workers)
}

fn release(harness: &mut Harness, target: usize, unused: &[&WorkerId]) -> Vec<WorkerId> {
    kills(&harness.feed(Input::Release(target, unused.iter().copied().cloned().collect())))
}

#[test]
fn only_unused_workers_are_released_and_the_others_stay_wanted() {
    let (mut harness, workers) = registered(3);
    assert!(release(&mut harness, 0, &[]).is_empty());
    assert_eq!(harness.core.target(), 3);
    assert_eq!(release(&mut harness, 0, &[&workers[1]]), [workers[1].clone()]);
    assert_eq!(harness.core.target(), 2);
    let asked = harness.feed(Input::Status(boxed(&workers[1], TaskState::TaskKilled)));
    assert!(!has(&asked, |o| matches!(o, Output::Revive)), "it is not replaced: {asked:?}");
    assert_eq!(harness.core.history().iter().last().unwrap().worker, workers[1]);
}

#[test]
fn no_more_workers_are_released_than_are_too_many_and_the_youngest_goes_first() {
    let (mut harness, workers) = registered(3);
    let all: Vec<_> = workers.iter().collect();
    assert_eq!(release(&mut harness, 2, &all), [workers[2].clone()]);
    assert_eq!(harness.core.target(), 2);
}

#[test]
fn a_worker_that_has_not_registered_yet_is_released_before_one_that_has() {
    let (mut harness, mut workers) = registered(2);
    harness.feed(Input::Target(3));
    workers.push(harness.launch_on("B", 1).pop().unwrap());
    // Younger than the one that starts.
    harness.feed(Input::Target(4));
    harness.now = harness.now.after(Duration::from_secs(1));
    workers.push(harness.running("C"));
    let all = workers.iter().filter(|id| **id != workers[2]);
    harness.feed(Input::Registered(all.cloned().collect()));
    let unused: Vec<_> = workers.iter().collect();
    assert_eq!(release(&mut harness, 3, &unused), [workers[2].clone()]);
}

#[test]
fn workers_that_are_not_launched_yet_are_no_longer_wanted_at_once() {
    let (mut harness, _) = registered(1);
    assert!(has(&harness.feed(Input::Target(3)), |o| matches!(o, Output::Revive)));
    let asked = harness.feed(Input::Release(0, BTreeSet::new()));
    assert!(has(&asked, |o| matches!(o, Output::Suppress)), "{asked:?}");
    assert_eq!(harness.core.target(), 1);
    assert!(harness.launch_on("B", 1).is_empty());
}

#[test]
fn a_release_never_raises_the_target_and_ends_no_unknown_worker() {
    let (mut harness, workers) = registered(1);
    assert!(release(&mut harness, 5, &[&workers[0]]).is_empty());
    assert_eq!(harness.core.target(), 1);
    assert!(release(&mut harness, 0, &[&WorkerId::new("other", 1)]).is_empty());
    assert_eq!(harness.core.target(), 1);
}

#[test]
fn a_worker_that_replaces_another_is_not_taken_for_one_too_many() {
    let (mut harness, workers) = registered(2);
    harness.feed(Input::Drain("A0".to_owned()));
    let third = harness.launch_on("B", 1).pop().unwrap();
    harness.feed(Input::Status(boxed(&third, TaskState::TaskStarting)));
    let all: Vec<_> = workers.iter().chain([&third]).collect();
    assert!(release(&mut harness, 2, &all).is_empty());
    assert_eq!(harness.core.target(), 2);
    assert_eq!(release(&mut harness, 1, &[&workers[1]]), [workers[1].clone()]);
    assert_eq!(harness.core.target(), 1);
}

#[test]
fn an_operators_number_of_workers_is_stored_until_it_is_taken_back() {
    let mut harness = Harness::subscribed(1);
    let scale = "2..5".parse().ok();
    harness.feed(Input::Scale(scale));
    assert_eq!((harness.core.scale(), harness.state.scale), (scale, scale));
    assert_eq!(Harness::new(harness.state.clone()).core.scale(), scale, "after a restart");
    harness.feed(Input::Scale(None));
    assert_eq!((harness.core.scale(), harness.state.scale), (None, None));
}
