//! Workers that register with the JobManager, and those that do not.

use super::*;

#[test]
fn a_worker_that_does_not_register_is_replaced() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    assert!(kills(&harness.wait(100_000)).is_empty(), "there is no JobManager yet");
    harness.feed(Input::JobManager(true));
    let asked = harness.wait(300);
    assert_eq!(kills(&asked), [worker]);
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
}

#[test]
fn a_registered_worker_is_left_alone() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    let asked = harness.feed(Input::Registered(BTreeSet::from([worker.clone()])));
    assert!(has(&asked, |o| matches!(o, Output::Notice(Notice::Registered(w)) if *w == worker)));
    assert!(kills(&harness.wait(100_000)).is_empty());
}

#[test]
fn a_worker_that_the_jobmanager_has_lost_has_as_long_again_to_register() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::JobManager(true));
    harness.feed(Input::Registered(BTreeSet::from([worker.clone()])));
    harness.wait(1000);
    harness.feed(Input::Registered(BTreeSet::new()));
    assert!(kills(&harness.wait(299)).is_empty());
    assert_eq!(kills(&harness.wait(1)), [worker]);
}

#[test]
fn workers_need_not_register_while_the_jobmanager_is_down() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::JobManager(true));
    harness.wait(200);
    harness.feed(Input::JobManager(false));
    assert!(kills(&harness.wait(1000)).is_empty());
    harness.feed(Input::JobManager(true));
    assert!(kills(&harness.wait(299)).is_empty());
    assert_eq!(kills(&harness.wait(1)), [worker]);
}

#[test]
fn a_worker_that_does_not_register_with_the_next_jobmanager_is_replaced() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::JobManager(true));
    harness.feed(Input::Registered(BTreeSet::from([worker.clone()])));
    harness.feed(Input::JobManager(false));
    harness.feed(Input::JobManager(true));
    assert!(kills(&harness.wait(299)).is_empty());
    assert_eq!(kills(&harness.wait(1)), [worker]);
}
