//! How a scheduler subscribes, stays subscribed, and comes back.

use crate::fakes::{framework, peer};
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use framework::{
    Framework, error, heartbeat, options, subscribe, subscribe_with_heartbeat, subscribed, update,
};
use mesos::{
    scheduler::{
        Credential, SchedulerConnection, SchedulerError, SchedulerEvent, SchedulerOptions,
    },
    v1::scheduler::{Call, call},
};
use peer::{FakePeer, record, soon};
use tokio::net::TcpListener;

/// A port where nobody listens.
async fn dead_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().to_string()
}

#[tokio::test]
async fn it_says_which_master_it_tries_and_then_which_id_the_framework_has() {
    let mut master = FakePeer::start().await;
    let mut framework = Framework::open(options(&master.address.to_string())).await;
    let url = format!("http://{}", master.address);
    assert_eq!(
        framework.next().await,
        Some(SchedulerEvent::Connecting { master: url, attempt: 1 })
    );
    let _events = subscribe_with_heartbeat(master.asked().await, "stream-1", 7.0);
    let expected = SchedulerEvent::Subscribed {
        framework_id: "framework-1".into(),
        master: None,
        heartbeat: Duration::from_secs(7),
    };
    assert_eq!(framework.next().await, Some(expected));
}

#[tokio::test]
async fn a_master_that_comes_up_again_and_has_no_routes_yet_is_tried_on_and_on() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    drop(events);
    framework.disconnected().await;
    for _ in 0..10 {
        master.asked().await.answer(404, "");
        framework.disconnected().await;
    }
    let _events = subscribe(master.asked().await, "stream-2");
    framework.until_subscribed().await;
}

#[tokio::test]
async fn the_first_subscribe_has_the_framework_and_its_suppressed_roles_but_no_id_and_no_stream() {
    let mut master = FakePeer::start().await;
    let options = options(&master.address.to_string());
    let _open = SchedulerConnection::open(options, framework::framework(), vec!["web".into()])
        .await
        .unwrap();
    let asked = master.asked().await;
    assert_eq!(asked.path, "/api/v1/scheduler");
    assert_eq!(asked.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(asked.header("accept"), Some("application/x-protobuf"));
    assert_eq!(asked.header("host"), Some(&*master.address.to_string()));
    assert_eq!(asked.header("mesos-stream-id"), None);
    assert_eq!(asked.header("authorization"), None);
    let call: Call = asked.call();
    assert_eq!((call.r#type(), call.framework_id), (call::Type::Subscribe, None));
    let subscribe = call.subscribe.unwrap();
    assert_eq!(subscribe.framework_info, framework::framework());
    assert_eq!(subscribe.suppressed_roles, ["web"]);
}

#[tokio::test]
async fn events_come_in_order_however_the_stream_is_cut_into_chunks() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    let stream =
        [update("one"), update("two"), update("three")].map(|event| record(&event)).concat();
    for byte in &stream {
        events.send_bytes(Bytes::copy_from_slice(&[*byte]));
    }
    events.send_bytes(Bytes::from(
        [update("four"), update("five")].map(|event| record(&event)).concat(),
    ));
    for message in ["one", "two", "three", "four", "five"] {
        assert_eq!(framework.next_event().await, SchedulerEvent::Event(update(message)));
    }
}

#[tokio::test]
async fn heartbeats_keep_a_silent_subscription_alive_and_are_not_shown() {
    let mut master = FakePeer::start().await;
    let mut framework = Framework::open(options(&master.address.to_string())).await;
    let events = subscribe_with_heartbeat(master.asked().await, "stream-1", 1.0);
    framework.until_subscribed().await;
    // Twice as long as the patience of five heartbeats, which is long enough for a busy machine.
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        events.send(&heartbeat());
    }
    events.send(&update("still here"));
    assert_eq!(framework.next_event().await, SchedulerEvent::Event(update("still here")));
}

#[tokio::test]
async fn five_missed_heartbeats_count_as_a_lost_connection() {
    let mut master = FakePeer::start().await;
    let mut framework = Framework::open(options(&master.address.to_string())).await;
    let events = subscribe_with_heartbeat(master.asked().await, "stream-1", 0.02);
    framework.until_subscribed().await;
    assert_eq!(framework.disconnected().await, "no heartbeat from the master for 0.1 s");
    events.left().await;
}

#[tokio::test]
async fn after_a_lost_stream_it_subscribes_again_with_the_id_that_it_learned() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    drop(events);
    assert_eq!(framework.disconnected().await, "the master ended the event stream");
    let asked = master.asked().await;
    let call: Call = asked.call();
    assert_eq!(call.framework_id, Some("framework-1".into()));
    assert_eq!(call.subscribe.unwrap().framework_info.id, Some("framework-1".into()));
    let events = asked.stream("stream-2");
    events.send(&subscribed("framework-1", 15.0));
    framework.until_subscribed().await;
}

