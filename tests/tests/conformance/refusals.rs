//! Calls that are refused, with their status and message.

use bytes::Bytes;
use mesos::v1::scheduler::{
    Call,
    call::{Acknowledge, Type},
};

use crate::{
    cluster::Cluster,
    framework::Framework,
    messages::patient_framework,
    raw::{Answer, JSON, PROTOBUF, STREAM_ID, answer},
};

behaviours!(
    requests_other_than_a_post_of_a_call_are_refused,
    a_body_that_is_no_call_is_refused,
    a_call_without_a_required_part_is_refused_with_the_name_of_the_part,
    a_call_must_come_with_the_id_of_its_stream,
    a_scheduler_that_is_not_subscribed_is_forbidden_to_call,
    an_acknowledgement_must_carry_a_real_uuid,
    calls_that_refer_to_nothing_are_accepted_and_ignored,
);

async fn ask(
    cluster: &Cluster,
    method: &str,
    headers: &[(&str, &str)],
    body: impl Into<Vec<u8>>,
) -> Answer {
    cluster.http.ask(method, &cluster.master("/api/v1/scheduler"), headers, body.into()).await
}

async fn requests_other_than_a_post_of_a_call_are_refused(cluster: &Cluster) {
    ask(cluster, "GET", &[], "")
        .await
        .refused(405, "Expecting one of { 'POST' }, but received 'GET'");
    ask(cluster, "POST", &[], "{}").await.refused(400, "Expecting 'Content-Type' to be present");
    for other in ["text/plain", "application/json; charset=utf-8"] {
        let expected = "Expecting 'Content-Type' of application/json or application/x-protobuf";
        ask(cluster, "POST", &[("Content-Type", other)], "{}").await.refused(415, expected);
    }
    let subscribe =
        r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"nobody","name":"x"}}}"#;
    let headers = [("Content-Type", JSON), ("Accept", "text/html")];
    let expected = "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'";
    ask(cluster, "POST", &headers, subscribe).await.refused(406, expected);
}

async fn a_body_that_is_no_call_is_refused(cluster: &Cluster) {
    let json = async |body: &str| ask(cluster, "POST", &[("Content-Type", JSON)], body).await;
    json("{").await.refused(400, "Failed to parse body into JSON: ");
    json("[]")
        .await
        .refused(400, "Failed to convert JSON into Call protobuf: Expecting a JSON object");
    let no_user = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"x"}}}"#;
    json(no_user).await.refused(400, "Missing required fields: subscribe.framework_info.user");
    let protobuf =
        async |body: &[u8]| ask(cluster, "POST", &[("Content-Type", PROTOBUF)], body).await;
    protobuf(b"\xff\xff\xff").await.refused(400, "Failed to parse body into Call protobuf");
    protobuf(b"")
        .await
        .refused(400, "Failed to validate scheduler::Call: Expecting 'type' to be present");
}

async fn a_call_without_a_required_part_is_refused_with_the_name_of_the_part(cluster: &Cluster) {
    let framework = cluster.framework().await;
    for kind in [
        Type::Accept,
        Type::Decline,
        Type::Kill,
        Type::Shutdown,
        Type::Acknowledge,
        Type::Reconcile,
        Type::Message,
        Type::Request,
    ] {
        let expected = format!("Expecting '{}' to be present", kind.as_str_name().to_lowercase());
        framework
            .send(Call { r#type: Some(kind.into()), ..Call::default() })
            .await
            .refused(400, &expected);
    }
    let json = async |body: &str| ask(cluster, "POST", &[("Content-Type", JSON)], body).await;
    json("{}").await.refused(400, "Expecting 'type' to be present");
    json(r#"{"type":"NO_SUCH_TYPE"}"#).await.refused(400, "Expecting 'type' to be present");
    json(r#"{"type":"SUBSCRIBE"}"#).await.refused(400, "Expecting 'subscribe' to be present");
    json(r#"{"type":"REVIVE"}"#).await.refused(400, "Expecting 'framework_id' to be present");
    let nobody = r#"{"type":"REVIVE","framework_id":{"value":"nobody"}}"#;
    json(nobody).await.refused(400, "Framework cannot be found");
    let differs = r#"{"type":"SUBSCRIBE","framework_id":{"value":"a"},
        "subscribe":{"framework_info":{"user":"nobody","name":"x","id":{"value":"b"}}}}"#;
    json(differs).await.refused(400, "'framework_id' differs from 'subscribe.framework_info.id'");
}

async fn a_call_must_come_with_the_id_of_its_stream(cluster: &Cluster) {
    let framework = cluster.framework().await;
    let revive = Call {
        framework_id: Some(framework.id.as_str().into()),
        r#type: Some(Type::Revive.into()),
        ..Call::default()
    };
    let post = async |stream: Option<&str>| {
        answer(cluster.http.post(&cluster.master("/api/v1/scheduler"), stream, &revive).await).await
    };
    post(None)
        .await
        .refused(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
    post(Some("abc"))
        .await
        .refused(400, "The stream ID 'abc' included in this request didn't match");
    post(Some(&framework.stream)).await.accepted();

    let subscribe =
        r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"nobody","name":"x"}}}"#;
    let headers = [("Content-Type", JSON), (STREAM_ID, framework.stream.as_str())];
    let expected = "Subscribe calls should not include the 'Mesos-Stream-Id' header";
    ask(cluster, "POST", &headers, subscribe).await.refused(400, expected);
}

async fn a_scheduler_that_is_not_subscribed_is_forbidden_to_call(cluster: &Cluster) {
    let framework = Framework::subscribe(cluster, patient_framework()).await;
    let (id, stream) = (framework.id.clone(), framework.stream.clone());
    drop(framework);
    let revive = Call {
        framework_id: Some(id.into()),
        r#type: Some(Type::Revive.into()),
        ..Call::default()
    };
    let refused = async || {
        let url = cluster.master("/api/v1/scheduler");
        let answer = answer(cluster.http.post(&url, Some(&stream), &revive).await).await;
        (!answer.is(202)).then_some(answer)
    };
    let answer = tests::wait_until("the master has noticed", crate::raw::PATIENCE, refused).await;
    answer.refused(403, "Framework is not subscribed");
}

async fn an_acknowledgement_must_carry_a_real_uuid(cluster: &Cluster) {
    let framework = cluster.framework().await;
    for uuid in [&[0_u8; 3][..], &[0xff; 16]] {
        let uuid = Bytes::copy_from_slice(uuid);
        let acknowledge = Some(Acknowledge { agent_id: "a".into(), task_id: "t".into(), uuid });
        let call = Call { r#type: Some(Type::Acknowledge.into()), acknowledge, ..Call::default() };
        framework.send(call).await.refused(400, "Not a valid UUID");
    }
}

async fn calls_that_refer_to_nothing_are_accepted_and_ignored(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    let offer = framework.offer().await;
    let uuid = Bytes::copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    let acknowledge =
        Some(Acknowledge { agent_id: offer.agent_id.clone(), task_id: "t".into(), uuid });
    framework.call(Type::Acknowledge, Call { acknowledge, ..Call::default() }).await;
    framework.shut_down(&offer.agent_id, "nobody").await;
    framework.message(&offer.agent_id, "nobody", b"x").await;
    framework.decline(&[mesos::v1::Offer { id: "none".into(), ..offer }], None).await;
    framework.no_status().await;
}
