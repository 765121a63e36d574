//! Tests of tasks that never start a process.

use super::*;

#[test]
fn a_kill_before_the_launch_counts() {
    let mut bench = Bench::subscribed(true);
    assert!(bench.kill("w").is_empty());
    assert_eq!(bench.launch("w"), ["TaskKilled"]);
    assert_eq!(bench.acknowledge(1), ["end: its task is done"]);
}

#[test]
fn an_invalid_task_is_rejected_with_a_reason() {
    for (data, expected) in [
        (None, "the task has no data; it must contain the worker's description"),
        (Some(vec![255]), "the task's data is not the description of a worker: "),
        (
            task("another").data.map(Into::into),
            "the task's data describes worker \"another\", not \"w\"",
        ),
        (Some(Vec::new()), "the task's data describes worker \"\", not \"w\""),
    ] {
        let mut bench = Bench::subscribed(true);
        let outputs = bench
            .handle(Input::Launch(Box::new(TaskInfo { data: data.map(Into::into), ..task("w") })));
        let [Output::Send(status)] = outputs.as_slice() else { panic!("{outputs:?}") };
        assert_eq!(state(status), "TaskError");
        assert!(status.message().starts_with(expected), "{}", status.message());
        assert_eq!(bench.acknowledge(1), ["end: its task is done"]);
    }
}
