//! How an executor speaks to its agent.

use crate::fakes::{executor, peer};
use bytes::Bytes;
use mesos::{
    executor::{ConnectionError, ExecutorConnection, ExecutorEvents},
    status::new_uuid,
    v1::{
        TaskInfo, TaskState, TaskStatus,
        executor::{Call, Event, call, event},
    },
};
use peer::{Asked, Events, FakePeer, record, soon};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, UnixListener},
};

fn connection(agent: &FakePeer) -> ExecutorConnection {
    ExecutorConnection::new(executor::environment(&agent.address.to_string(), |_| None)).unwrap()
}

async fn subscribed(
    connection: &ExecutorConnection,
    agent: &mut FakePeer,
) -> (ExecutorEvents, Events) {
    let answer = async { agent.asked().await.stream("") };
    let (events, stream) =
        soon(async { tokio::join!(connection.subscribe(vec![], vec![], || ()), answer) }).await;
    (events.unwrap(), stream)
}

fn status(message: &str) -> TaskStatus {
    TaskStatus {
        task_id: "task-1".into(),
        state: TaskState::TaskRunning.into(),
        uuid: Some(new_uuid()),
        message: Some(message.to_owned()),
        ..TaskStatus::default()
    }
}

fn acknowledged(uuid: &'static [u8]) -> Event {
    let acknowledged =
        event::Acknowledged { task_id: "task-1".into(), uuid: Bytes::from_static(uuid) };
    Event {
        r#type: Some(event::Type::Acknowledged.into()),
        acknowledged: Some(acknowledged),
        ..Event::default()
    }
}

fn message(asked: &Asked) -> String {
    asked.call::<Call>().update.unwrap().status.message.unwrap()
}

#[tokio::test]
async fn it_subscribes_under_the_agents_own_path_with_what_is_unacknowledged() {
    let mut agent = FakePeer::start().await;
    let connection = connection(&agent);
    let task = TaskInfo {
        name: "t".into(),
        task_id: "task-1".into(),
        agent_id: "agent-1".into(),
        ..TaskInfo::default()
    };
    let update = call::Update { status: status("unacknowledged") };
    let subscribe = connection.subscribe(vec![task.clone()], vec![update.clone()], || ());
    let dialogue = async {
        let asked = agent.asked().await;
        assert_eq!(asked.path, "/slave(1)/api/v1/executor");
        assert_eq!(asked.header("content-type"), Some("application/x-protobuf"));
        assert_eq!(asked.header("accept"), Some("application/x-protobuf"));
        assert_eq!(asked.header("authorization"), None);
        let call: Call = asked.call();
        assert_eq!(call.r#type(), call::Type::Subscribe);
        assert_eq!(
            (call.framework_id, call.executor_id),
            ("framework-1".into(), "executor-1".into())
        );
        let subscribe = call.subscribe.unwrap();
        assert_eq!(subscribe.unacknowledged_tasks, [task]);
        assert_eq!(subscribe.unacknowledged_updates, [update]);
        asked.stream("")
    };
    let (events, _stream) = soon(async { tokio::join!(subscribe, dialogue) }).await;
    events.unwrap();
}

#[tokio::test]
async fn there_is_time_for_something_else_before_the_agent_answers() {
    let mut agent = FakePeer::start().await;
    let connection = connection(&agent);
    let (asked, is_asked) = tokio::sync::oneshot::channel();
    let subscribe = connection.subscribe(vec![], vec![], move || asked.send(()).unwrap());
    let dialogue = async {
        let request = agent.asked().await;
        is_asked.await.unwrap();
        request.stream("")
    };
    let (events, _stream) = soon(async { tokio::join!(subscribe, dialogue) }).await;
    events.unwrap();
}

#[tokio::test]
async fn a_connection_that_is_prepared_is_the_one_for_the_first_call() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let connection = ExecutorConnection::new(executor::environment(&address, |_| None)).unwrap();
    soon(connection.prepare()).await.unwrap();
    let (mut prepared, _) = soon(listener.accept()).await.unwrap();
    let agent = async {
        let mut request = [0; 4];
        prepared.read_exact(&mut request).await.unwrap();
        assert_eq!(&request, b"POST");
        prepared.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        prepared
    };
    let (updated, _prepared) =
        soon(async { tokio::join!(connection.update(status("one")), agent) }).await;
    updated.unwrap();
}

#[tokio::test]
async fn a_token_goes_with_every_request() {
    let mut agent = FakePeer::start().await;
    let token =
        |name: &str| (name == "MESOS_EXECUTOR_AUTHENTICATION_TOKEN").then(|| "abc.def".to_owned());
    let environment = executor::environment(&agent.address.to_string(), token);
    let connection = ExecutorConnection::new(environment).unwrap();
    let dialogue = async {
        let asked = agent.asked().await;
        assert_eq!(asked.header("authorization"), Some("Bearer abc.def"));
        let stream = asked.stream("");
        let asked = agent.asked().await;
        assert_eq!(asked.header("authorization"), Some("Bearer abc.def"));
        asked.accept();
        stream
    };
    let executor = async {
        let events = connection.subscribe(vec![], vec![], || ()).await.unwrap();
        connection.update(status("one")).await.unwrap();
        events
    };
    soon(async { tokio::join!(dialogue, executor) }).await;
}

