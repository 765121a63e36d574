//! Roles and their reservations, which are returned to Mesos exactly as they were offered.

use serde_json::{Value, json};
use tests::{
    PortBlock, RealMesos, RealMesosOptions, RealZooKeeper,
    site::{Part, Site},
};

const ROLE: &str = "-Dmesos.resourcemanager.framework.role=";

#[tokio::test(flavor = "multi_thread")]
async fn resources_reserved_for_the_role_are_used_first_and_stay_reserved() {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let reserved = json!([reservation("DYNAMIC", "flink")]);
    reserve(&mesos, json!([scalar("cpus", 2.0, &reserved), scalar("mem", 2000.0, &reserved)]))
        .await;
    let mut site = Site::begin(1, mesos, zookeeper, &[&format!("{ROLE}flink")]).await;
    for resource in used(&site, &["cpus", "mem"]).await {
        assert_eq!(resource["reservations"], reserved, "{resource}");
    }
    site.until_whole(1).await;
    let mesos = site.end_and_keep_mesos().await;
    let left = mesos.agents().await["slaves"][0]["reserved_resources"]["flink"].clone();
    assert_eq!((left["cpus"].as_f64(), left["mem"].as_f64()), (Some(2.0), Some(2000.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn static_reservations_of_agents_are_used_first_ports_included() {
    let block = PortBlock::new();
    let (first, last) = (*block.ports().start(), *block.ports().end());
    let options = RealMesosOptions {
        resources: format!(
            "cpus(flink):2;mem(flink):2000;ports(flink):[{}-{last}];cpus:2;mem:2000;disk:8192;ports:[{first}-{}]",
            first + 50,
            first + 49
        ),
        ..RealMesosOptions::default()
    };
    let mut site = Site::start(1, options, &[&format!("{ROLE}flink")]).await;
    for resource in used(&site, &["cpus", "mem", "ports"]).await {
        assert_eq!(resource["reservations"], json!([reservation("STATIC", "flink")]), "{resource}");
    }
    site.until_whole(1).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refined_reservation_is_kept() {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let outer = json!([reservation("DYNAMIC", "flink")]);
    let refined = json!([reservation("DYNAMIC", "flink"), reservation("DYNAMIC", "flink/prod")]);
    for reservations in [&outer, &refined] {
        reserve(
            &mesos,
            json!([scalar("cpus", 2.0, reservations), scalar("mem", 2000.0, reservations)]),
        )
        .await;
    }
    let mut site = Site::begin(1, mesos, zookeeper, &[&format!("{ROLE}flink/prod")]).await;
    for resource in used(&site, &["cpus", "mem"]).await {
        assert_eq!(resource["reservations"], refined, "{resource}");
    }
    site.until_whole(1).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn persistent_volumes_are_left_alone() {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let reserved = json!([reservation("DYNAMIC", "flink")]);
    reserve(&mesos, json!([scalar("disk", 4096.0, &reserved)])).await;
    let mut volume = scalar("disk", 4000.0, &reserved);
    volume["disk"] = json!({ "persistence": { "id": "data" }, "volume": { "container_path": "data", "mode": "RW" } });
    let (agent, volumes) = (agent(&mesos).await, json!([volume]).to_string());
    mesos.post("create-volumes", &[("slaveId", &agent), ("volumes", &volumes)]).await;
    let disk = "-Dmesos.resourcemanager.tasks.disk=1000";
    let mut site = Site::begin(1, mesos, zookeeper, &[&format!("{ROLE}flink"), disk]).await;
    let used = used(&site, &["disk"]).await;
    assert!(used.iter().all(|resource| resource["disk"].is_null()), "{used:?}");
    site.until_whole(1).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_framework_of_two_roles_uses_what_each_of_them_has() {
    let options = RealMesosOptions {
        resources: "cpus(a):1.5;mem(a):1500;cpus(b):1.5;mem(b):1500;disk:8192".to_owned(),
        ..RealMesosOptions::default()
    };
    let mut site = Site::start(2, options, &[&format!("{ROLE}a,b")]).await;
    assert_eq!(roles(&site).await, ["a", "b"]);
    site.until_whole(2).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn task_managers_outlive_a_change_of_role_and_new_ones_have_the_new_role() {
    let mut site = Site::start(1, RealMesosOptions::default(), &[&format!("{ROLE}before")]).await;
    let before = site.task_managers();
    site.reconfigure(&[&format!("{ROLE}after"), "-Dmesos.workers=2"]);
    site.kill(Part::ApplicationMaster).await;
    site.restart(Part::ApplicationMaster).await;
    site.until_whole(2).await;
    let after = site.task_managers();
    assert!(before.iter().all(|(name, pid)| after.get(name) == Some(pid)), "{before:?} {after:?}");
    assert_eq!(roles(&site).await, ["after", "before"]);
    assert_eq!(site.mesos.state().await["frameworks"].as_array().map(Vec::len), Some(1));
    site.end().await;
}

fn reservation(kind: &str, role: &str) -> Value {
    json!({ "type": kind, "role": role })
}

fn scalar(name: &str, value: f64, reservations: &Value) -> Value {
    json!({ "name": name, "type": "SCALAR", "scalar": { "value": value }, "reservations": reservations })
}

async fn agent(mesos: &RealMesos) -> String {
    mesos.state().await["slaves"][0]["id"].as_str().unwrap().to_owned()
}

async fn reserve(mesos: &RealMesos, resources: Value) {
    mesos
        .post("reserve", &[("slaveId", &agent(mesos).await), ("resources", &resources.to_string())])
        .await;
}

/// The used resources with these names; each must be used.
async fn used(site: &Site, names: &[&str]) -> Vec<Value> {
    let agents = site.mesos.agents().await;
    let mut used = agents["slaves"][0]["used_resources_full"].as_array().unwrap().clone();
    used.retain(|resource| names.iter().any(|name| resource["name"] == *name));
    for name in names {
        assert!(used.iter().any(|resource| resource["name"] == *name), "no {name} is used");
    }
    used
}

/// The roles of all tasks.
async fn roles(site: &Site) -> Vec<String> {
    let state = site.mesos.state().await;
    let tasks = state["frameworks"][0]["tasks"].as_array().unwrap();
    let mut roles: Vec<_> =
        tasks.iter().map(|task| task["role"].as_str().unwrap().to_owned()).collect();
    roles.sort();
    roles
}
