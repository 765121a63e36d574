//! A cluster that gets no TaskManagers reports the reason, from the real Mesos.

use nix::sys::signal::Signal;
use serde_json::json;
use tempfile::TempDir;
use tests::{Line, RealMesos, RealMesosOptions, cluster::FlinkMesos, flink_home, site::stand_in};

/// A session on this Mesos, and its java.
fn session(mesos: &RealMesos, more: &[&str]) -> (FlinkMesos, TempDir) {
    let java = stand_in();
    let (master, home) = (
        format!("-Dmesos.master={}", mesos.master()),
        format!("-Denv.java.home={}", java.path().display()),
    );
    // A later number overrides this one.
    let options = [&["session", "-Dmesos.workers=1", &master, &home], more].concat();
    (FlinkMesos::start(&flink_home(Line::V1_20), &options), java)
}

/// Waits for a report that contains all of these parts.
fn wait_until_reported(master: &mut FlinkMesos, parts: &[&str]) {
    let mut reason = String::new();
    while !parts.iter().all(|part| reason.contains(part)) {
        master.wait_for("starved")["reason"].as_str().unwrap().clone_into(&mut reason);
    }
}

fn end(mut master: FlinkMesos) {
    master.signal(Signal::SIGINT);
    assert!(master.end().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constraint_that_no_agent_meets_is_named_with_the_agents_values() {
    let attributes = "rack:r1".to_owned();
    let mesos =
        RealMesos::start_with(RealMesosOptions { attributes, ..RealMesosOptions::default() }).await;
    let (mut master, _java) = session(&mesos, &["-Dmesos.constraints=rack:CLUSTER:r9"]);
    wait_until_reported(&mut master, &["constraint rack:CLUSTER:r9 not met, the agents have r1"]);
    end(master);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_offers_missing_resources_reservations_and_drained_agents_are_reported() {
    let reserved =
        vec!["--resources=cpus(other):4;mem(other):4096;disk:8192;ports:[31000-31099]".to_owned()];
    let options = RealMesosOptions {
        agents: 2,
        flags_of_each_agent: vec![reserved, vec![]],
        ..RealMesosOptions::default()
    };
    let mesos = RealMesos::start_with(options).await;
    let agents = mesos.agents().await;
    let has_cpus =
        |agent: &&serde_json::Value| agent["unreserved_resources"]["cpus"].as_f64().unwrap() > 0.0;
    let open = agents["slaves"].as_array().unwrap().iter().find(has_cpus).unwrap();
    let drain =
        json!({ "type": "DRAIN_AGENT", "drain_agent": { "agent_id": { "value": open["id"] } } });
    mesos.post_json("api/v1", &drain).await;
    let (mut master, _java) = session(&mesos, &[]);
    let parts = [
        "no offer of any agent for 10 s",
        "the agent with the most has mem 0 MB free, a TaskManager needs 1056 (mem is reserved for `other`)",
        "127.0.0.1 is drained",
    ];
    wait_until_reported(&mut master, &parts);
    end(master);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_that_leaves_too_little_is_named_with_the_used_amount() {
    let mesos = RealMesos::start(1).await;
    let limits = |cpus: f64| json!({ "cpus": { "value": cpus } });
    let configs =
        json!([{ "role": "x", "limits": limits(1.5) }, { "role": "y", "limits": limits(0.0) }]);
    mesos
        .post_json(
            "api/v1",
            &json!({ "type": "UPDATE_QUOTA", "update_quota": { "quota_configs": configs } }),
        )
        .await;
    let (mut master, _java) =
        session(&mesos, &["-Dmesos.workers=2", "-Dmesos.resourcemanager.framework.role=x"]);
    let quota =
        "role `x` has a quota of cpus 1.5, of which 1.1 are in use, a TaskManager needs 1.1";
    wait_until_reported(&mut master, &["declined: need cpus 1.1, largest was 0.4", quota]);
    end(master);
    let (mut master, _java) = session(&mesos, &["-Dmesos.resourcemanager.framework.role=y"]);
    wait_until_reported(&mut master, &["role `y` has a quota of cpus 0, a TaskManager needs 1.1"]);
    end(master);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_docker_container_on_an_agent_without_docker_counts_against_the_agent_and_its_flag_is_named()
 {
    let mesos = RealMesos::start(1).await;
    let container = [
        "-Dmesos.resourcemanager.tasks.container.type=docker",
        "-Dmesos.resourcemanager.tasks.container.image.name=flink",
    ];
    let (mut master, _java) = session(&mesos, &container);
    let gone = master.wait_for("gone")["reason"].as_str().unwrap().to_owned();
    assert!(gone.contains("--containerizers=docker,mesos"), "{gone}");
    let waiting = master.wait_for("waiting")["reason"].as_str().unwrap().to_owned();
    assert!(waiting.ends_with("(counts against the agent)"), "{waiting}");
    end(master);
}
