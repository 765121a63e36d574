//! How calls reach the master: in their order, once, under the subscription they were made for.

use crate::fakes::{framework, peer};
use std::time::Duration;

use framework::{Framework, options, subscribe, update};
use mesos::{
    scheduler::{CallError, SchedulerEvent, calls},
    v1::scheduler::{Call, call},
};
use peer::{Asked, FakePeer, soon};
use tokio::time::timeout;

/// The task that a KILL names.
fn killed(asked: &Asked) -> String {
    asked.call::<Call>().kill.unwrap().task_id.value
}

fn kill(task: &str) -> Call {
    calls::kill(task.into(), None, None)
}

#[tokio::test]
async fn a_call_carries_the_framework_id_and_the_stream_id() {
    let mut master = FakePeer::start().await;
    let (framework, _events) = Framework::subscribed_to(&mut master).await;
    framework.handle.send(kill("task-1"));
    let asked = master.asked().await;
    assert_eq!(asked.path, "/api/v1/scheduler");
    assert_eq!(asked.header("mesos-stream-id"), Some("stream-1"));
    assert_eq!(asked.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(asked.call::<Call>().framework_id, Some("framework-1".into()));
}

#[tokio::test]
async fn calls_come_in_the_order_in_which_they_were_made_over_one_connection() {
    let mut master = FakePeer::start().await;
    let (framework, _events) = Framework::subscribed_to(&mut master).await;
    let tasks: Vec<String> = (0..200).map(|number| format!("task-{number}")).collect();
    for task in &tasks {
        framework.handle.send(kill(task));
    }
    let mut connections = Vec::new();
    for task in &tasks {
        let asked = master.asked().await;
        assert_eq!(killed(&asked), *task);
        assert!(!master.is_asked(), "a call before the one before it was answered");
        connections.push(asked.connection);
        asked.accept();
    }
    connections.dedup();
    assert_eq!(connections.len(), 1, "{connections:?}");
}

#[tokio::test]
async fn a_call_returns_when_the_master_has_taken_it() {
    let mut master = FakePeer::start().await;
    let (framework, _events) = Framework::subscribed_to(&mut master).await;
    let call = framework.handle.call(kill("task-1"));
    tokio::pin!(call);
    let asked = tokio::select! {
        _ = &mut call => panic!("returned before the master had answered"),
        asked = master.asked() => asked,
    };
    asked.accept();
    soon(call).await.unwrap();
}

#[tokio::test]
async fn a_refused_call_says_so_in_the_masters_words_and_the_next_one_uses_the_same_connection() {
    let mut master = FakePeer::start().await;
    let (framework, _events) = Framework::subscribed_to(&mut master).await;
    let dialogue = async {
        let asked = master.asked().await;
        let connection = asked.connection;
        asked.answer(400, "Failed to validate scheduler::Call: no task");
        let asked = master.asked().await;
        assert_eq!(asked.connection, connection);
        asked.accept();
    };
    let calls = async {
        let refused = framework.handle.call(kill("task-1")).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "call refused with 400: Failed to validate scheduler::Call: no task"
        );
        framework.handle.call(kill("task-2")).await.unwrap();
    };
    soon(async { tokio::join!(dialogue, calls) }).await;
}

#[tokio::test]
async fn a_call_without_a_subscription_fails_at_once() {
    let mut master = FakePeer::start().await;
    let framework = Framework::open(options(&master.address.to_string())).await;
    let _asked = master.asked().await;
    let result = soon(framework.handle.call(kill("task-1"))).await;
    assert!(matches!(result, Err(CallError::NotSubscribed)), "{result:?}");
}

#[tokio::test]
async fn a_call_that_is_still_under_way_when_its_subscription_ends_fails() {
    let mut master = FakePeer::start().await;
    let (framework, events) = Framework::subscribed_to(&mut master).await;
    let call = framework.handle.call(kill("task-1"));
    let (result, _unanswered) = soon(async {
        tokio::join!(call, async {
            let unanswered = master.asked().await;
            drop(events);
            unanswered
        })
    })
    .await;
    assert!(matches!(result, Err(CallError::NotSubscribed)), "{result:?}");
}

