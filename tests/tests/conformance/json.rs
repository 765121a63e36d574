//! The same API in JSON: the structure of the messages in both directions.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::Response;
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    puppet::Puppet,
    raw::{Answer, JSON, PATIENCE, Records, STREAM_ID, answer},
};

behaviours!(
    a_whole_life_of_a_task_in_json,
    bytes_that_are_not_base64_are_refused,
    fields_and_capabilities_that_mesos_does_not_know_are_ignored,
);

const HEADERS: [(&str, &str); 2] = [("Content-Type", JSON), ("Accept", JSON)];

/// Posts a call to the master or to an agent.
async fn post(cluster: &Cluster, url: &str, stream: Option<&str>, call: &Value) -> Response {
    let headers: Vec<_> =
        HEADERS.into_iter().chain(stream.map(|stream| (STREAM_ID, stream))).collect();
    cluster.http.send("POST", url, &headers, call.to_string().into_bytes()).await
}

struct Scheduler<'a> {
    cluster: &'a Cluster,
    id: String,
    stream: String,
    records: Records,
}

impl<'a> Scheduler<'a> {
    async fn subscribe(cluster: &'a Cluster, info: Value) -> Self {
        let call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        let response = post(cluster, &cluster.master("/api/v1/scheduler"), None, &call).await;
        assert_eq!(response.status(), 200);
        let stream = response.headers()[STREAM_ID].to_str().unwrap().to_owned();
        let mut this = Self { cluster, id: String::new(), stream, records: Records::of(response) };
        let subscribed = this.wait("SUBSCRIBED").await;
        assert_eq!(subscribed["subscribed"]["heartbeat_interval_seconds"], json!(15.0));
        assert!(subscribed["subscribed"]["master_info"]["ip"].is_u64(), "{subscribed}");
        this.id = text(&subscribed["subscribed"]["framework_id"]["value"]);
        this
    }

    async fn wait(&mut self, kind: &str) -> Value {
        loop {
            let event = next(&mut self.records).await;
            if event["type"] == kind {
                return event;
            }
        }
    }

    async fn send(&self, kind: &str, body: Value) -> Answer {
        let field = kind.to_lowercase();
        let call = json!({"type": kind, "framework_id": {"value": self.id}, field: body});
        answer(
            post(
                self.cluster,
                &self.cluster.master("/api/v1/scheduler"),
                Some(&self.stream),
                &call,
            )
            .await,
        )
        .await
    }
}

