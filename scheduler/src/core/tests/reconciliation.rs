//! What Mesos is asked about its tasks, and tasks that nobody knows.

use super::*;

#[test]
fn a_task_that_the_store_does_not_know_is_killed_on_sight() {
    let mut harness = Harness::subscribed(0);
    let stranger = WorkerId::from("stranger");
    assert_eq!(
        kills(&harness.feed(Input::Status(boxed(&stranger, TaskState::TaskRunning)))),
        slice::from_ref(&stranger)
    );
    let asked = harness.feed(Input::Status(boxed(&stranger, TaskState::TaskFailed)));
    assert!(kills(&asked).is_empty() && has(&asked, |o| matches!(o, Output::Acknowledge { .. })));
}

#[test]
fn recovered_workers_are_kept_and_asked_about_and_the_next_id_is_new() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    let mut again = Harness::new(harness.state.clone());
    again.feed(Input::Target(2));
    let asked = again.feed(Input::Subscribed("F".to_owned()));
    let explicit = |o: &Output| matches!(o, Output::Reconcile(tasks) if tasks.iter().any(|(w, _)| *w == worker));
    assert!(has(&asked, explicit));
    assert!(has(&asked, |o| matches!(o, Output::Reconcile(tasks) if tasks.is_empty())));
    let new = again.launch_on("B", 5);
    assert_eq!(new.len(), 1);
    assert_ne!(new[0], worker);
}

#[test]
fn reconciliation_repeats_ever_more_slowly_until_every_worker_is_answered() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::Disconnected);
    harness.feed(Input::Subscribed("F".to_owned()));
    let asks = |o: &Output| matches!(o, Output::Reconcile(tasks) if !tasks.is_empty());
    let rounds = (0..100).filter(|_| has(&harness.wait(1), asks)).count();
    assert_eq!(rounds, 4, "after 5, 15, 35 and 75 s, or somewhat sooner");
    harness.feed(Input::Status(Box::new(v1::TaskStatus {
        uuid: None,
        ..status(&worker, TaskState::TaskRunning)
    })));
    assert_eq!((0..120).filter(|_| has(&harness.wait(1), asks)).count(), 0);
}

#[test]
fn a_launch_without_any_status_is_asked_about_and_replaced_when_mesos_does_not_know_it() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.launch_on("A", 1).pop().unwrap();
    let asked = harness.wait(30);
    assert!(has(&asked, |o| matches!(o, Output::Reconcile(tasks) if tasks[0].0 == worker)));
    let asked = harness.feed(Input::Status(Box::new(v1::TaskStatus {
        uuid: None,
        ..status(&worker, TaskState::TaskUnknown)
    })));
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
    assert!(!harness.state.workers.contains_key(&worker));
}

#[test]
fn a_worker_that_mesos_no_longer_mentions_is_asked_about_within_a_quarter_of_an_hour() {
    let mut harness = Harness::subscribed(2);
    let (one, other) = (harness.running("A"), harness.running("B"));
    harness.feed(Input::Registered(BTreeSet::from([one.clone(), other.clone()])));
    assert!(has(&harness.wait(900), |o| matches!(o, Output::Reconcile(tasks) if tasks.is_empty())));
    harness.feed(Input::Status(Box::new(v1::TaskStatus {
        uuid: None,
        ..status(&one, TaskState::TaskRunning)
    })));
    let asked = harness.wait(5);
    assert!(has(
        &asked,
        |o| matches!(o, Output::Reconcile(tasks) if tasks.len() == 1 && tasks[0].0 == other)
    ));
    harness.feed(Input::Status(Box::new(v1::TaskStatus {
        uuid: None,
        ..status(&other, TaskState::TaskGone)
    })));
    assert!(!harness.state.workers.contains_key(&other));
}