#[tokio::test]
async fn the_attempts_are_counted_anew_after_each_subscription() {
    let mut master = FakePeer::start().await;
    let mut framework = Framework::open(options(&master.address.to_string())).await;
    master.asked().await.answer(503, "");
    drop(subscribe(master.asked().await, "stream-1"));
    let mut attempts = Vec::new();
    while attempts.len() < 3 {
        if let Some(SchedulerEvent::Connecting { attempt, .. }) = framework.next().await {
            attempts.push(attempt);
        }
    }
    assert_eq!(attempts, [1, 2, 1]);
}

#[tokio::test]
async fn a_master_that_does_not_lead_is_left_for_the_one_that_it_names() {
    let (mut follower, mut leader) = (FakePeer::start().await, FakePeer::start().await);
    let mut framework = Framework::open(options(&follower.address.to_string())).await;
    follower.asked().await.redirect(&format!("//{}/master/api/v1/scheduler", leader.address));
    let asked = leader.asked().await;
    assert_eq!(asked.path, "/api/v1/scheduler");
    let _events = subscribe(asked, "stream-1");
    framework.until_subscribed().await;
    framework.handle.send(mesos::scheduler::calls::revive(vec![]));
    assert_eq!(leader.asked().await.call::<Call>().r#type(), call::Type::Revive);
}

#[tokio::test]
async fn a_redirect_to_a_master_that_is_away_is_shown_as_such() {
    let mut follower = FakePeer::start().await;
    let mut framework = Framework::open(options(&follower.address.to_string())).await;
    follower.asked().await.redirect(&format!("//{}/", dead_address().await));
    let reason = framework.disconnected().await;
    assert!(
        reason.starts_with(&format!("redirected by {}: cannot connect to", follower.address)),
        "{reason}"
    );
}

#[tokio::test]
async fn masters_that_only_redirect_to_each_other_are_tried_again_later() {
    let mut master = FakePeer::start().await;
    let mut framework = Framework::open(options(&master.address.to_string())).await;
    let itself = format!("//{}/", master.address);
    let redirects = async {
        loop {
            master.asked().await.redirect(&itself);
        }
    };
    let reason = tokio::select! {
        reason = framework.disconnected() => reason,
        () = redirects => String::new(),
    };
    assert!(reason.contains("no leader among them"), "{reason}");
}

#[tokio::test]
async fn a_redirect_to_nowhere_or_to_another_scheme_is_not_followed() {
    for location in ["", "/login", "https://127.0.0.1:1/", "//127.0.0.1:0/", "//"] {
        let mut master = FakePeer::start().await;
        let mut framework = Framework::open(options(&master.address.to_string())).await;
        master.asked().await.redirect(location);
        let reason = framework.disconnected().await;
        assert!(reason.contains("expected is http://host:port"), "{location}: {reason}");
    }
}

#[tokio::test]
async fn a_master_that_cannot_be_reached_is_tried_again_and_the_reason_shown() {
    let mut framework = Framework::open(options(&dead_address().await)).await;
    for _ in 0..3 {
        let Some(SchedulerEvent::Connecting { master, .. }) = framework.next().await else {
            panic!("not connecting")
        };
        let Some(SchedulerEvent::Disconnected { reason, retry_in }) = framework.next().await else {
            panic!("connected?")
        };
        assert!(
            reason.starts_with("cannot connect to 127.0.0.1:") && reason.contains("refused"),
            "{reason}"
        );
        assert!(master.starts_with("http://127.0.0.1:"));
        assert!(retry_in <= Duration::from_millis(50), "{retry_in:?}");
    }
}

#[tokio::test]
async fn the_masters_of_a_list_are_tried_in_turn() {
    let mut master = FakePeer::start().await;
    let list = format!("{},{}", dead_address().await, master.address);
    let mut framework = Framework::open(options(&list)).await;
    let _events = subscribe(master.asked().await, "stream-1");
    framework.until_subscribed().await;
}

#[tokio::test]
async fn a_master_that_is_not_ready_is_asked_again() {
    let mut master = FakePeer::start().await;
    let mut framework = Framework::open(options(&master.address.to_string())).await;
    master.asked().await.answer(503, "Master has not finished recovery");
    let reason = framework.disconnected().await;
    assert!(
        reason.contains("503") && reason.contains("Master has not finished recovery"),
        "{reason}"
    );
    let _events = subscribe(master.asked().await, "stream-1");
    framework.until_subscribed().await;
}

#[tokio::test]
async fn a_web_server_that_is_no_master_is_named_as_such() {
    let mut master = FakePeer::start().await;
    let mut framework = Framework::open(options(&master.address.to_string())).await;
    master.asked().await.answer(200, "<html>hello</html>");
    let reason = framework.disconnected().await;
    assert!(reason.contains("is it a Mesos master?"), "{reason}");
}

#[tokio::test]
async fn a_stream_that_is_no_sequence_of_events_is_dropped_with_the_reason() {
    for (bytes, expected) in [
        (&b"hello\n"[..], "malformed record length \"hello\\n\""),
        (b"99999999999\n", "record of 99999999999 bytes"),
        (b"3\n\xff\xff\xff", "not readable"),
    ] {
        let mut master = FakePeer::start().await;
        let (mut framework, events) = Framework::subscribed_to(&mut master).await;
        events.send_bytes(Bytes::from_static(bytes));
        let reason = framework.disconnected().await;
        assert!(reason.contains(expected), "{reason}");
        events.left().await;
    }
}

#[tokio::test]
async fn a_stream_that_breaks_inside_of_an_event_does_not_show_half_of_it() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    let bytes = record(&update("cut off"));
    events.send_bytes(bytes.slice(..bytes.len() - 1));
    drop(events);
    let reason = framework.disconnected().await;
    assert!(reason.contains("ended inside of a record"), "{reason}");
}

