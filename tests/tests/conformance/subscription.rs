//! The first events of a subscription, and frameworks that are refused.

use mesos::v1::{
    FrameworkInfo,
    framework_info::capability::Type as Capability,
    scheduler::{call::Subscribe, event},
};
use prost::Message as _;

use crate::{
    cluster::{Cluster, ROUND},
    framework::Framework,
    messages::{self, capability},
    raw::{JSON, NoRecord, PROTOBUF, STREAM_ID},
};

behaviours!(
    a_subscription_begins_with_subscribed_heartbeat_and_offers,
    a_subscription_comes_in_the_encoding_that_is_accepted,
    the_same_api_is_at_both_paths_of_the_master,
    an_unknown_framework_id_is_accepted,
    a_framework_that_is_torn_down_loses_its_stream_and_its_id,
    a_framework_with_invalid_roles_gets_an_error_on_its_stream,
    a_role_that_is_suppressed_from_the_start_gets_no_offers,
    the_master_reports_its_health_and_version,
);

async fn a_subscription_begins_with_subscribed_heartbeat_and_offers(cluster: &Cluster) {
    let call = Subscribe { framework_info: messages::framework(), ..Subscribe::default() };
    let mut framework = Framework::open(cluster, call).await;
    let subscribed = framework.next().await.unwrap().subscribed.unwrap();
    assert!(subscribed.framework_id.value.ends_with("-0000"), "{subscribed:?}");
    assert_eq!(subscribed.heartbeat_interval_seconds, Some(15.0));
    let master = subscribed.master_info.unwrap();
    assert_eq!(master.version(), "1.11.0");
    let address = master.address.clone().unwrap();
    assert_eq!(cluster.master(""), format!("http://{}:{}", address.ip(), address.port));
    assert_eq!(master.pid(), format!("master@{}:{}", address.ip(), address.port));
    assert_eq!(
        (master.ip, master.port),
        (u32::from_le_bytes([127, 0, 0, 1]), address.port.cast_unsigned())
    );
    assert!(framework.stream.parse::<uuid::Uuid>().is_ok());

    // On a busy host, the allocation is made before the first heartbeat.
    let next = [framework.next().await.unwrap(), framework.next().await.unwrap()];
    let offers = next.iter().find_map(|event| event.offers.as_ref()).unwrap();
    assert!(next.iter().any(|event| event.r#type() == event::Type::Heartbeat), "{next:?}");
    assert_eq!(offers.offers[0].framework_id, subscribed.framework_id);
}

async fn a_subscription_comes_in_the_encoding_that_is_accepted(cluster: &Cluster) {
    let json =
        br#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"nobody","name":"x"}}}"#;
    for (accept, encoding) in [
        (None, JSON),
        (Some("*/*"), JSON),
        (Some(JSON), JSON),
        (Some("application/x-protobuf, application/json"), JSON),
        (Some(PROTOBUF), PROTOBUF),
    ] {
        let headers: Vec<_> =
            [("Content-Type", JSON)].into_iter().chain(accept.map(|it| ("Accept", it))).collect();
        let response = cluster
            .http
            .send("POST", &cluster.master("/api/v1/scheduler"), &headers, json.to_vec())
            .await;
        assert_eq!(response.status(), 200, "{accept:?}");
        assert_eq!(response.headers()["Content-Type"], encoding, "{accept:?}");
        assert_eq!(response.headers()["Transfer-Encoding"], "chunked", "{accept:?}");
    }
}

async fn the_same_api_is_at_both_paths_of_the_master(cluster: &Cluster) {
    let call = mesos::v1::scheduler::Call {
        r#type: Some(mesos::v1::scheduler::call::Type::Subscribe.into()),
        subscribe: Some(Subscribe {
            framework_info: messages::framework(),
            ..Subscribe::default()
        }),
        ..mesos::v1::scheduler::Call::default()
    };
    for path in ["/api/v1/scheduler", "/master/api/v1/scheduler"] {
        let response = cluster.http.post(&cluster.master(path), None, &call).await;
        assert!(response.headers().contains_key(STREAM_ID), "{path}: {response:?}");
    }
    let elsewhere =
        cluster.http.ask("POST", &cluster.master("/nothing"), &[], call.encode_to_vec()).await;
    elsewhere.refused(404, "Not Found");
}

async fn an_unknown_framework_id_is_accepted(cluster: &Cluster) {
    // So a framework outlives a master that has forgotten it.
    let info = FrameworkInfo { id: Some("from-another-life".into()), ..messages::framework() };
    let mut framework = Framework::subscribe(cluster, info).await;
    assert_eq!(framework.id, "from-another-life");
    framework.offer().await;
}

async fn a_framework_that_is_torn_down_loses_its_stream_and_its_id(cluster: &Cluster) {
    let mut framework = cluster.framework().await;
    framework.teardown().await;
    framework.end().await;
    framework.send(teardown()).await.refused(400, "Framework cannot be found");

    let info = FrameworkInfo { id: Some(framework.id.as_str().into()), ..messages::framework() };
    let call = Subscribe { framework_info: info, ..Subscribe::default() };
    let mut again = Framework::open(cluster, call).await;
    assert_eq!(again.next().await.unwrap().error.unwrap().message, "Framework has been removed");
    assert_eq!(again.next().await, Err(NoRecord::End));
}

fn teardown() -> mesos::v1::scheduler::Call {
    let kind = mesos::v1::scheduler::call::Type::Teardown;
    mesos::v1::scheduler::Call {
        r#type: Some(kind.into()),
        ..mesos::v1::scheduler::Call::default()
    }
}

async fn a_framework_with_invalid_roles_gets_an_error_on_its_stream(cluster: &Cluster) {
    let multi_role = FrameworkInfo {
        capabilities: vec![capability(Capability::MultiRole)],
        ..messages::framework()
    };
    let roles = |roles: &[&str]| roles.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (info, expected) in [
        (
            FrameworkInfo { role: Some("/".into()), ..messages::framework() },
            "Role '/' cannot start with a slash",
        ),
        (
            FrameworkInfo { roles: roles(&["a"]), ..messages::framework() },
            "must not be set when the framework is not",
        ),
        (
            FrameworkInfo { role: Some("a".into()), ..multi_role.clone() },
            "must not be set when the framework is MULTI",
        ),
        (
            FrameworkInfo { roles: roles(&["a", "a"]), ..multi_role },
            "contains duplicate items: { a }",
        ),
    ] {
        let mut framework =
            Framework::open(cluster, Subscribe { framework_info: info, ..Subscribe::default() })
                .await;
        let error = framework.next().await.unwrap().error.unwrap();
        assert!(error.message.contains(expected), "{error:?}");
        assert_eq!(framework.next().await, Err(NoRecord::End));
    }
}

async fn a_role_that_is_suppressed_from_the_start_gets_no_offers(cluster: &Cluster) {
    let suppressed_roles = vec!["*".to_owned()];
    let call = Subscribe {
        framework_info: messages::framework(),
        suppressed_roles,
        ..Subscribe::default()
    };
    let mut framework = Framework::subscribe_with(cluster, call).await;
    framework.none_within(event::Type::Offers, ROUND * 3).await;
    framework.revive().await;
    framework.offer().await;
}

async fn the_master_reports_its_health_and_version(cluster: &Cluster) {
    let get =
        async |path: &str| cluster.http.send("GET", &cluster.master(path), &[], Vec::new()).await;
    assert_eq!(get("/health").await.status(), 200);
    let version: serde_json::Value = get("/version").await.json().await.unwrap();
    assert_eq!(version["version"], "1.11.0");
}