#[tokio::test]
async fn events_come_in_order_and_heartbeats_are_not_shown() {
    let mut agent = FakePeer::start().await;
    let connection = connection(&agent);
    let (mut events, stream) = subscribed(&connection, &mut agent).await;
    let heartbeat = Event { r#type: Some(event::Type::Heartbeat.into()), ..Event::default() };
    let bytes = [acknowledged(b"one"), heartbeat, acknowledged(b"two")]
        .map(|event| record(&event))
        .concat();
    for byte in bytes {
        stream.send_bytes(Bytes::copy_from_slice(&[byte]));
    }
    for expected in [acknowledged(b"one"), acknowledged(b"two")] {
        assert_eq!(soon(events.next()).await.unwrap().unwrap(), expected);
    }
}

#[tokio::test]
async fn the_end_of_the_stream_is_the_end_of_the_events() {
    let mut agent = FakePeer::start().await;
    let connection = connection(&agent);
    let (mut events, stream) = subscribed(&connection, &mut agent).await;
    drop(stream);
    assert!(soon(events.next()).await.is_none());
}

#[tokio::test]
async fn a_stream_that_breaks_is_an_error_that_another_subscription_may_heal() {
    let mut agent = FakePeer::start().await;
    let connection = connection(&agent);
    let (mut events, stream) = subscribed(&connection, &mut agent).await;
    stream.send_bytes(Bytes::from_static(b"12\nhalf"));
    drop(stream);
    let error = soon(events.next()).await.unwrap().unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert!(matches!(error, ConnectionError::Stream(_)));
}

#[tokio::test]
async fn dropping_the_events_ends_the_subscription() {
    let mut agent = FakePeer::start().await;
    let connection = connection(&agent);
    let (events, stream) = subscribed(&connection, &mut agent).await;
    drop(events);
    stream.left().await;
}

#[tokio::test]
async fn updates_and_messages_come_in_order_over_one_connection() {
    let mut agent = FakePeer::start().await;
    let connection = connection(&agent);
    let dialogue = async {
        let mut connections = Vec::new();
        for number in 0..50 {
            let asked = agent.asked().await;
            assert_eq!(message(&asked), number.to_string());
            assert!(!agent.is_asked(), "an update before the one before it was answered");
            connections.push(asked.connection);
            asked.accept();
        }
        let asked = agent.asked().await;
        let call: Call = asked.call();
        assert_eq!(
            (call.r#type(), call.message.unwrap().data),
            (call::Type::Message, "hello".into())
        );
        connections.push(asked.connection);
        asked.accept();
        connections.dedup();
        assert_eq!(connections.len(), 1, "{connections:?}");
    };
    let updates = async {
        let all = (0..50).map(|number| connection.update(status(&number.to_string())));
        for result in futures_util::future::join_all(all).await {
            result.unwrap();
        }
        connection.message("hello".into()).await.unwrap();
    };
    soon(async { tokio::join!(dialogue, updates) }).await;
}

#[tokio::test]
async fn an_update_that_was_given_up_does_not_spoil_the_next_one() {
    let mut agent = FakePeer::start().await;
    let connection = connection(&agent);
    let given_up = async {
        tokio::select! {
            _ = connection.update(status("one")) => panic!("nobody has answered"),
            asked = agent.asked() => asked,
        }
    };
    let first = soon(given_up).await;
    let dialogue = async {
        let asked = agent.asked().await;
        assert_eq!(message(&asked), "two");
        assert_ne!(asked.connection, first.connection);
        asked.answer(503, "the second one's answer");
    };
    let (result, ()) =
        soon(async { tokio::join!(connection.update(status("two")), dialogue) }).await;
    assert!(result.unwrap_err().to_string().ends_with("the second one's answer"));
}

#[tokio::test]
async fn a_refusal_says_what_was_refused_and_whether_another_subscription_may_help() {
    let mut agent = FakePeer::start().await;
    let connection = connection(&agent);
    for (code, retryable) in [(503, true), (403, true), (404, true), (400, false), (401, false)] {
        let dialogue = async { agent.asked().await.answer(code, "because") };
        let (result, ()) =
            soon(async { tokio::join!(connection.subscribe(vec![], vec![], || ()), dialogue) })
                .await;
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), format!("agent refused SUBSCRIBE with {code}: because"));
        assert_eq!(error.is_retryable(), retryable, "{error}");
    }
}

#[tokio::test]
async fn an_agent_that_is_away_is_worth_another_attempt() {
    let agent = FakePeer::start().await;
    let connection = connection(&agent);
    drop(agent);
    let error = soon(connection.subscribe(vec![], vec![], || ())).await.unwrap_err();
    assert!(
        error.is_retryable() && error.to_string().starts_with("cannot connect to 127.0.0.1:"),
        "{error}"
    );
}

#[tokio::test]
async fn a_domain_socket_takes_the_place_of_the_endpoint() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("agent.sock");
    let mut agent = FakePeer::start_anywhere(UnixListener::bind(&socket).unwrap());
    let variable =
        |name: &str| (name == "MESOS_DOMAIN_SOCKET").then(|| socket.to_string_lossy().into_owned());
    let connection =
        ExecutorConnection::new(executor::environment("127.0.0.1:1", variable)).unwrap();
    let dialogue = async {
        let asked = agent.asked().await;
        assert_eq!(asked.path, "/slave(1)/api/v1/executor");
        let stream = asked.stream("");
        agent.asked().await.accept();
        stream
    };
    let executor = async {
        let events = connection.subscribe(vec![], vec![], || ()).await.unwrap();
        connection.update(status("one")).await.unwrap();
        events
    };
    soon(async { tokio::join!(dialogue, executor) }).await;
}
