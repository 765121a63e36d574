//! Many clusters on one machine at once.

use std::{collections::BTreeSet, time::Duration};

use appmaster::{cli::Contact, clusters};
use nix::sys::signal::Signal;
use serde_json::Value;
use tests::{
    Line, RealMesos, RealMesosOptions, cluster::FlinkMesos, flink_home, site::java_home, wait_until,
};

const CLUSTERS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn ten_clusters_on_one_host_come_up_together_with_one_launch_each_and_keep_their_own_workers()
{
    let resources = "cpus:40;mem:40960;disk:81920".to_owned();
    let mesos =
        RealMesos::start_with(RealMesosOptions { resources, ..RealMesosOptions::default() }).await;
    let java = java_home(include_str!("together.py"));
    let options = [
        format!("-Dmesos.master={}", mesos.master()),
        format!("-Denv.java.home={}", java.path().display()),
        format!("-Dmesos.executor.java-home={}", java.path().display()),
    ];
    let arguments: Vec<_> = ["session", "--workers", "1"]
        .into_iter()
        .chain(options.iter().map(String::as_str))
        .collect();
    let homes = [Line::V1_18, Line::V1_20, Line::V2].map(flink_home);
    let started =
        homes.iter().cycle().take(CLUSTERS).map(|home| FlinkMesos::start(home, &arguments));
    let mut clusters: Vec<_> = started.collect();
    let mut frameworks = BTreeSet::new();
    for cluster in &mut clusters {
        let web = cluster.ready();
        let framework = cluster.events("registered")[0]["framework"].as_str().unwrap().to_owned();
        let launched = cluster.events("launched");
        assert_eq!((launched.len(), cluster.events("gone")), (1, vec![]));
        // The sandbox of a task is below a folder of its framework.
        let listed: Value =
            reqwest::get(format!("{web}/taskmanagers")).await.unwrap().json().await.unwrap();
        let [listed] = listed["taskmanagers"].as_array().unwrap().as_slice() else {
            panic!("{listed}")
        };
        assert_eq!(listed["id"], launched[0]["worker"]);
        assert!(
            listed["path"].as_str().unwrap().contains(&framework),
            "{listed} is of {framework}"
        );
        let control = cluster.events("control")[0]["address"].as_str().unwrap().to_owned();
        // Its token is in this user's run file.
        let client =
            clusters::client(Contact { at: Some(control), ..Contact::default() }, &|name| {
                std::env::var(name).ok()
            })
            .await;
        let reported = client.unwrap().get("workers").await.unwrap();
        let [worker] = reported["workers"].as_array().unwrap().as_slice() else {
            panic!("{reported}")
        };
        assert_eq!(
            (&worker["id"], &worker["registered"]),
            (&launched[0]["worker"], &Value::Bool(true))
        );
        frameworks.insert(framework);
    }
    assert_eq!(frameworks.len(), CLUSTERS);
    for cluster in &clusters {
        cluster.signal(Signal::SIGINT);
    }
    for cluster in &mut clusters {
        assert!(cluster.end().success());
    }
    assert_eq!(mesos.state().await["frameworks"], Value::Array(vec![]));
    // Executors end a moment after their tasks.
    wait_until("no executor is left", Duration::from_secs(60), async || {
        mesos.below_agents().is_empty().then_some(())
    })
    .await;
}
