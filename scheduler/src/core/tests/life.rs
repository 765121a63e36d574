//! The life of workers, from the store to their failure.

use super::*;

#[test]
fn a_worker_is_in_the_store_before_its_launch_is_sent() {
    let mut harness = Harness::subscribed(1);
    harness.hold_stores = true;
    let asked = harness.feed(Input::Offers(vec![offer("o", "A", 4)]));
    assert!(launches(&asked).is_empty());
    let asked = harness.release_stores();
    assert_eq!(launches(&asked).len(), 1);
    assert!(harness.state.workers.contains_key(&launches(&asked)[0].worker));
}

#[test]
fn a_status_is_acknowledged_only_after_its_effect_is_stored() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.launch_on("A", 1).pop().unwrap();
    harness.hold_stores = true;
    let acknowledged = |o: &Output| matches!(o, Output::Acknowledge { .. });
    let asked = harness.feed(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(!has(&asked, acknowledged));
    assert!(has(&harness.release_stores(), acknowledged));
}

#[test]
fn a_status_without_uuid_is_not_acknowledged() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.launch_on("A", 1).pop().unwrap();
    let answer = v1::TaskStatus { uuid: None, ..status(&worker, TaskState::TaskRunning) };
    assert!(!has(&harness.feed(Input::Status(Box::new(answer))), |o| matches!(
        o,
        Output::Acknowledge { .. }
    )));
}

#[test]
fn a_worker_whose_executor_falls_silent_is_replaced_and_this_counts_against_its_agent() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.launch_on("A", 1).pop().unwrap();
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskStarting)));
    assert!(kills(&harness.wait(299)).is_empty());
    let asked = harness.wait(1);
    assert_eq!(kills(&asked), [worker]);
    assert!(has(&asked, |o| matches!(o, Output::Revive)));
    let [suspicion] = &harness.core.suspicions()[..] else {
        panic!("{:?}", harness.core.suspicions())
    };
    assert_eq!(
        (suspicion.agent.as_str(), suspicion.last.to_string().as_str()),
        ("A", "its executor has not reported for 300 s")
    );
}

#[test]
fn a_launch_on_an_invalid_offer_counts_against_no_agent() {
    let mut harness = Harness::subscribed(1);
    for _ in 0..9 {
        let worker = harness.launch_on("A", 1).pop().expect("there is no wait");
        let reason = Some(v1::task_status::Reason::InvalidOffers.into());
        let dropped =
            v1::TaskStatus { reason, uuid: None, ..status(&worker, TaskState::TaskDropped) };
        harness.feed(Input::Status(Box::new(dropped)));
    }
    assert!(harness.core.suspicions().is_empty());
}

#[test]
fn an_agent_that_cannot_enforce_a_limit_is_tried_once_while_others_are_used() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.launch_on("A", 1).pop().unwrap();
    let message = Some("CPU limits can only be set on …".to_owned());
    let refused = v1::TaskStatus { message, uuid: None, ..status(&worker, TaskState::TaskDropped) };
    harness.feed(Input::Status(Box::new(refused)));
    let asked = harness.feed(Input::Offers(vec![offer("o", "A", 1)]));
    assert!(launches(&asked).is_empty());
    let reported = Notice::Starved(
        "1 offer declined: the agent cannot enforce the configured limits".to_owned(),
    );
    assert!(
        has(&asked, |o| matches!(o, Output::Notice(notice) if *notice == reported)),
        "{asked:?}"
    );
    assert_eq!(harness.launch_on("B", 1).len(), 1);
}

#[test]
fn workers_that_keep_failing_are_launched_ever_more_slowly() {
    let mut harness = Harness::subscribed(1);
    for _ in 0..2 {
        let worker = harness.launch_on("A", 1).pop().unwrap();
        harness.feed(Input::Status(boxed(&worker, TaskState::TaskFailed)));
    }
    assert!(harness.launch_on("A", 1).is_empty());
    assert!(has(&harness.wait(1), |o| matches!(o, Output::Revive)));
    assert_eq!(harness.launch_on("A", 1).len(), 1);
}
