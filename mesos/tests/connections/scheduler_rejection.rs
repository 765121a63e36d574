//! When a master does not want a framework: reported once, with the master's message, and not tried
//! again.

use crate::fakes::{framework, peer};
use framework::{Framework, error, options, subscribed};
use mesos::{
    scheduler::{
        CallError, Credential, SchedulerEvent, SchedulerOptions, calls, is_failed_over,
        is_framework_removed,
    },
    v1::{
        MasterInfo,
        scheduler::{Call, OfferConstraints},
    },
};
use peer::FakePeer;

/// The rejection after that answer to SUBSCRIBE.
async fn rejection_after(status: u16, message: &'static str) -> String {
    let mut master = FakePeer::start().await;
    let mut framework = Framework::open(options(&master.address.to_string())).await;
    master.asked().await.answer(status, message);
    let reason = framework.rejected().await;
    assert!(!master.is_asked());
    reason
}

#[tokio::test]
async fn missing_credentials_are_a_rejection() {
    let reason = rejection_after(401, "").await;
    assert!(
        reason.ends_with("wants a principal and a secret, and none are set (401 Unauthorized)"),
        "{reason}"
    );
}

#[tokio::test]
async fn wrong_credentials_are_a_rejection() {
    let mut master = FakePeer::start().await;
    let credential = Some(Credential { principal: "jake".into(), secret: "wrong".into() });
    let options = SchedulerOptions { credential, ..options(&master.address.to_string()) };
    let mut framework = Framework::open(options).await;
    master.asked().await.answer(401, "401 Unauthorized.");
    let reason = framework.rejected().await;
    assert!(
        reason.ends_with("refused the framework's principal and secret (401 Unauthorized)"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_framework_that_is_not_allowed_or_not_valid_is_rejected_in_the_masters_words() {
    let reason = rejection_after(403, "Not authorized to use role 'web'").await;
    assert!(
        reason.contains("403") && reason.ends_with("Not authorized to use role 'web'"),
        "{reason}"
    );
    let reason = rejection_after(400, "Framework principal 'a' does not match").await;
    assert!(
        reason.contains("400") && reason.ends_with("Framework principal 'a' does not match"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_mesos_that_stays_without_the_v1_api_is_rejected_as_too_old() {
    let mut master = FakePeer::start().await;
    let mut framework = Framework::open(options(&master.address.to_string())).await;
    for _ in 0..5 {
        master.asked().await.answer(404, "");
        assert!(framework.disconnected().await.contains("no v1 scheduler API (404)"));
    }
    master.asked().await.answer(404, "");
    let reason = framework.rejected().await;
    assert!(reason.contains("no v1 scheduler API (404): Mesos 1.0 or newer is needed"), "{reason}");
}

#[tokio::test]
async fn a_master_that_tells_a_version_below_1_is_rejected_as_too_old() {
    let mut master = FakePeer::start().await;
    let mut framework = Framework::open(options(&master.address.to_string())).await;
    let events = master.asked().await.stream("stream-1");
    let mut event = subscribed("framework-1", 15.0);
    let old = MasterInfo { version: Some("0.28.2".into()), ..MasterInfo::default() };
    event.subscribed.as_mut().unwrap().master_info = Some(old);
    events.send(&event);
    let reason = framework.rejected().await;
    assert!(reason.ends_with("runs Mesos 0.28.2: 1.0 or newer is needed"), "{reason}");
}

#[tokio::test]
async fn a_removed_framework_is_recognised() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    events.send(&error("Framework has been removed"));
    let reason = framework.rejected().await;
    assert!(is_framework_removed(&reason) && !is_failed_over(&reason));
}

#[tokio::test]
async fn another_scheduler_with_the_same_id_is_recognised() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    events.send(&error("Framework failed over"));
    let reason = framework.rejected().await;
    assert!(is_failed_over(&reason) && !is_framework_removed(&reason));
}

#[tokio::test]
async fn after_a_rejection_calls_say_that_the_connection_is_closed() {
    let mut master = FakePeer::start().await;
    let (mut framework, events) = Framework::subscribed_to(&mut master).await;
    events.send(&error("Framework failed over"));
    framework.rejected().await;
    let result = framework.handle.call(calls::revive(vec![])).await;
    assert!(matches!(result, Err(CallError::Closed)), "{result:?}");
    framework.handle.close().await;
}

#[tokio::test]
async fn constraints_that_the_master_refuses_are_left_out_before_anybody_sees_an_error() {
    let mut master = FakePeer::start().await;
    let offer_constraints = Some(OfferConstraints::default());
    let options = SchedulerOptions { offer_constraints, ..options(&master.address.to_string()) };
    let mut framework = Framework::open(options).await;
    let asked = master.asked().await;
    let call: Call = asked.call();
    assert!(call.subscribe.unwrap().offer_constraints.is_some());
    asked
        .stream("stream-1")
        .send(&error("program size of 112 is larger than maximum of 100 allowed"));
    assert!(matches!(framework.next_event().await, SchedulerEvent::ConstraintsRefused { .. }));
    let asked = master.asked().await;
    let call: Call = asked.call();
    assert!(call.subscribe.unwrap().offer_constraints.is_none());
    asked.answer(403, "not allowed");
    assert!(
        framework.rejected().await.ends_with("not allowed"),
        "another error is reported as ever"
    );
}
