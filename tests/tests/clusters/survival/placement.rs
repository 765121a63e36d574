//! Agents in other regions, and resources that not every agent has. The agents here have no
//! isolator for GPUs: theirs are only counted.

use tests::{
    RealMesosOptions,
    site::{Part, Site},
};

fn domain(region: &str, zone: &str) -> String {
    format!(
        r#"--domain={{"fault_domain":{{"region":{{"name":"{region}"}},"zone":{{"name":"{zone}"}}}}}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constraint_on_the_region_is_met_by_agents_of_another_region_than_the_masters() {
    let options = RealMesosOptions {
        master_flags: vec![domain("eu", "a")],
        agent_flags: vec![domain("us", "b")],
        ..RealMesosOptions::default()
    };
    let mut site =
        Site::start(1, options, &["-Dmesos.constraints=@region:IS:us,@zone:LIKE:b|c"]).await;
    site.until_whole(1).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn network_bandwidth_is_taken_from_the_configured_resource() {
    let resources = "cpus:4;mem:4096;disk:8192;mbps:1000".to_owned();
    let options = [
        "-Dmesos.resourcemanager.tasks.network.bandwidth=250",
        "-Dmesos.resourcemanager.network.resource.name=mbps",
    ];
    let site =
        Site::start(1, RealMesosOptions { resources, ..RealMesosOptions::default() }, &options)
            .await;
    let state = site.mesos.state().await;
    assert_eq!(state["frameworks"][0]["tasks"][0]["resources"]["mbps"], 250.0);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_with_gpus_are_offered_to_frameworks_that_need_gpus() {
    let resources = "cpus:4;mem:4096;disk:8192;gpus:2".to_owned();
    let options = RealMesosOptions { resources, ..RealMesosOptions::default() };
    let site = Site::start(1, options, &["-Dmesos.resourcemanager.tasks.gpus=1"]).await;
    let state = site.mesos.state().await;
    assert_eq!(state["frameworks"][0]["tasks"][0]["resources"]["gpus"], 1.0);
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_manager_counts_by_the_attributes_that_its_agent_has_now() {
    let mut site = Site::start(1, RealMesosOptions::default(), &[]).await;
    let before = site.task_managers();
    site.mesos.reconfigure_agent(0, &["--attributes=rack:a", "--reconfiguration_policy=additive"]);
    site.restart(Part::Agent).await;
    site.kill(Part::ApplicationMaster).await;
    site.reconfigure(&["-Dmesos.constraints=rack:MAX_PER:1", "-Dmesos.workers=2"]);
    site.restart(Part::ApplicationMaster).await;
    let reported = site.master.wait_for("starved");
    let reason = reported["reason"].as_str().unwrap();
    assert!(reason.contains("constraint rack:MAX_PER:1 not met, the agents have a"), "{reason}");
    site.until_whole(1).await;
    assert_eq!(site.task_managers(), before);
    site.end().await;
}
