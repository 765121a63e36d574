//! The end of workers and of the cluster.

use super::*;

#[test]
fn a_kill_is_repeated_until_the_task_has_ended() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    assert_eq!(kills(&harness.feed(Input::Target(0))), slice::from_ref(&worker));
    assert_eq!(kills(&harness.wait(10)), slice::from_ref(&worker));
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskKilled)));
    assert!(kills(&harness.wait(10)).is_empty());
}

#[test]
fn the_youngest_workers_go_first_when_fewer_are_wanted() {
    let mut harness = Harness::subscribed(2);
    let old = harness.running("A");
    harness.wait(1);
    let young = harness.running("B");
    assert_eq!(kills(&harness.feed(Input::Target(1))), [young]);
    assert!(harness.core.workers()[&old].counts());
}

#[test]
fn stopping_kills_every_worker_and_then_tears_down() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    let asked = harness.feed(Input::Stop);
    assert_eq!(kills(&asked), slice::from_ref(&worker));
    assert!(!has(&asked, |o| matches!(o, Output::Teardown)));
    let asked = harness.feed(Input::Status(boxed(&worker, TaskState::TaskKilled)));
    assert!(has(&asked, |o| matches!(o, Output::Teardown)));
}

#[test]
fn stopping_does_not_wait_for_an_unreachable_worker_and_forgets_it_with_the_framework() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    let asked = harness.feed(Input::Stop);
    assert!(
        has(&asked, |o| matches!(o, Output::Teardown))
            && !has(&asked, |o| matches!(o, Output::Stopped))
    );
    assert!(has(&harness.feed(Input::TornDown), |o| matches!(o, Output::Stopped)));
    assert_eq!((harness.state.framework.as_deref(), harness.state.workers.len()), (None, 0));
}

#[test]
fn a_worker_that_does_not_obey_is_reminded_and_then_its_executor_is_ended_by_force() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::Target(0));
    let shut_down = |o: &Output| matches!(o, Output::Shutdown { worker: which, agent } if *which == worker && agent == "A");
    for waited in [10, 20] {
        let asked = harness.wait(10);
        assert!(kills(&asked) == [worker.clone()] && !has(&asked, shut_down), "after {waited} s");
    }
    let asked = harness.wait(10);
    assert!(has(&asked, shut_down));
    let reported = |o: &Output| matches!(o, Output::Notice(Notice::Killing(_, why)) if why.to_string().contains("has not stopped within 30 s"));
    assert!(has(&asked, reported), "{asked:?}");
    let asked = harness.wait(10);
    assert!(has(&asked, shut_down) && !has(&asked, reported), "said once");
    // The worker may have missed the kill while it was unreachable, so the count starts again.
    harness.feed(Input::Disconnected);
    assert!(!has(&harness.feed(Input::Subscribed("F".to_owned())), shut_down));
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskFailed)));
    assert!(
        harness.core.workers().is_empty() && harness.core.suspicions().is_empty(),
        "it counts against no agent"
    );
}

#[test]
fn a_worker_has_its_whole_grace_period_before_it_is_ended_by_force() {
    let patience = Patience { obey: Duration::from_secs(600), ..Patience::default() };
    let mut harness = Harness::subscribed_with(1, Settings { patience, ..settings("") });
    harness.running("A");
    harness.feed(Input::Target(0));
    for waited in (10..600).step_by(10) {
        assert!(
            !has(&harness.wait(10), |o| matches!(o, Output::Shutdown { .. })),
            "after {waited} s"
        );
    }
    harness.wait(10);
    assert!(has(&harness.wait(10), |o| matches!(o, Output::Shutdown { .. })));
}

#[test]
fn an_unknown_task_that_does_not_obey_is_ended_by_force() {
    let mut harness = Harness::subscribed(0);
    let stranger = WorkerId::from("stranger");
    let seen = |harness: &mut Harness| {
        harness.feed(Input::Status(boxed(&stranger, TaskState::TaskRunning)))
    };
    assert!(!has(&seen(&mut harness), |o| matches!(o, Output::Shutdown { .. })));
    harness.wait(14);
    assert!(
        !has(&seen(&mut harness), |o| matches!(o, Output::Shutdown { .. })),
        "it may be ending"
    );
    harness.wait(1);
    assert!(has(
        &seen(&mut harness),
        |o| matches!(o, Output::Shutdown { agent, .. } if agent == "A")
    ));
}

#[test]
fn a_framework_that_registers_while_the_program_ends_is_torn_down() {
    let mut harness = Harness::new(State::fresh("e".to_owned()));
    harness.hold_stores = true;
    assert!(!has(&harness.feed(Input::Stop), |o| matches!(o, Output::Teardown | Output::Stopped)));
    let asked = harness.feed(Input::Subscribed("F".to_owned()));
    assert!(
        !has(&asked, |o| matches!(o, Output::Teardown | Output::Stopped)),
        "not before it is in the store"
    );
    let asked = harness.release_stores();
    assert!(
        has(&asked, |o| matches!(o, Output::Teardown))
            && !has(&asked, |o| matches!(o, Output::Stopped))
    );
    assert!(has(&harness.feed(Input::TornDown), |o| matches!(o, Output::Stopped)));
    assert_eq!(harness.state.framework, None);
}
