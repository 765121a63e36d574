//! The life of the framework, as which we are registered.

use super::*;

#[test]
fn a_framework_is_forgotten_only_when_mesos_has_removed_it() {
    let mut harness = Harness::subscribed(0);
    harness.feed(Input::Disconnected);
    assert!(!has(&harness.feed(Input::Stop), |o| matches!(o, Output::Teardown | Output::Stopped)));
    let asked = harness.feed(Input::Subscribed("F".to_owned()));
    assert!(has(&asked, |o| matches!(o, Output::Teardown)));
    assert_eq!(harness.state.framework.as_deref(), Some("F"));
    harness.feed(Input::Disconnected);
    assert!(has(&harness.feed(Input::Subscribed("F".to_owned())), |o| matches!(
        o,
        Output::Teardown
    )));
    assert!(has(&harness.feed(Input::TornDown), |o| matches!(o, Output::Stopped)));
}

#[test]
fn a_removed_framework_is_forgotten_and_everything_starts_over() {
    let mut harness = Harness::subscribed(1);
    harness.running("A");
    harness.feed(Input::FrameworkRemoved);
    assert_eq!((harness.state.framework.as_deref(), harness.state.workers.len()), (None, 0));
    harness.feed(Input::Subscribed("G".to_owned()));
    assert_eq!(harness.state.framework.as_deref(), Some("G"));
    assert_eq!(harness.launch_on("A", 1).len(), 1);
}

#[test]
fn a_frameworks_user_and_principal_are_stored_until_mesos_no_longer_knows_it() {
    let registered = |user: &str| Registration { user: Some(user.to_owned()), principal: None };
    let with = |state: State, registration: Registration| {
        Harness::with(state, Settings { registration, ..settings("") })
    };
    let mut harness = with(State::fresh("e".to_owned()), registered("alice"));
    harness.feed(Input::Subscribed("F".to_owned()));
    assert_eq!(harness.state.registration, Some(registered("alice")));
    // Mesos ignores another user, so the state does too.
    let bob = Registration { principal: Some("p".to_owned()), ..registered("bob") };
    let mut harness = with(harness.state, bob);
    harness.feed(Input::Subscribed("F".to_owned()));
    assert_eq!(
        harness.state.registration,
        Some(Registration { principal: Some("p".to_owned()), ..registered("alice") }),
        "another principal would have been refused"
    );
    harness.feed(Input::FrameworkRemoved);
    assert_eq!(harness.state.registration, None);
    harness.feed(Input::Subscribed("G".to_owned()));
    assert_eq!(
        harness.state.registration.as_ref().and_then(|known| known.user.as_deref()),
        Some("bob")
    );
}

#[test]
fn the_user_of_a_framework_from_an_older_state_is_unknown() {
    let state = State { framework: Some("F".to_owned()), ..State::fresh("e".to_owned()) };
    let registration =
        Registration { user: Some("bob".to_owned()), principal: Some("p".to_owned()) };
    let mut harness = Harness::with(state, Settings { registration, ..settings("") });
    harness.feed(Input::Subscribed("F".to_owned()));
    assert_eq!(
        harness.state.registration,
        Some(Registration { user: None, principal: Some("p".to_owned()) })
    );
}
