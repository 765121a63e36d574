//! Tests of what is reported to the agent, and of what happens when the agent goes away or asks the
//! executor to end.

use super::*;

#[test]
fn fetch_progress_is_reported_at_least_every_five_seconds() {
    let mut bench = Bench::subscribed(true);
    bench.launch("w");
    for number in 1..10 {
        bench.acknowledge(number);
        let progress =
            Progress { files_done: 1, files: 2, bytes_done: 1_500_000, bytes: 3_000_000 };
        assert!(bench.names(Input::Progress(progress)).is_empty());
        assert_eq!(bench.pass(SECOND * 4), ["TaskStarting"]);
    }
    let outputs = bench.handle(Input::Disconnected);
    let [Output::Subscribe { updates, .. }] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(updates[0].message(), "fetching Flink 1.20.5: 1 of 2 files, 1.5 of 3.0 MB");
}

#[test]
fn progress_does_not_pile_up_while_the_agent_is_away() {
    let mut bench = Bench::subscribed(true);
    bench.launch("w");
    bench.handle(Input::Disconnected);
    bench.pass(SECOND * 60);
    bench.handle(Input::Disconnected);
    assert_eq!(bench.pass(SECOND), ["subscribe 1/1"]);
}

#[test]
fn after_an_agent_restart_unacknowledged_updates_are_sent_again() {
    let mut bench = Bench::running(true);
    bench.acknowledge(1);
    assert_eq!(bench.names(Input::Disconnected), ["subscribe 0/1"]);
    assert_eq!(bench.names(Input::Disconnected), [""; 0]);
    assert_eq!(bench.names(exit(ExitStatus::Code(0))), [""; 0]);
    assert_eq!(bench.pass(SECOND / 10), ["subscribe 0/2"]);
    assert!(bench.names(Input::Subscribed { killing_state: false }).is_empty());
    bench.acknowledge(2);
    assert_eq!(bench.acknowledge(3), ["end: its task is done"]);
}

#[test]
fn without_checkpointing_a_lost_agent_ends_the_task_and_the_executor() {
    let mut bench = Bench::running(false);
    assert_eq!(bench.names(Input::Disconnected), ["terminate"]);
    assert_eq!(bench.names(exit(ExitStatus::Signal(15))), ["end: the agent is gone"]);
}

#[test]
fn after_the_recovery_timeout_the_task_gets_its_grace_and_is_ended() {
    let mut bench = Bench::running(true);
    bench.handle(Input::Disconnected);
    assert!(bench.pass(SECOND * 899).is_empty());
    assert_eq!(bench.pass(SECOND), ["terminate"]);
    assert_eq!(bench.pass(SECOND * 3), ["destroy"]);
    assert_eq!(bench.names(exit(ExitStatus::Signal(9))), ["end: the agent is gone"]);
}

#[test]
fn a_shutdown_leaves_time_for_the_last_update() {
    let mut bench = Bench::running(true);
    assert_eq!(bench.names(Input::Shutdown("shut down by the agent")), ["terminate"]);
    assert_eq!(bench.pass(SECOND * 3), ["destroy"]);
    assert_eq!(bench.names(exit(ExitStatus::Signal(9))), ["TaskKilled"]);
    assert_eq!(bench.pass(SECOND * 2), ["end: shut down by the agent"]);
}

#[test]
fn a_shutdown_without_a_task_ends_the_executor_at_once() {
    let mut bench = Bench::subscribed(true);
    assert_eq!(
        bench.names(Input::Shutdown("shut down by the agent")),
        ["end: shut down by the agent"]
    );
}

#[test]
fn an_executor_that_gets_no_task_exits() {
    let mut bench = Bench::subscribed(true);
    assert!(bench.pass(SECOND * 299).is_empty());
    assert_eq!(bench.pass(SECOND), ["end: no task was launched"]);
}

#[test]
fn an_agent_that_acknowledges_nothing_does_not_keep_the_executor_forever() {
    let mut bench = Bench::running(true);
    bench.handle(exit(ExitStatus::Code(1)));
    let said = bench.pass(SECOND * 61);
    assert_eq!(said.iter().filter(|name| *name == "TaskFailed").count(), 6, "sent again and again");
    assert_eq!(
        said.last().unwrap(),
        "end: its task is done, but the agent does not acknowledge it"
    );
}
