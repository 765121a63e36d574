//! Executors subscribe, disconnect and return, and exchange messages with their scheduler.

use mesos::v1::{
    TaskState,
    executor::{Call, call::Type, event},
    scheduler::{call::Kill, event as scheduler_event},
    task_status::{Reason, Source},
};

use crate::{
    cluster::Cluster,
    executor::Executor,
    messages::{self, executor, task},
    puppet::Puppet,
    raw::{JSON, NoRecord, PATIENCE, PROTOBUF},
};

behaviours!(
    a_subscribed_executor_learns_its_own_identity_and_its_agent,
    an_executor_call_that_makes_no_sense_is_refused,
    an_executor_may_send_heartbeats,
    a_second_subscription_of_an_executor_ends_its_first,
    undelivered_updates_come_with_the_executors_next_subscription,
    a_task_sent_while_the_executor_was_disconnected_is_dropped,
    messages_go_both_ways,
    a_message_to_a_missing_executor_is_lost,
);

async fn a_subscribed_executor_learns_its_own_identity_and_its_agent(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let offer = framework.offer().await;
    let sent = executor("e", puppet.command());
    framework.launch(&offer, vec![task("t", &offer, &sent)]).await;
    puppet.started().await;
    let mut e = Executor::new(&framework, &offer, "e");
    e.resubscribe(Vec::new(), Vec::new()).await;
    let subscribed = e.wait(event::Type::Subscribed).await.subscribed.unwrap();
    assert_eq!(subscribed.framework_info.id.unwrap().value, framework.id);
    assert_eq!(subscribed.executor_info.framework_id.unwrap().value, framework.id);
    assert_eq!(subscribed.executor_info.command.unwrap().value, sent.command.unwrap().value);
    assert_eq!(subscribed.agent_info.id, Some(offer.agent_id));
    assert_eq!(subscribed.agent_info.port, offer.url.map(|url| url.address.port));
    assert_eq!(subscribed.agent_info.resources.len(), 4);
    assert!(subscribed.container_id.is_some());
    e.launched().await;
    e.silence().await;
}

async fn an_executor_call_that_makes_no_sense_is_refused(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let offer = framework.offer().await;
    framework.launch(&offer, vec![task("t", &offer, &executor("e", puppet.command()))]).await;
    let e = Executor::new(&framework, &offer, "e");
    let early = async || {
        let answer = e.message(b"x").await;
        (!answer.is(400)).then_some(answer)
    };
    let early = tests::wait_until("the agent knows the executor", PATIENCE, early).await;
    early.refused(403, "Executor is not subscribed");

    e.ask("GET", &[], Vec::new())
        .await
        .refused(405, "Expecting one of { 'POST' }, but received 'GET'");
    e.ask("POST", &[], Vec::new()).await.refused(400, "Expecting 'Content-Type' to be present");
    e.ask("POST", &[("Content-Type", "text/plain")], Vec::new())
        .await
        .refused(415, "Expecting 'Content-Type' of");
    let json = async |body: &str| e.ask("POST", &[("Content-Type", JSON)], body.into()).await;
    json("{}").await.refused(400, "Missing required fields: executor_id, framework_id");
    let protobuf =
        async |body: &[u8]| e.ask("POST", &[("Content-Type", PROTOBUF)], body.into()).await;
    protobuf(b"\xff\xff").await.refused(400, "Failed to parse body into Call protobuf");
    for kind in [Type::Subscribe, Type::Update, Type::Message] {
        let expected = format!("Expecting '{}' to be present", kind.as_str_name().to_lowercase());
        e.send(kind, Call::default()).await.refused(400, &expected);
    }
    let untyped = format!(
        r#"{{"framework_id":{{"value":"{}"}},"executor_id":{{"value":"e"}}}}"#,
        framework.id
    );
    json(&untyped).await.refused(400, "Expecting 'type' to be present");
    let ids = |framework: &str, executor: &str| {
        format!(
            r#"{{"type":"SUBSCRIBE","subscribe":{{}},"framework_id":{{"value":"{framework}"}},
            "executor_id":{{"value":"{executor}"}}}}"#
        )
    };
    json(&ids("nobody", "e")).await.refused(400, "Framework cannot be found");
    json(&ids(&framework.id, "nobody")).await.refused(400, "Executor cannot be found");
    let headers = [("Content-Type", JSON), ("Accept", "text/html")];
    e.ask("POST", &headers, ids(&framework.id, "e").into())
        .await
        .refused(406, "Expecting 'Accept' to allow");
}

