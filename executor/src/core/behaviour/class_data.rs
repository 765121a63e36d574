//! Tests of a second start without class data.

use super::*;

/// A death for no known reason.
fn crash() -> Input {
    let explanation = "it crashed".into();
    Input::Exited(Exit {
        status: ExitStatus::Signal(6),
        survivors: Survivors::default(),
        reason: None,
        blame: Blame::Worker,
        explanation,
    })
}

fn warm(bench: &mut Bench) {
    bench.launch("w");
    bench.names(Input::Fetched);
    assert_eq!(bench.names(Input::Started { pid: 7, class_data: true }), ["TaskRunning"]);
}

#[test]
fn a_task_manager_that_dies_early_with_class_data_is_started_once_more_without() {
    let mut bench = Bench::subscribed(true);
    warm(&mut bench);
    bench.pass(SECOND * 3);
    assert_eq!(bench.names(crash()), ["start differently"]);
    assert_eq!(bench.names(Input::Started { pid: 8, class_data: false }), ["TaskRunning"]);
    assert_eq!(bench.names(crash()), ["TaskFailed"], "once");
}

#[test]
fn class_data_is_not_blamed_for_a_late_or_explained_or_requested_end() {
    let mut late = Bench::subscribed(true);
    warm(&mut late);
    late.pass(SECOND * 20);
    assert_eq!(late.names(crash()), ["TaskFailed"]);

    let ends = [
        (ExitStatus::Code(0), Blame::Worker, "TaskFinished"),
        (ExitStatus::Code(1), Blame::Configuration, "TaskFailed"),
        (ExitStatus::Signal(9), Blame::Worker, "TaskFailed"),
    ];
    for (status, blame, expected) in ends {
        let mut bench = Bench::subscribed(true);
        warm(&mut bench);
        let exit = Exit {
            status,
            survivors: Survivors::default(),
            reason: None,
            blame,
            explanation: String::new(),
        };
        assert_eq!(bench.names(Input::Exited(exit)), [expected]);
    }

    let mut killed = Bench::subscribed(true);
    warm(&mut killed);
    killed.kill("w");
    assert_eq!(killed.names(crash()), ["TaskKilled"]);
}