async fn next(records: &mut Records) -> Value {
    let record = records.next(PATIENCE).await.unwrap();
    assert!(!record.contains(&b'\n'), "clients read it line by line");
    serde_json::from_slice(&record).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The names in an object, sorted.
fn names(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

fn info() -> Value {
    json!({"user": "root", "name": "json", "capabilities": [{"type": "PARTITION_AWARE"}]})
}

async fn a_whole_life_of_a_task_in_json(cluster: &Cluster) {
    let mut scheduler = Scheduler::subscribe(cluster, info()).await;
    let offers = scheduler.wait("OFFERS").await;
    let offer = &offers["offers"]["offers"][0];
    assert_eq!(names(offer), ["agent_id", "framework_id", "hostname", "id", "resources", "url"]);
    let resources = offer["resources"].as_array().unwrap();
    let cpus = resources.iter().find(|it| it["name"] == "cpus").unwrap();
    assert_eq!(
        *cpus,
        json!({"name": "cpus", "type": "SCALAR", "scalar": {"value": 4.0}, "role": "*"})
    );
    let ports = resources.iter().find(|it| it["name"] == "ports").unwrap();
    assert!(ports["ranges"]["range"][0]["begin"].is_u64(), "{ports}");

    let puppet = Puppet::new();
    let scalar = |name: &str, value: f64| json!({"name": name, "type": "SCALAR", "scalar": {"value": value}});
    let little = [scalar("cpus", 0.1), scalar("mem", 32.0)];
    let command = puppet.command();
    let variable = json!({"name": "COMMANDS", "value": command.environment.clone().unwrap().variables[0].value()});
    let task = json!({
        "name": "t", "task_id": {"value": "t"}, "agent_id": offer["agent_id"], "resources": little,
        "data": BASE64_STANDARD.encode(b"\x00\xff"),
        "executor": {
            "executor_id": {"value": "e"}, "resources": little,
            "command": {"value": command.value(), "environment": {"variables": [variable]}},
        },
    });
    let operations = json!([{"type": "LAUNCH", "launch": {"task_infos": [task]}}]);
    scheduler
        .send("ACCEPT", json!({"offer_ids": [offer["id"]], "operations": operations}))
        .await
        .accepted();
    puppet.started().await;
    let mut executor = Executor::subscribe(&scheduler, offer).await;

    let launch = next(&mut executor.records).await;
    assert_eq!(
        (&launch["type"], &launch["launch"]["task"]["data"]),
        (&json!("LAUNCH"), &json!("AP8="))
    );
    let uuid = BASE64_STANDARD.encode(uuid::Uuid::new_v4().as_bytes());
    let status = json!({
        "task_id": {"value": "t"}, "state": "TASK_RUNNING", "source": "SOURCE_EXECUTOR", "uuid": uuid,
    });
    executor.send("UPDATE", json!({"status": status})).await.accepted();
    let acknowledged = json!({"task_id": {"value": "t"}, "uuid": uuid});
    assert_eq!(
        next(&mut executor.records).await,
        json!({"type": "ACKNOWLEDGED", "acknowledged": acknowledged})
    );

    let update = scheduler.wait("UPDATE").await;
    let status = &update["update"]["status"];
    let fields =
        ["agent_id", "container_status", "source", "state", "task_id", "timestamp", "uuid"];
    assert_eq!(names(status), fields);
    assert_eq!((&status["uuid"], &status["state"]), (&json!(uuid), &json!("TASK_RUNNING")));
    assert_eq!(
        names(&status["container_status"]),
        ["container_id", "executor_pid", "network_infos"]
    );
    let acknowledge =
        json!({"agent_id": offer["agent_id"], "task_id": {"value": "t"}, "uuid": uuid});
    scheduler.send("ACKNOWLEDGE", acknowledge).await.accepted();

    executor.send("MESSAGE", json!({"data": BASE64_STANDARD.encode("hello")})).await.accepted();
    assert_eq!(scheduler.wait("MESSAGE").await["message"]["data"], "aGVsbG8=");
    puppet.run("exit 2").await;
    let failure =
        json!({"agent_id": offer["agent_id"], "executor_id": {"value": "e"}, "status": 512});
    assert_eq!(scheduler.wait("FAILURE").await["failure"], failure);
}

struct Executor<'a> {
    cluster: &'a Cluster,
    url: String,
    ids: [Value; 2],
    records: Records,
}

impl<'a> Executor<'a> {
    async fn subscribe(scheduler: &Scheduler<'a>, offer: &Value) -> Self {
        let url = &offer["url"];
        let (ip, port, path) = (&url["address"]["ip"], &url["address"]["port"], &url["path"]);
        let url = format!("http://{}:{port}{}/api/v1/executor", text(ip), text(path));
        let ids = [json!({"value": scheduler.id}), json!({"value": "e"})];
        let call = json!({"type": "SUBSCRIBE", "subscribe": {}, "framework_id": ids[0], "executor_id": ids[1]});
        let subscribe = async || {
            let response = post(scheduler.cluster, &url, None, &call).await;
            (response.status() == 200).then_some(response)
        };
        let response = tests::wait_until("the agent knows the executor", PATIENCE, subscribe).await;
        let mut records = Records::of(response);
        let subscribed = next(&mut records).await;
        let fields = ["agent_info", "container_id", "executor_info", "framework_info"];
        assert_eq!(names(&subscribed["subscribed"]), fields);
        Self { cluster: scheduler.cluster, url, ids, records }
    }

    async fn send(&self, kind: &str, body: Value) -> Answer {
        let field = kind.to_lowercase();
        let call = json!({"type": kind, "framework_id": self.ids[0], "executor_id": self.ids[1], field: body});
        answer(post(self.cluster, &self.url, None, &call).await).await
    }
}

async fn bytes_that_are_not_base64_are_refused(cluster: &Cluster) {
    let scheduler = Scheduler::subscribe(cluster, info()).await;
    let message = json!({"agent_id": {"value": "a"}, "executor_id": {"value": "e"}, "data": "A*A"});
    scheduler
        .send("MESSAGE", message)
        .await
        .refused(400, "Failed to convert JSON into Call protobuf: ");
}

async fn fields_and_capabilities_that_mesos_does_not_know_are_ignored(cluster: &Cluster) {
    let mut info = info();
    info["from_the_future"] = json!({"x": [1, 2]});
    info["capabilities"] = json!([{"type": "FROM_THE_FUTURE"}, {"type": "PARTITION_AWARE"}]);
    let mut scheduler = Scheduler::subscribe(cluster, info).await;
    scheduler.send("KILL", json!({"task_id": {"value": "x"}})).await.accepted();
    assert_eq!(scheduler.wait("UPDATE").await["update"]["status"]["state"], "TASK_UNKNOWN");
}
