//! What the states of Mesos's tasks mean for their workers.

use mesos::v1::task_status::Reason;

use super::*;

/// Where a worker stands after this status, in one word; `None` if it is gone.
fn stands_after(mut bench: Bench, worker: &WorkerId, state: TaskState) -> Option<&'static str> {
    let asked = bench.tell(Input::Status(boxed(worker, state)));
    assert!(has(&asked, |o| matches!(o, Output::Acknowledge { .. })), "{state:?}");
    let there = bench.core.workers().get(worker).map(|worker| worker.phase.word());
    assert_eq!(bench.state.workers.contains_key(worker), there.is_some(), "{state:?}: the store knows it");
    there
}

#[test]
fn every_task_state_of_mesos_leads_a_worker_where_it_belongs() {
    let (staging, running) = (Some("staging"), Some("running"));
    let expected = [
        (TaskState::TaskStaging, staging, running),
        (TaskState::TaskStarting, staging, running),
        (TaskState::TaskRunning, running, running),
        (TaskState::TaskKilling, Some("launching"), running),
        (TaskState::TaskUnreachable, Some("unreachable"), Some("unreachable")),
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
    assert_eq!(expected.len(), (0..100).filter(|state| TaskState::try_from(*state).is_ok()).count());
    for (state, launched, ran) in expected {
        let mut bench = Bench::subscribed(1);
        let worker = bench.launch_on("A", 1).pop().unwrap();
        assert_eq!(stands_after(bench, &worker, state), launched, "{state:?} after the launch");
        let mut bench = Bench::subscribed(1);
        let worker = bench.running("A");
        assert_eq!(stands_after(bench, &worker, state), ran, "{state:?} while it runs");
    }
}

#[test]
fn a_task_state_of_the_future_is_harmless() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    let odd = v1::TaskStatus { state: 99, ..status(&worker, TaskState::TaskRunning) };
    let asked = bench.tell(Input::Status(Box::new(odd)));
    assert!(has(&asked, |o| matches!(o, Output::Acknowledge { .. })));
    assert_eq!(bench.core.workers()[&worker].phase, Phase::Running);
}

#[test]
fn a_late_word_of_a_workers_start_does_not_make_it_silent() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.running("A");
    bench.tell(Input::Registered(BTreeSet::from([worker.clone()])));
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskStarting)));
    assert!(kills(&bench.wait(100_000)).is_empty());
}

#[test]
fn a_worker_whose_executor_falls_silent_is_replaced_and_what_it_says_later_does_not_count() {
    let mut bench = Bench::subscribed(1);
    let worker = bench.launch_on("A", 1).pop().unwrap();
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskStarting)));
    assert!(kills(&bench.wait(299)).is_empty());
    assert_eq!(kills(&bench.wait(1)), slice::from_ref(&worker));
    assert_eq!(bench.launch_on("B", 1).len(), 1);
    bench.tell(Input::Status(boxed(&worker, TaskState::TaskRunning)));
    assert!(!bench.core.workers()[&worker].counts());
    assert_eq!(kills(&bench.wait(10)), [worker], "it is told again");
}

#[test]
fn a_worker_that_mesos_ends_because_its_agent_drains_is_replaced_at_once_and_nobody_is_blamed() {
    let mut bench = Bench::subscribed(1);
    for state in [TaskState::TaskKilled, TaskState::TaskGoneByOperator, TaskState::TaskKilled] {
        let worker = bench.running("A");
        let reason = Some(Reason::AgentDraining.into());
        let asked = bench.tell(Input::Status(Box::new(v1::TaskStatus { reason, ..status(&worker, state) })));
        assert!(has(&asked, |o| matches!(o, Output::Revive)), "{asked:?}");
    }
    assert_eq!(bench.core.suspicions(), []);
}
