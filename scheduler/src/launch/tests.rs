//! What Mesos and executors read in a launch.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::*;
use crate::core::{
    ids::WorkerId,
    resources::{Demand, Pool},
    state::AgentProfile,
};

fn template(executor: ExecutorDelivery) -> Template {
    Template {
        executor,
        variables: vec![("LEVEL".to_owned(), "debug".to_owned())],
        user: Some("flink".to_owned()),
        labels: vec![("team".to_owned(), "blue".to_owned())],
        kill_grace: 5.0,
        limits: BTreeMap::from([("cpus".to_owned(), f64::INFINITY)]),
        hostname: Some("_TASK_.flink.mesos".to_owned()),
        container: None,
        spec: WorkerSpec { flink_version: "1.20.5".to_owned(), ..Default::default() },
    }
}

fn launch() -> Launch {
    let ranges =
        Some(v1::value::Ranges { range: vec![v1::value::Range { begin: 31000, end: 31000 }] });
    let port = v1::Resource { name: "ports".to_owned(), ranges, ..Default::default() };
    let demand = Demand { ports: vec!["taskmanager.rpc.port".into()], ..Default::default() };
    Launch {
        worker: WorkerId::new("e", 1),
        place: Arc::new(AgentProfile {
            agent: "A".to_owned(),
            hostname: "host".to_owned(),
            ..Default::default()
        }),
        taken: Pool::new(vec![port], &demand.needs())
            .take(&demand.needs(), &mut rand::SeedableRng::seed_from_u64(7))
            .unwrap(),
        installed_executor: None,
    }
}

fn task(template: &Template, launch: &Launch) -> v1::TaskInfo {
    template.task(launch, &v1::FrameworkId { value: "F".to_owned() }, "s3cret")
}

#[test]
fn the_task_data_contains_id_ports_host_and_token() {
    let task = task(&template(ExecutorDelivery::Installed("/x".to_owned())), &launch());
    let spec = WorkerSpec::decode(task.data.unwrap()).unwrap();
    assert_eq!(spec.worker_id, "taskmanager-e-00001");
    assert_eq!(spec.hostname, "taskmanager-e-00001.flink.mesos");
    assert_eq!(spec.ports["taskmanager.rpc.port"], 31000);
    assert_eq!(spec.artifacts.unwrap().token, "s3cret");
}

#[test]
fn mesos_gets_the_task_managers_grace_period_and_a_longer_one_for_its_executor() {
    let task = task(&template(ExecutorDelivery::Installed("/x".to_owned())), &launch());
    let nanoseconds = |duration: Option<v1::DurationInfo>| duration.unwrap().nanoseconds;
    let policy = task.kill_policy.unwrap();
    assert_eq!(nanoseconds(policy.grace_period), 5_000_000_000);
    assert_eq!(nanoseconds(task.executor.unwrap().shutdown_grace_period), 15_000_000_000);
}

#[test]
fn limits_are_the_tasks_own() {
    let task = task(&template(ExecutorDelivery::Installed("/x".to_owned())), &launch());
    assert!(task.limits["cpus"].value.is_infinite());
}

#[test]
fn the_token_is_only_in_the_task_data() {
    let mut task = task(&template(ExecutorDelivery::Fetched("http://am/x".to_owned())), &launch());
    task.data = None;
    assert!(!format!("{task:?}").contains("s3cret"));
}

#[test]
fn an_executor_that_is_not_installed_is_fetched_by_mesos_and_executable() {
    let command = task(&template(ExecutorDelivery::Fetched("http://am/x".to_owned())), &launch());
    let command = command.executor.unwrap().command.unwrap();
    assert_eq!(command.value.as_deref(), Some("./flink-mesos-executor"));
    assert_eq!(
        (command.uris[0].value.as_str(), command.uris[0].executable),
        ("http://am/x", Some(true))
    );
    let variables = command.environment.unwrap().variables;
    assert_eq!(
        (variables[0].name.as_str(), variables[0].value.as_deref()),
        ("LEVEL", Some("debug"))
    );
}

#[test]
fn an_agents_attribute_says_where_the_executor_is_installed() {
    let launch = Launch { installed_executor: Some("/opt/e".into()), ..launch() };
    let command = task(&template(ExecutorDelivery::Fetched("http://am/x".to_owned())), &launch);
    let command = command.executor.unwrap().command.unwrap();
    assert_eq!((command.value.as_deref(), command.uris.len()), (Some("/opt/e"), 0));
}

#[test]
fn in_an_image_the_executor_is_found_in_the_sandbox() {
    let docker = v1::container_info::DockerInfo { image: "flink".to_owned(), ..Default::default() };
    let kind = v1::container_info::Type::Docker.into();
    let container = v1::ContainerInfo { r#type: kind, docker: Some(docker), ..Default::default() };
    let fetched = ExecutorDelivery::Fetched("http://am/x".to_owned());
    let template = Template { container: Some(container.clone()), ..template(fetched) };
    let executor = task(&template, &launch()).executor.unwrap();
    assert_eq!(executor.container, Some(container));
    let command = executor.command.unwrap();
    assert_eq!(command.value.as_deref(), Some("exec \"$MESOS_SANDBOX/flink-mesos-executor\""));
    assert_eq!((command.shell, command.uris.len()), (Some(true), 1));
    assert!(command.environment.is_some());
    let launch = Launch { installed_executor: Some("/o'e $(x)".into()), ..launch() };
    let command = task(&template, &launch).executor.unwrap().command.unwrap();
    assert_eq!(command.value.as_deref(), Some(r"exec '/o'\''e $(x)'"));
}

#[test]
fn volumes_alone_need_no_shell() {
    let kind = v1::container_info::Type::Mesos.into();
    let container = v1::ContainerInfo { r#type: kind, ..Default::default() };
    let installed = ExecutorDelivery::Installed("/x".to_owned());
    let template = Template { container: Some(container), ..template(installed) };
    assert_eq!(task(&template, &launch()).executor.unwrap().command.unwrap().shell, Some(false));
}
