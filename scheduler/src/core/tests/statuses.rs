//! The meaning of Mesos's task states for their workers.

use mesos::v1::task_status::Reason;

use super::*;
use crate::core::history::Step;

/// The worker's phase after this status; `None` if it is gone.
fn stands_after(mut harness: Harness, worker: &WorkerId, state: TaskState) -> Option<Step> {
    let asked = harness.feed(Input::Status(boxed(worker, state)));
    assert!(has(&asked, |o| matches!(o, Output::Acknowledge { .. })), "{state:?}");
    let there = harness.core.workers().get(worker).map(|worker| Step::from(worker.phase));
    assert_eq!(
        harness.state.workers.contains_key(worker),
        there.is_some(),
        "{state:?}: the store knows it"
    );
    there
}

#[test]
fn every_task_state_of_mesos_leads_a_worker_where_it_belongs() {
    let (staging, running) = (Some(Step::Staging), Some(Step::Running));
    let unreachable = Some(Step::Unreachable);
    let expected = [
        (TaskState::TaskStaging, staging, running),
        (TaskState::TaskStarting, staging, running),
        (TaskState::TaskRunning, running, running),
        (TaskState::TaskKilling, Some(Step::Launching), running),
        (TaskState::TaskUnreachable, unreachable, unreachable),
        (TaskState::TaskFinished, None, None),
        (TaskState::TaskFailed, None, None),
        (TaskState::TaskKilled, None, None),
        (TaskState::TaskError, None, None),
        (TaskState::TaskLost, None, None),
        (TaskState::TaskDropped, None, None),
        (TaskState::TaskGone, None, None),
        (TaskState::TaskGoneByOperator, None, None),
        (TaskState::TaskUnknown, None, None),
    ];
    assert_eq!(
        expected.len(),
        (0..100).filter(|state| TaskState::try_from(*state).is_ok()).count()
    );
    for (state, launched, ran) in expected {
        let mut harness = Harness::subscribed(1);
        let worker = harness.launch_on("A", 1).pop().unwrap();
        assert_eq!(stands_after(harness, &worker, state), launched, "{state:?} after the launch");
        let mut harness = Harness::subscribed(1);
        let worker = harness.running("A");
        assert_eq!(stands_after(harness, &worker, state), ran, "{state:?} while it runs");
    }
}

#[test]
fn an_unknown_task_state_is_ignored() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    let odd = v1::TaskStatus { state: 99, ..status(&worker, TaskState::TaskRunning) };
    let asked = harness.feed(Input::Status(Box::new(odd)));
    assert!(has(&asked, |o| matches!(o, Output::Acknowledge { .. })));
    assert_eq!(harness.core.workers()[&worker].phase, Phase::Running);
}

#[test]
fn a_late_status_of_a_workers_start_does_not_make_it_silent() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.running("A");
    harness.feed(Input::Registered(BTreeSet::from([worker.clone()])));
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskStarting)));
    assert!(kills(&harness.wait(100_000)).is_empty());
}

#[test]
fn a_worker_whose_executor_falls_silent_is_replaced_and_its_later_updates_do_not_count() {
    let mut harness = Harness::subscribed(1);
    let worker = harness.launch_on("A", 1).pop().unwrap();
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskStarting)));
    assert!(kills(&harness.wait(299)).is_empty());
    assert_eq!(kills(&harness.wait(1)), slice::from_ref(&worker));
    assert_eq!(harness.launch_on("B", 1).len(), 1);
    harness.feed(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(!harness.core.workers()[&worker].counts());
    assert_eq!(kills(&harness.wait(10)), [worker], "the kill is sent again");
}

#[test]
fn a_worker_that_mesos_ends_because_its_agent_drains_is_replaced_at_once_and_counts_against_nothing()
 {
    let mut harness = Harness::subscribed(1);
    for state in [TaskState::TaskKilled, TaskState::TaskGoneByOperator, TaskState::TaskKilled] {
        let worker = harness.running("A");
        let reason = Some(Reason::AgentDraining.into());
        let asked = harness
            .feed(Input::Status(Box::new(v1::TaskStatus { reason, ..status(&worker, state) })));
        assert!(has(&asked, |o| matches!(o, Output::Revive)), "{asked:?}");
    }
    assert_eq!(harness.core.suspicions(), []);
}
