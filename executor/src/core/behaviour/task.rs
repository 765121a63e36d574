//! Tests of the one task, from its launch to its end.

use super::*;

#[test]
fn a_task_runs_and_is_killed_within_its_grace() {
    let mut bench = Bench::running(true);
    assert_eq!(bench.kill("w"), ["terminate"]);
    assert!(bench.kill("w").is_empty(), "a second KILL changes nothing");
    assert_eq!(bench.names(exit(ExitStatus::Code(143))), ["TaskKilled"]);
    assert!(bench.acknowledge(1).is_empty());
    assert!(bench.acknowledge(2).is_empty());
    assert_eq!(bench.acknowledge(3), ["end: its task is done"]);
    assert!(bench.core.deadline().is_none());
}

#[test]
fn a_process_that_ignores_sigterm_gets_sigkill_after_the_grace_and_again() {
    let mut bench = Bench::running(true);
    bench.acknowledge(1);
    bench.acknowledge(2);
    assert_eq!(bench.kill("w"), ["terminate"]);
    assert!(bench.pass(SECOND * 2).is_empty());
    assert_eq!(bench.pass(SECOND), ["destroy"]);
    assert_eq!(bench.pass(SECOND), ["destroy"]);
    assert_eq!(bench.names(exit(ExitStatus::Signal(9))), ["TaskKilled"]);
}

#[test]
fn the_kill_events_grace_overrides_the_tasks_and_may_only_shrink() {
    let mut bench = Bench::subscribed(true);
    let mut patient = task("w");
    patient.kill_policy =
        Some(KillPolicy { grace_period: Some(DurationInfo { nanoseconds: 60_000_000_000 }) });
    bench.names(Input::Launch(Box::new(patient)));
    bench.names(Input::Fetched);
    bench.names(Input::Started { pid: 7, class_data: false });
    (1..=2).for_each(|number| drop(bench.acknowledge(number)));
    assert_eq!(bench.kill("w"), ["terminate"]);
    assert!(bench.pass(SECOND * 30).is_empty());
    bench.names(Input::Kill { task_id: "w".into(), grace: Some(SECOND * 90) });
    assert!(bench.pass(SECOND * 29).is_empty());
    assert_eq!(
        bench.names(Input::Kill { task_id: "w".into(), grace: Some(Duration::ZERO) }),
        ["destroy"]
    );
}

#[test]
fn a_kill_during_the_fetch_cancels_it() {
    let mut bench = Bench::subscribed(true);
    bench.launch("w");
    assert_eq!(bench.kill("w"), ["cancel"]);
    assert_eq!(bench.names(Input::Cancelled), ["TaskKilled"]);
}

#[test]
fn a_kill_while_the_process_starts_ends_it_once_it_runs() {
    let mut bench = Bench::subscribed(true);
    bench.launch("w");
    bench.names(Input::Fetched);
    assert_eq!(bench.kill("w"), ["cancel"]);
    assert_eq!(bench.names(Input::Started { pid: 7, class_data: false }), ["terminate"]);
    assert_eq!(bench.names(exit(ExitStatus::Signal(15))), ["TaskKilled"]);
}

#[test]
fn a_task_can_be_configured_to_run_only_once_it_listens() {
    let mut bench = Bench::subscribed(true);
    bench.names(Input::Launch(Box::new(patient_task("w"))));
    bench.names(Input::Fetched);
    assert!(bench.names(Input::Started { pid: 7, class_data: false }).is_empty());
    assert_eq!(bench.names(Input::Listening), ["TaskRunning"]);
}

#[test]
fn a_process_that_dies_before_it_listens_is_a_failure_and_a_kill_terminates_it() {
    let starting = || {
        let mut bench = Bench::subscribed(true);
        bench.names(Input::Launch(Box::new(patient_task("w"))));
        bench.names(Input::Fetched);
        bench.names(Input::Started { pid: 7, class_data: false });
        bench
    };
    assert_eq!(starting().names(exit(ExitStatus::Code(1))), ["TaskFailed"]);
    assert_eq!(starting().kill("w"), ["terminate"]);
}

#[test]
fn registration_reports_health_and_the_timeline() {
    let mut bench = Bench::running(true);
    bench.elapsed = SECOND * 2;
    let mut update = |input| match bench.handle(input).pop() {
        Some(Output::Send(status)) => *status,
        other => panic!("{other:?}"),
    };
    let unhealthy = update(Input::Unregistered("Could not resolve".into()));
    assert_eq!((unhealthy.state(), unhealthy.healthy), (TaskState::TaskRunning, Some(false)));
    assert_eq!(
        unhealthy.message(),
        "not registered with the JobManager after 2.0 s: Could not resolve"
    );
    let healthy = update(Input::Registered);
    assert_eq!((healthy.state(), healthy.healthy), (TaskState::TaskRunning, Some(true)));
    let steps: Vec<_> = healthy.labels.unwrap().labels.into_iter().map(|label| label.key).collect();
    let expected = [
        "executor-started",
        "subscribed-ms",
        "launched-ms",
        "fetched-ms",
        "spawned-ms",
        "registered-ms",
    ];
    assert_eq!(steps, expected);
}

