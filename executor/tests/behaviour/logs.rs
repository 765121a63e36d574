//! The executor's own log.

use mesos::v1::{TaskInfo, TaskState};
use serde_json::Value;

use crate::host::Host;

/// Path and content of the only log in the host's folder.
fn at_host(host: &Host) -> (String, String) {
    let files: Vec<_> =
        fs_err::read_dir(host.logs()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("expected one log, found {files:?}") };
    (
        file.file_name().unwrap().to_string_lossy().into_owned(),
        fs_err::read_to_string(file).unwrap(),
    )
}

#[tokio::test]
async fn the_log_is_also_in_the_hosts_folder_and_stays_there() {
    let mut host = Host::new().await;
    fs_err::create_dir(host.logs()).unwrap();
    let executor = host.running("w", &[]).await;
    let pid = executor.pid();
    host.end("w", executor).await;
    let (name, text) = at_host(&host);
    assert_eq!(name, format!("w-{pid}.log"));
    assert!(text.contains("TASK_KILLED"), "{text}");
    assert_eq!(text, host.log());
}

#[tokio::test]
async fn the_log_of_an_executor_outlives_its_sandbox() {
    let mut host = Host::new().await;
    fs_err::create_dir(host.logs()).unwrap();
    let executor = host.running("orphan", &[("MESOS_EXECUTOR_ID", "orphan")]).await;
    host.end("orphan", executor).await;
    fs_err::remove_dir_all(host.sandbox("")).unwrap();
    let asked = async |task: &str| {
        let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_flink-mesos-executor"));
        program.args(["logs", task, "--file", "executor", "--work-dir", &host.scratch()]);
        program.env("FLINK_MESOS_LOG_DIR", host.logs()).output().await.unwrap()
    };
    let output = asked("orphan").await;
    assert!(String::from_utf8_lossy(&output.stdout).contains("TASK_KILLED"), "{output:?}");
    let output = asked("stranger").await;
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("no task on this host has"),
        "{output:?}"
    );
}

#[tokio::test]
async fn the_log_can_be_json() {
    let mut host = Host::new().await;
    fs_err::create_dir(host.logs()).unwrap();
    let executor = host.running("w", &[("FLINK_MESOS_EXECUTOR_LOG_FORMAT", "json")]).await;
    host.end("w", executor).await;
    for text in [host.log(), at_host(&host).1] {
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.iter().any(|line| line["fields"]["task_id"] == "w"), "{text}");
    }
}

#[tokio::test]
async fn the_log_in_the_hosts_folder_is_rotated_at_the_configured_size() {
    let mut host = Host::new().await;
    fs_err::create_dir(host.logs()).unwrap();
    host.agent.acknowledge(false);
    let _executor = host.executor(&[("FLINK_MESOS_EXECUTOR_LOG_SIZE", "64 kb")]);
    host.agent.subscribe().await;
    let id = "long".repeat(10_000);
    for number in 0..3 {
        host.agent.launch(TaskInfo { data: None, ..host.task(&format!("{number}{id}"), "") });
        host.agent.update(TaskState::TaskError).await;
    }
    let mut sizes: Vec<_> = fs_err::read_dir(host.logs())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .collect();
    sizes.sort_unstable();
    // The line that reaches the size is the last one.
    assert!(sizes.len() == 2 && sizes[1] < 150_000, "{sizes:?}");
}

#[tokio::test]
async fn without_a_host_folder_the_log_is_only_in_the_sandbox_and_invalid_settings_are_reported() {
    let mut host = Host::new().await;
    let wrong =
        [("FLINK_MESOS_EXECUTOR_LOG_FORMAT", "xml"), ("FLINK_MESOS_EXECUTOR_LOG", "executor=loud")];
    let executor = host.running("w", &wrong).await;
    host.end("w", executor).await;
    assert!(!host.logs().exists());
    let log = host.log();
    assert!(
        log.contains("FLINK_MESOS_EXECUTOR_LOG_FORMAT is 'xml', allowed are text and json"),
        "{log}"
    );
    assert!(log.contains("FLINK_MESOS_EXECUTOR_LOG is not a log level"), "{log}");
}
