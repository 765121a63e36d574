//! Workers on agents that Mesos cannot reach.

use super::*;

impl Harness {
    /// A worker that runs on `agent` and is given up because Mesos cannot reach it.
    fn given_up(&mut self, agent: &str) -> WorkerId {
        let worker = self.running(agent);
        self.feed(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
        self.wait(60);
        assert!(self.state.workers[&worker].released);
        worker
    }
}

#[test]
fn an_unreachable_worker_is_replaced_after_a_while_and_killed_if_it_returns() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    assert!(harness.launch_on("B", 1).is_empty());
    harness.wait(60);
    let second = harness.launch_on("B", 1).pop().unwrap();
    harness.feed(Input::Status(boxed(&second, TaskState::TaskRunning)));
    assert_eq!(
        kills(&harness.feed(Input::Status(boxed(&worker, TaskState::TaskRunning)))),
        [worker]
    );
}

#[test]
fn an_unreachable_worker_that_returns_in_time_is_kept() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    harness.wait(59);
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(kills(&harness.wait(60)).is_empty());
    assert_eq!(harness.core.workers()[&worker].phase, Phase::Running);
}

#[test]
fn an_unreachable_worker_that_returns_before_another_was_launched_takes_its_own_place_again() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.given_up("A");
    assert!(kills(&harness.outputs).is_empty(), "Mesos cannot end it, and it may still be needed");
    let asked = harness.feed(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(
        kills(&asked).is_empty() && has(&asked, |o| matches!(o, Output::Suppress)),
        "{asked:?}"
    );
    assert!(kills(&harness.wait(60)).is_empty());
    assert!(
        !harness.state.workers[&worker].released,
        "nor does the next application master end it"
    );
    assert_eq!(harness.core.workers()[&worker].phase, Phase::Running);
}

#[test]
fn a_worker_that_is_given_up_is_asked_about_once_more_since_its_return_may_have_been_missed() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    let asked = harness.wait(60);
    assert!(has(
        &asked,
        |o| matches!(o, Output::Reconcile(tasks) if tasks.len() == 1 && tasks[0].0 == worker)
    ));
}

#[test]
fn a_worker_that_returns_to_an_agent_that_is_drained_now_is_ended() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.given_up("A");
    harness.feed(Input::Drain("A".to_owned()));
    assert_eq!(
        kills(&harness.feed(Input::Status(boxed(&worker, TaskState::TaskRunning)))),
        [worker]
    );
}

#[test]
fn a_worker_that_returns_where_constraints_no_longer_allow_it_is_ended() {
    let mut harness = Harness::constrained(2, "hostname:UNIQUE");
    let one = harness.running("A");
    let other = harness.given_up("B");
    let same_host = v1::Offer { hostname: "host-B".to_owned(), ..offer("o", "C", 1) };
    assert_eq!(launches(&harness.feed(Input::Offers(vec![same_host]))).len(), 1);
    harness.feed(Input::Status(boxed(&one, TaskState::TaskFailed)));
    assert_eq!(kills(&harness.feed(Input::Status(boxed(&other, TaskState::TaskRunning)))), [other]);
}

#[test]
fn a_worker_that_returns_after_its_kill_was_sent_is_not_counted_on() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.given_up("A");
    assert_eq!(
        kills(&harness.feed(Input::Status(boxed(&worker, TaskState::TaskKilling)))),
        slice::from_ref(&worker)
    );
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(!harness.core.workers()[&worker].counts(), "a late word");
}
