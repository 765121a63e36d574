//! Workers on agents that Mesos has lost sight of.

use super::*;

impl Bench {
    /// Runs on `agent`, and is given up because Mesos does not see it.
    fn given_up(&mut self, agent: &str) -> WorkerId {
        let worker = self.running(agent);
        self.tell(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
        self.wait(60);
        assert!(self.state.workers[&worker].released);
        worker
    }
}

#[test]
fn an_unreachable_worker_is_replaced_after_a_while_and_killed_if_it_returns() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    assert!(bench.launch_on("B", 1).is_empty());
    bench.wait(60);
    let second = bench.launch_on("B", 1).pop().unwrap();
    bench.tell(Input::Status(boxed(&second, TaskState::TaskRunning)));
    assert_eq!(kills(&bench.tell(Input::Status(boxed(&worker, TaskState::TaskRunning)))), [worker]);
}

#[test]
fn an_unreachable_worker_that_returns_in_time_is_kept() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    bench.wait(59);
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(kills(&bench.wait(60)).is_empty());
    assert_eq!(bench.core.workers()[&worker].phase, Phase::Running);
}

#[test]
fn an_unreachable_worker_that_returns_before_another_was_launched_takes_its_own_place_again() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.given_up("A");
    assert!(kills(&bench.outputs).is_empty(), "Mesos cannot end it, and it may be of use yet");
    let asked = bench.tell(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(kills(&asked).is_empty() && has(&asked, |o| matches!(o, Output::Suppress)), "{asked:?}");
    assert!(kills(&bench.wait(60)).is_empty());
    assert!(!bench.state.workers[&worker].released, "nor does the next application master end it");
    assert_eq!(bench.core.workers()[&worker].phase, Phase::Running);
}

#[test]
fn a_worker_that_is_given_up_is_asked_for_once_more_since_its_return_may_have_been_missed() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskUnreachable)));
    let asked = bench.wait(60);
    assert!(has(&asked, |o| matches!(o, Output::Reconcile(tasks) if tasks.len() == 1 && tasks[0].0 == worker)));
}

#[test]
fn a_worker_that_returns_to_an_agent_that_is_drained_now_is_ended() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.given_up("A");
    bench.tell(Input::Drain("A".to_owned()));
    assert_eq!(kills(&bench.tell(Input::Status(boxed(&worker, TaskState::TaskRunning)))), [worker]);
}

#[test]
fn a_worker_that_returns_where_constraints_do_not_allow_it_any_more_is_ended() {
    let mut bench = Bench::constrained(2, "hostname:UNIQUE");
    let one = bench.running("A");
    let other = bench.given_up("B");
    let same_host = v1::Offer { hostname: "host-B".to_owned(), ..offer("o", "C", 1) };
    assert_eq!(launches(&bench.tell(Input::Offers(vec![same_host]))).len(), 1);
    bench.tell(Input::Status(boxed(&one, TaskState::TaskFailed)));
    assert_eq!(kills(&bench.tell(Input::Status(boxed(&other, TaskState::TaskRunning)))), [other]);
}

#[test]
fn a_worker_that_somebody_ends_on_its_return_is_not_counted_on() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.given_up("A");
    assert_eq!(kills(&bench.tell(Input::Status(boxed(&worker, TaskState::TaskKilling)))), slice::from_ref(&worker));
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(!bench.core.workers()[&worker].counts(), "a late word");
}