async fn an_executor_may_send_heartbeats(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, _) = framework.run_task(&puppet).await;
    e.launched().await;
    e.send(Type::Heartbeat, Call::default()).await.accepted();
    e.silence().await;
}

async fn a_second_subscription_of_an_executor_ends_its_first(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, _) = framework.run_task(&puppet).await;
    let launched = e.launched().await;
    e.update("t", TaskState::TaskRunning).await;
    framework.acknowledged().await;
    let mut first = e.take_records();
    e.resubscribe(vec![launched], Vec::new()).await;
    assert_eq!(first.next(PATIENCE).await, Err(NoRecord::End));
    e.wait(event::Type::Subscribed).await;
    // The task is not launched again and is unaffected.
    e.silence().await;
    framework.no_status().await;
}

async fn undelivered_updates_come_with_the_executors_next_subscription(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, _) = framework.run_task(&puppet).await;
    let launched = e.launched().await;
    e.disconnect();
    let undelivered = [TaskState::TaskStarting, TaskState::TaskRunning]
        .map(|state| messages::status("t", state))
        .to_vec();
    e.resubscribe(vec![launched], undelivered.clone()).await;
    e.wait(event::Type::Subscribed).await;
    for sent in undelivered {
        assert_eq!(
            e.wait(event::Type::Acknowledged).await.acknowledged.unwrap().uuid,
            sent.uuid.clone().unwrap()
        );
        let status = framework.acknowledged().await;
        assert_eq!((status.uuid.clone(), status.state()), (sent.uuid.clone(), sent.state()));
    }
}

async fn a_task_sent_while_the_executor_was_disconnected_is_dropped(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, _) = framework.run_task(&puppet).await;
    e.launched().await;
    e.update("t", TaskState::TaskRunning).await;
    framework.acknowledged().await;
    e.disconnect();
    // An update needs no subscription.
    let alive = messages::status("t", TaskState::TaskRunning);
    e.report(&alive).await.accepted();
    framework.acknowledged().await;

    let offer = framework.offer().await;
    framework.launch(&offer, vec![task("t2", &offer, &executor("e", puppet.command()))]).await;
    framework.no_status().await;
    e.resubscribe(Vec::new(), Vec::new()).await;
    e.wait(event::Type::Subscribed).await;
    let status = framework.acknowledged().await;
    assert_eq!((status.task_id.value.as_str(), status.state()), ("t2", TaskState::TaskDropped));
    assert_eq!((status.source(), status.reason()), (Source::Agent, Reason::AgentRestarted));
    e.silence().await;
}

async fn messages_go_both_ways(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let (mut e, offer) = framework.run_task(&puppet).await;
    e.launched().await;
    framework.message(&offer.agent_id, "e", b"to the \xff executor").await;
    assert_eq!(
        e.wait(event::Type::Message).await.message.unwrap().data,
        b"to the \xff executor"[..]
    );
    e.message(b"to the \x00 scheduler").await.accepted();
    let message = framework.wait(scheduler_event::Type::Message).await.message.unwrap();
    assert_eq!((message.agent_id, message.executor_id), (offer.agent_id, "e".into()));
    assert_eq!(message.data, b"to the \x00 scheduler"[..]);
}

async fn a_message_to_a_missing_executor_is_lost(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let puppet = Puppet::new();
    let offer = framework.offer().await;
    let info = executor("e", puppet.command());
    framework.launch(&offer, ["t", "t2"].map(|id| task(id, &offer, &info)).to_vec()).await;
    puppet.started().await;
    framework.message(&offer.agent_id, "e", b"too early").await;
    // The agent's answer to this shows that it has received the message.
    framework.kill(Kill { task_id: "t2".into(), agent_id: None, kill_policy: None }).await;
    assert_eq!(framework.acknowledged().await.state(), TaskState::TaskKilled);
    let mut e = Executor::subscribe(&framework, &offer, "e", &puppet).await;
    assert_eq!(e.launched().await.task_id.value, "t");
    e.silence().await;
}