#[tokio::test]
async fn a_credential_is_shown_to_the_master_and_gives_the_framework_its_principal() {
    let mut master = FakePeer::start().await;
    let credential = Credential { principal: "jake".into(), secret: "se:cret".into() };
    let options =
        SchedulerOptions { credential: Some(credential), ..options(&master.address.to_string()) };
    let mut framework = Framework::open(options).await;
    let asked = master.asked().await;
    let expected = format!("Basic {}", STANDARD.encode("jake:se:cret"));
    assert_eq!(asked.header("authorization"), Some(&*expected));
    assert_eq!(
        asked.call::<Call>().subscribe.unwrap().framework_info.principal.as_deref(),
        Some("jake")
    );
    let _events = subscribe(asked, "stream-1");
    framework.until_subscribed().await;
    framework.handle.send(mesos::scheduler::calls::suppress(vec![]));
    assert_eq!(master.asked().await.header("authorization"), Some(&*expected));
}

#[tokio::test]
async fn a_principal_that_basic_authentication_cannot_carry_is_refused() {
    let credential = Some(Credential { principal: "a:b".into(), secret: "secret".into() });
    let options = SchedulerOptions { credential, ..options("127.0.0.1:1") };
    let result = SchedulerConnection::open(options, framework::framework(), vec![]).await;
    assert!(matches!(result, Err(SchedulerError::Principal(_))));
}

#[test]
fn a_secret_is_not_in_debug_output() {
    let credential = Credential { principal: "jake".into(), secret: "hidden".into() };
    let shown = format!("{credential:?}");
    assert!(shown.contains("jake") && !shown.contains("hidden"), "{shown}");
}

#[tokio::test]
async fn dropping_the_receiver_ends_the_subscription() {
    let mut master = FakePeer::start().await;
    let (framework, events) = Framework::subscribed_to(&mut master).await;
    drop(framework.events);
    events.left().await;
}

#[tokio::test]
async fn dropping_the_last_handle_ends_the_subscription() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    let other = framework.handle.clone();
    drop(framework.handle);
    events.send(&update("one handle is left"));
    assert_eq!(
        soon(framework.events.recv()).await,
        Some(SchedulerEvent::Event(update("one handle is left")))
    );
    drop(other);
    events.left().await;
    assert_eq!(soon(framework.events.recv()).await, None);
}

#[tokio::test]
async fn closing_ends_the_subscription_without_a_teardown() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    soon(framework.handle.close()).await;
    events.left().await;
    assert_eq!(soon(framework.events.recv()).await, None);
    assert!(!master.is_asked());
}

#[tokio::test]
async fn an_error_in_place_of_subscribed_is_a_rejection() {
    let mut master = FakePeer::start().await;
    let mut framework = Framework::open(options(&master.address.to_string())).await;
    let events = master.asked().await.stream("stream-1");
    events.send(&error("Framework has been removed"));
    assert_eq!(framework.rejected().await, "Framework has been removed");
}
