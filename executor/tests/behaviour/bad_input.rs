//! Invalid input, and the errors it causes.

use std::process::Command;

use mesos::v1::{TaskInfo, TaskState, TaskStatus};
use overlays::worker::WorkerSpec;

use crate::host::{Host, task};

/// Changes a good worker, launches it and returns how it ended.
async fn outcome(state: TaskState, change: impl FnOnce(&mut WorkerSpec)) -> TaskStatus {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    let mut spec = host.worker("w", "sleep 1000");
    change(&mut spec);
    host.agent.launch(task(&spec));
    let status = host.agent.update(state).await;
    assert!(executor.ended().await.success(), "{}", host.log());
    status
}

#[tokio::test]
async fn an_invalid_description_is_an_error() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    let broken = TaskInfo { data: Some(vec![1, 2, 3].into()), ..host.task("w", "") };
    host.agent.launch(broken);
    let status = host.agent.update(TaskState::TaskError).await;
    assert!(
        status.message().starts_with("the task's data is not the description of a worker"),
        "{}",
        status.message()
    );
    assert!(executor.ended().await.success());
}

#[tokio::test]
async fn a_manifest_that_is_not_a_digest_is_an_error() {
    let change =
        |spec: &mut WorkerSpec| spec.artifacts.as_mut().unwrap().manifest = "latest".into();
    let status = outcome(TaskState::TaskError, change).await;
    assert!(
        status.message().starts_with("the worker's description is wrong: "),
        "{}",
        status.message()
    );
}

#[tokio::test]
async fn a_manifest_that_the_server_does_not_have_is_a_failure() {
    let change = |spec: &mut WorkerSpec| spec.artifacts.as_mut().unwrap().manifest = "0".repeat(64);
    let status = outcome(TaskState::TaskFailed, change).await;
    let message = status.message();
    assert!(message.starts_with("the artifacts could not be fetched: "), "{message}");
    assert!(message.ends_with("(the artifact server has wrong or missing files)"), "{message}");
}

#[tokio::test]
async fn a_token_that_the_server_rejects_is_a_failure_that_does_not_show_it() {
    let change = |spec: &mut WorkerSpec| spec.artifacts.as_mut().unwrap().token = "guessed".into();
    let status = outcome(TaskState::TaskFailed, change).await;
    assert!(
        status.message().ends_with("(the scheduler sent invalid data)"),
        "{}",
        status.message()
    );
    assert!(!status.message().contains("guessed"));
}

#[tokio::test]
async fn a_missing_java_is_a_failure() {
    let change = |spec: &mut WorkerSpec| spec.java_home = "/no/java/here".into();
    let status = outcome(TaskState::TaskFailed, change).await;
    let message = status.message();
    assert!(message.starts_with("the TaskManager could not be configured: "), "{message}");
    assert!(message.contains("/no/java/here"), "{message}");
}

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_flink-mesos-executor"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), said)
}

#[test]
fn started_by_hand_it_explains_itself() {
    let (code, said) = run(&[], &[]);
    assert_eq!(code, 64, "{said}");
    assert!(said.contains("is started by a Mesos agent, not by hand"), "{said}");
    assert!(said.contains("MESOS_SLAVE_PID"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_broken_environment_is_named() {
    let (code, said) = run(&[], &[("MESOS_SLAVE_PID", "nonsense")]);
    assert_eq!(code, 64, "{said}");
    assert!(said.contains("MESOS_SLAVE_PID is \"nonsense\""), "{said}");
}

#[test]
fn it_prints_version_and_help_and_rejects_other_arguments() {
    let (code, said) = run(&["--version"], &[]);
    assert_eq!(code, 0);
    assert!(
        said.starts_with(concat!("flink-mesos-executor ", env!("CARGO_PKG_VERSION"), " (")),
        "{said}"
    );
    let (code, said) = run(&["--help"], &[]);
    assert_eq!(code, 0);
    assert!(said.contains("Do not start it by hand"), "{said}");
    let (code, _) = run(&["--nonsense"], &[]);
    assert_eq!(code, 64);
}
