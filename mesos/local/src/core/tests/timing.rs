//! What time makes due.

use super::*;

#[test]
fn an_update_is_sent_again_with_doubling_waits_until_it_is_acknowledged() {
    let mut bench = Bench::subscribed(LocalOptions::default(), 0.0);
    bench.launch_running("t");
    let first = bench.take_updates().remove(0);
    let mut waits = Vec::new();
    for second in 1..=100 {
        bench.pass(1.0);
        waits.extend(bench.take_updates().into_iter().map(|again| {
            assert_eq!(again, first);
            second
        }));
    }
    assert_eq!(waits, [10, 30, 70]);
    bench.acknowledge(&first);
    bench.pass(2000.0);
    assert_eq!(bench.take_updates(), []);
}

#[test]
fn the_wait_for_an_acknowledgement_never_exceeds_ten_minutes() {
    let mut bench = Bench::subscribed(LocalOptions::default(), 0.0);
    bench.launch_running("t");
    bench.pass(5000.0);
    bench.take_updates();
    bench.pass(6000.0);
    assert_eq!(bench.take_updates().len(), 10);
}

#[test]
fn an_update_waits_for_the_one_before_it() {
    let mut bench = Bench::subscribed(LocalOptions::default(), 0.0);
    bench.launch_running("t");
    bench.update("t", TaskState::TaskFinished);
    let running = bench.take_updates();
    assert_eq!(running.iter().map(TaskStatus::state).collect::<Vec<_>>(), [TaskState::TaskRunning]);
    bench.acknowledge(&running[0]);
    let finished = bench.take_updates();
    assert_eq!(
        finished.iter().map(TaskStatus::state).collect::<Vec<_>>(),
        [TaskState::TaskFinished]
    );
}

#[test]
fn heartbeats_come_at_their_interval_and_not_between() {
    let mut bench = Bench::subscribed(LocalOptions::default(), 0.0);
    let heartbeat = i32::from(scheduler::event::Type::Heartbeat);
    let count =
        |bench: &Bench| bench.events.iter().filter(|event| event.r#type == Some(heartbeat)).count();
    assert_eq!(count(&bench), 1);
    bench.pass(14.9);
    assert_eq!(count(&bench), 1);
    bench.pass(30.2);
    assert_eq!(count(&bench), 4);
}

#[test]
fn an_executor_that_never_subscribes_is_killed_and_its_task_says_why() {
    let mut bench = Bench::subscribed(LocalOptions::default(), 0.0);
    let offer = bench.take_offers().remove(0);
    bench.launch(offer.clone(), vec![task("t", &offer)]);
    bench.pass(59.0);
    assert!(bench.killed.is_empty());
    bench.pass(1.0);
    assert_eq!(bench.killed, [bench.launched[0].id]);
    bench.end(9);
    let status = bench.take_updates().remove(0);
    assert_eq!(
        (status.state(), status.message()),
        (TaskState::TaskFailed, "Executor did not register within 1mins")
    );
}

#[test]
fn an_executor_that_ignores_shutdown_is_killed_once_after_its_grace() {
    let mut bench = Bench::subscribed(LocalOptions::default(), 0.0);
    bench.launch_running("t");
    bench.call(Call { r#type: Some(Type::Teardown.into()), ..Call::default() }).unwrap();
    assert_eq!(bench.to_executors.last().unwrap().r#type(), executor::event::Type::Shutdown);
    bench.pass(4.9);
    assert!(bench.killed.is_empty());
    bench.pass(100.0);
    assert_eq!(bench.killed, [bench.launched[0].id]);
}

#[test]
fn a_framework_that_stays_away_too_long_is_removed_for_ever() {
    let mut bench = Bench::subscribed(LocalOptions::default(), 30.0);
    bench.launch_running("t");
    let (id, stream) = (bench.framework.clone(), bench.stream);
    bench.core.stream_closed(stream);
    bench.pass(29.0);
    assert!(
        bench.to_executors.iter().all(|event| event.r#type() != executor::event::Type::Shutdown)
    );
    bench.pass(1.0);
    assert_eq!(bench.to_executors.last().unwrap().r#type(), executor::event::Type::Shutdown);
    bench.subscribe(30.0);
    let error = bench.events.last().unwrap().error.clone().unwrap();
    assert_eq!(error.message, "Framework has been removed");
    assert_eq!((bench.closed.last(), bench.framework), (Some(&bench.stream), id));
}

#[test]
fn a_scheduler_that_comes_back_in_time_gets_its_unacknowledged_updates_at_once() {
    let mut bench = Bench::subscribed(LocalOptions::default(), 30.0);
    bench.launch_running("t");
    let before = bench.take_uuids();
    bench.core.stream_closed(bench.stream);
    bench.pass(20.0);
    bench.subscribe(30.0);
    assert_eq!(bench.take_uuids(), before);
}

#[test]
fn a_declined_offer_comes_again_when_the_filter_is_over() {
    let mut bench = Bench::subscribed(LocalOptions::default(), 0.0);
    bench.decline(3.0);
    bench.pass(2.9);
    assert_eq!(bench.take_offers(), []);
    bench.pass(1.2);
    assert_eq!(bench.take_offers().len(), 1);
}

#[test]
fn a_revived_framework_does_not_wait_for_its_filters() {
    let mut bench = Bench::subscribed(LocalOptions::default(), 0.0);
    bench.decline(1e9);
    bench.pass(100.0);
    assert_eq!(bench.take_offers(), []);
    bench.revive();
    assert_eq!(bench.take_offers().len(), 1);
}