#[tokio::test]
async fn a_call_made_under_one_subscription_is_not_sent_under_the_next() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    framework.handle.send(kill("never answered"));
    framework.handle.send(kill("waits behind it"));
    let _unanswered = master.asked().await;
    drop(events);
    let _events = subscribe(master.asked().await, "stream-2");
    framework.until_subscribed().await;
    framework.handle.send(kill("of the new subscription"));
    let asked = master.asked().await;
    assert_eq!(killed(&asked), "of the new subscription");
    assert_eq!(asked.header("mesos-stream-id"), Some("stream-2"));
}

#[tokio::test]
async fn closing_sends_the_calls_that_were_made_before() {
    let mut master = FakePeer::start().await;
    let (framework, events) = Framework::subscribed_to(&mut master).await;
    framework.handle.send(kill("task-1"));
    framework.handle.send(kill("task-2"));
    let dialogue = async {
        for task in ["task-1", "task-2"] {
            let asked = master.asked().await;
            assert_eq!(killed(&asked), task);
            asked.accept();
        }
    };
    soon(async { tokio::join!(framework.handle.close(), dialogue) }).await;
    events.left().await;
}

#[tokio::test]
async fn a_teardown_that_was_taken_ends_the_connection() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    let dialogue = async {
        let asked = master.asked().await;
        assert_eq!(asked.call::<Call>().r#type(), call::Type::Teardown);
        asked.accept();
    };
    let (result, ()) =
        soon(async { tokio::join!(framework.handle.call(calls::teardown()), dialogue) }).await;
    result.unwrap();
    events.left().await;
    assert_eq!(framework.next().await, None);
    assert!(!master.is_asked());
}

#[tokio::test]
async fn a_stream_that_ends_before_its_teardown_is_answered_was_meant_to_end() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    let dialogue = async {
        let asked = master.asked().await;
        drop(events);
        let early = timeout(Duration::from_millis(100), framework.events.recv()).await;
        assert!(early.is_err(), "{early:?}");
        asked.accept();
    };
    let (result, ()) =
        soon(async { tokio::join!(framework.handle.call(calls::teardown()), dialogue) }).await;
    result.unwrap();
    assert_eq!(framework.next().await, None);
}

#[tokio::test]
async fn a_teardown_that_was_refused_leaves_the_framework_subscribed() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    let dialogue = async { master.asked().await.answer(503, "later") };
    let (result, ()) =
        soon(async { tokio::join!(framework.handle.call(calls::teardown()), dialogue) }).await;
    assert!(matches!(result, Err(CallError::Refused { status: 503, .. })), "{result:?}");
    events.send(&update("still here"));
    assert_eq!(framework.next_event().await, SchedulerEvent::Event(update("still here")));
    drop(events);
    assert_eq!(framework.disconnected().await, "the master ended the event stream");
}

#[tokio::test]
async fn a_connection_that_the_master_closed_is_replaced_for_the_next_call() {
    let mut master = FakePeer::start().await;
    let (framework, _events) = Framework::subscribed_to(&mut master).await;
    let dialogue = async {
        let asked = master.asked().await;
        let connection = asked.connection;
        asked.accept_and_close();
        let asked = master.asked().await;
        assert_ne!(asked.connection, connection);
        asked.accept();
    };
    let calls = async {
        framework.handle.call(kill("task-1")).await.unwrap();
        framework.handle.call(kill("task-2")).await.unwrap();
    };
    soon(async { tokio::join!(dialogue, calls) }).await;
}

#[tokio::test]
async fn a_call_that_gets_lost_renews_the_subscription() {
    let mut master = FakePeer::start().await;
    let (mut framework, _events) = Framework::subscribed_to(&mut master).await;
    framework.handle.send(kill("task-1"));
    master.asked().await.hang_up();
    assert_eq!(framework.disconnected().await, "a call to the master got lost");
    let _events = subscribe(master.asked().await, "stream-2");
    framework.until_subscribed().await;
}