#[test]
fn a_process_that_dies_is_a_failure_with_its_last_lines() {
    let mut bench = Bench::running(true);
    bench.elapsed += SECOND * 3;
    let outputs = bench.handle(exit(ExitStatus::Code(1)));
    let Some(Output::Send(status)) = outputs.last() else { panic!("no update") };
    assert_eq!(state(status), "TaskFailed");
    assert_eq!(
        status.message(),
        "the TaskManager ended with exit code 1 after 3.0 s: the last lines"
    );
}

#[test]
fn a_failed_fetch_ends_the_task_with_its_reason() {
    let mut bench = Bench::subscribed(true);
    bench.launch("w");
    let failure = Failure {
        state: TaskState::TaskFailed,
        reason: None,
        blame: Blame::Worker,
        message: "no answer".into(),
    };
    assert_eq!(bench.names(Input::Failed(failure)), ["TaskFailed"]);
}

#[test]
fn a_second_task_is_rejected_and_the_first_one_continues() {
    let mut bench = Bench::running(true);
    assert_eq!(bench.launch("second"), ["TaskError"]);
    assert!(bench.launch("second").is_empty());
    assert!(bench.launch("w").is_empty());
    assert_eq!(
        bench.names(Input::LaunchGroup(vec![task("a"), task("b")])),
        ["TaskError", "TaskError"]
    );
    assert_eq!(bench.kill("w"), ["terminate"]);
}

#[test]
fn task_killing_is_reported_to_frameworks_that_ask_for_it() {
    let mut bench = Bench::running(true);
    bench.handle(Input::Subscribed { killing_state: true });
    assert_eq!(bench.kill("w"), ["terminate", "TaskKilling"]);
}

/// The message of a kill that ended with this status, these survivors, after this time.
fn said(status: ExitStatus, survivors: Survivors, passed: Duration) -> String {
    let mut bench = Bench::running(true);
    bench.kill("w");
    bench.elapsed += passed;
    let exit =
        Exit { status, survivors, reason: None, blame: Blame::Worker, explanation: String::new() };
    let outputs = bench.handle(Input::Exited(exit));
    let Some(Output::Send(status)) = outputs.last() else { panic!("no update") };
    status.message().to_owned()
}

#[test]
fn a_kill_says_what_really_happened() {
    let nobody = Survivors::default();
    let late = |task_manager, others| Survivors { task_manager, others };
    assert_eq!(
        said(ExitStatus::Code(143), nobody, SECOND),
        "stopped on request: ended 1.0 s after SIGTERM"
    );
    // SIGKILL was on its way, but no process was left.
    assert_eq!(
        said(ExitStatus::Code(143), nobody, SECOND * 3),
        "stopped on request: ended 3.0 s after SIGTERM"
    );
    assert_eq!(
        said(ExitStatus::Code(1), nobody, SECOND),
        "stopped on request: ended 1.0 s after SIGTERM; it ended with exit code 1"
    );
    assert_eq!(
        said(ExitStatus::Signal(9), nobody, SECOND),
        "stopped on request: ended 1.0 s after SIGTERM; it was ended by SIGKILL"
    );
    assert_eq!(
        said(ExitStatus::Signal(15), late(false, 1), SECOND * 4),
        "stopped on request: it ended within its grace period of 3.0 s, but 1 process that it had started did not: \
         killed by SIGKILL"
    );
    assert_eq!(
        said(ExitStatus::Signal(9), late(true, 0), SECOND * 4),
        "stopped on request: still alive after its grace period of 3.0 s, killed by SIGKILL"
    );
    assert_eq!(
        said(ExitStatus::Signal(9), late(true, 2), SECOND * 4),
        "stopped on request: it and 2 processes that it had started were still alive after its grace period of 3.0 s, \
         killed by SIGKILL"
    );
}

/// The agent allows ten seconds more than the task's own grace.
#[test]
fn a_shutdown_leaves_the_task_its_whole_grace_however_long_it_is() {
    for grace in [SECOND * 5, SECOND * 60, SECOND * 3600] {
        let settings = Settings { shutdown_grace: grace + SECOND * 10, ..settings(true) };
        let mut bench = Bench {
            core: Core::new(settings, Box::new(|| vec![1; 16].into())),
            elapsed: Duration::ZERO,
        };
        bench.names(Input::Begin);
        bench.names(Input::Subscribed { killing_state: false });
        let mut patient = task("w");
        let nanoseconds = grace.as_nanos().try_into().unwrap();
        patient.kill_policy = Some(KillPolicy { grace_period: Some(DurationInfo { nanoseconds }) });
        bench.names(Input::Launch(Box::new(patient)));
        bench.names(Input::Fetched);
        bench.names(Input::Started { pid: 7, class_data: false });
        bench.acknowledge(1);
        assert_eq!(bench.names(Input::Shutdown("shut down by the agent")), ["terminate"]);
        let names = bench.pass(grace.saturating_sub(SECOND / 10));
        assert!(!names.iter().any(|name| name == "destroy"), "{grace:?}: {names:?}");
        assert!(bench.pass(SECOND / 5).iter().any(|name| name == "destroy"), "{grace:?}");
    }
}
