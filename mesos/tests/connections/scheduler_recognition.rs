//! A framework that was registered before subscribes only at a master that knows it.

use crate::fakes::{framework, peer};
use framework::{Framework, framework, options, subscribe};
use mesos::{
    scheduler::{SchedulerConnection, SchedulerOptions},
    v1::FrameworkInfo,
};
use peer::FakePeer;

/// A framework that was registered before and has a task on the agent `m-S7`.
async fn of_before(master: &FakePeer) -> Framework {
    let known_agents = Some(vec!["m-S7".to_owned()]);
    let options = SchedulerOptions { known_agents, ..options(&master.address.to_string()) };
    let info = FrameworkInfo { id: Some("framework-1".into()), ..framework() };
    let (handle, events) = SchedulerConnection::open(options, info, vec![]).await.unwrap();
    Framework { handle, events }
}

/// Answers each question in turn.
async fn answer(master: &mut FakePeer, answers: &[(&str, u16, &'static str)]) {
    for (path, status, body) in answers {
        let asked = master.asked().await;
        assert_eq!(asked.path, *path);
        asked.answer(*status, body);
    }
}

const NOBODY: [(&str, u16, &str); 2] = [
    ("/master/slaves", 200, r#"{"slaves":[]}"#),
    ("/master/frameworks", 200, r#"{"frameworks":[]}"#),
];

#[tokio::test]
async fn a_master_that_knows_an_agent_of_the_framework_takes_it_in() {
    let mut master = FakePeer::start().await;
    let mut framework = of_before(&master).await;
    let agents = r#"{"slaves":[{"id":"m-S1"}],"recovered_slaves":[{"id":"m-S7"}]}"#;
    answer(&mut master, &[("/master/slaves", 200, agents)]).await;
    let events = subscribe(master.asked().await, "stream-1");
    framework.until_subscribed().await;
    // It is known from now on, whichever master leads.
    drop(events);
    framework.disconnected().await;
    let _events = subscribe(master.asked().await, "stream-2");
    framework.until_subscribed().await;
}

#[tokio::test]
async fn a_master_that_knows_nothing_of_the_framework_yet_is_asked_again_before_it_takes_it_in() {
    let mut master = FakePeer::start().await;
    let mut framework = of_before(&master).await;
    answer(&mut master, &NOBODY).await;
    answer(&mut master, &[("/registrar(1)/registry", 200, "{}"), ("/metrics/snapshot", 200, "{}")])
        .await;
    let reason = framework.disconnected().await;
    let neither = "knows neither the framework framework-1 nor any agent that its tasks run on";
    assert!(reason.contains(neither), "{reason}");
    answer(&mut master, &NOBODY).await;
    let away = r#"{"unreachable":{"slaves":[{"id":{"value":"m-S7"}}]}}"#;
    answer(&mut master, &[("/registrar(1)/registry", 200, away)]).await;
    let _events = subscribe(master.asked().await, "stream-1");
    framework.until_subscribed().await;
}

#[tokio::test]
async fn a_master_that_knows_the_framework_has_no_need_of_its_agents() {
    let mut master = FakePeer::start().await;
    let mut framework = of_before(&master).await;
    let known = r#"{"frameworks":[],"completed_frameworks":[{"id":"framework-1"}]}"#;
    answer(&mut master, &[NOBODY[0], ("/master/frameworks", 200, known)]).await;
    let _events = subscribe(master.asked().await, "stream-1");
    framework.until_subscribed().await;
}

#[tokio::test]
async fn a_master_that_does_not_say_what_it_knows_is_believed() {
    let answers = [
        vec![("/master/slaves", 403, "")],
        vec![NOBODY[0], NOBODY[1], ("/registrar(1)/registry", 401, "who are you?")],
    ];
    for answers in answers {
        let mut master = FakePeer::start().await;
        let mut framework = of_before(&master).await;
        answer(&mut master, &answers).await;
        let _events = subscribe(master.asked().await, "stream-1");
        framework.until_subscribed().await;
    }
}
