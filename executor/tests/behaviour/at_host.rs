//! The commands for people on the host, for running executors and for dead ones.

use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use mesos::v1::TaskState;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::Command,
    time::timeout,
};

use crate::agent::PATIENCE;
use crate::host::{Executor, Host, child_named, task, until, until_dead};

/// Runs our binary as a person would.
async fn ask(host: &Host, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flink-mesos-executor"));
    command.args(arguments).args(["--work-dir", &host.scratch()]).kill_on_drop(true);
    command.output().await.unwrap()
}

async fn printed(host: &Host, arguments: &[&str]) -> String {
    let output = ask(host, arguments).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The row of this task in `ps`.
async fn row(host: &Host, id: &str, arguments: &[&str]) -> Option<Value> {
    let arguments = [&["ps", "--output", "json"], arguments].concat();
    let rows: Vec<Value> = serde_json::from_str(&printed(host, &arguments).await).unwrap();
    rows.into_iter().find(|row| row["task"] == id)
}

/// A task that runs and has logged something.
async fn running(host: &mut Host, id: &str) -> Executor {
    let executor = host.executor(&[]);
    host.agent.subscribe().await;
    let script = format!(
        "echo out; echo err >&2; echo 'a WARN  password=hunter33' > {}/log/taskmanager.log; touch {}/ready; sleep 1000",
        host.sandbox("").display(),
        host.scratch()
    );
    host.agent.launch(host.task(id, &script));
    host.agent.update(TaskState::TaskRunning).await;
    let ready = format!("{}/ready", host.scratch());
    until(|| fs_err::metadata(&ready).ok()).await;
    let journal = host.sandbox("executor.json");
    until(|| fs_err::read_to_string(&journal).ok()?.contains("TASK_RUNNING").then_some(())).await;
    executor
}

/// Kills the executor, and with it its TaskManager.
async fn over(host: &Host, mut executor: Executor) {
    let journal: Value =
        serde_json::from_slice(&fs_err::read(host.sandbox("executor.json")).unwrap()).unwrap();
    kill(Pid::from_raw(executor.pid().cast_signed()), Signal::SIGKILL).unwrap();
    executor.ended().await;
    for process in ["guard", "task_manager"] {
        until_dead(journal[process]["pid"].as_u64().unwrap().try_into().unwrap()).await;
    }
    put_where_an_agent_would(host);
}

fn put_where_an_agent_would(host: &Host) {
    let runs = format!("{}/slaves/a-S0/frameworks/f/executors/e/runs", host.scratch());
    fs_err::create_dir_all(&runs).unwrap();
    fs_err::rename(host.sandbox(""), format!("{runs}/c")).unwrap();
    fs_err::os::unix::fs::symlink(format!("{runs}/c"), format!("{runs}/latest")).unwrap();
}

#[tokio::test]
async fn running_executors_are_listed_with_their_usage() {
    let mut host = Host::new().await;
    let executor = running(&mut host, "listed").await;
    let row = row(&host, "listed", &[]).await.unwrap();
    assert_eq!(row["state"], "TASK_RUNNING");
    assert_eq!(row["executor_pid"], executor.pid());
    assert!(
        row["pid"].is_u64()
            && row["memory_bytes"].as_u64().unwrap() > 0
            && row["uptime_seconds"].is_u64()
    );
    let table = printed(&host, &["ps"]).await;
    assert!(table.starts_with("TASK "), "{table}");
    assert!(
        table.lines().any(|line| line.starts_with("listed ") && line.contains("TASK_RUNNING")),
        "{table}"
    );
}

#[tokio::test]
async fn a_dead_executor_is_known_from_its_files() {
    let mut host = Host::new().await;
    let executor = running(&mut host, "dead").await;
    over(&host, executor).await;
    assert_eq!(row(&host, "dead", &[]).await, None, "only with --all");
    let row = row(&host, "dead", &["--all"]).await.unwrap();
    assert_eq!(
        (&row["state"], &row["executor_pid"], &row["pid"]),
        (&"TASK_RUNNING".into(), &Value::Null, &Value::Null)
    );
    assert!(printed(&host, &["ps", "-a"]).await.contains("TASK_RUNNING (ended)"));
    assert_eq!(printed(&host, &["logs", "dead", "--file", "out"]).await, "out\n");
    assert_eq!(
        printed(&host, &["logs", "dead", "--file", "err", "--follow"]).await,
        "err\n",
        "there is nothing to follow"
    );
    assert!(printed(&host, &["logs", "dead", "--file", "executor"]).await.contains("TASK_RUNNING"));
    assert!(printed(&host, &["inspect", "dead"]).await.contains("not running"));
    let output = ask(&host, &["jstack", "dead"]).await;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(complaint, "flink-mesos-executor: the TaskManager of dead is not running\n");
}

#[tokio::test]
async fn a_task_whose_artifacts_could_not_be_fetched_is_shown_as_described() {
    let mut host = Host::new().await;
    let mut executor = host.executor(&[]);
    host.agent.subscribe().await;
    let mut spec = host.worker("unfetched", "");
    let manifest = "0".repeat(64);
    spec.artifacts.as_mut().unwrap().manifest.clone_from(&manifest);
    host.agent.launch(task(&spec));
    host.agent.update(TaskState::TaskFailed).await;
    executor.ended().await;
    put_where_an_agent_would(&host);
    let prose = printed(&host, &["inspect", "unfetched"]).await;
    assert!(
        prose.contains(&format!("manifest {manifest} from http://"))
            && prose.contains("not started"),
        "{prose}"
    );
    assert!(prose.contains("TASK_FAILED: the artifacts could not be fetched"), "{prose}");
    assert!(
        prose.contains("jobmanager.rpc.address: localhost") && !prose.contains("hunter"),
        "{prose}"
    );
}

#[tokio::test]
async fn a_task_is_shown_in_full_but_without_its_secrets() {
    let mut host = Host::new().await;
    let _executor = running(&mut host, "inspected").await;
    let text = printed(&host, &["inspect", "inspected", "--output", "json"]).await;
    let report: Value = serde_json::from_str(&text).unwrap();
    let states: Vec<_> =
        report["told"].as_array().unwrap().iter().map(|update| update["state"].clone()).collect();
    assert_eq!(states, ["TASK_STARTING", "TASK_RUNNING"]);
    let at = |step: &str| report["timeline"][step].as_u64().unwrap();
    assert!(at("subscribed") <= at("launched") && at("fetched") <= at("spawned"));
    let about = &report["about"];
    assert_eq!(
        (&about["flink"], &about["configuration"]["s3.secret-key"]),
        (&"1.20.5".into(), &"******".into())
    );
    assert_eq!(about["configuration"]["my.url"], "https://***@host/x?***");
    assert!(about["command"][0].as_str().unwrap().ends_with("/bin/java"));
    assert!(about["environment"]["FAKE_TASK_MANAGER"].is_string());
    assert_eq!(report["last_errors"][0], "a WARN  password=******");
    let prose = printed(&host, &["inspect", "inspected"]).await;
    assert!(!text.contains("hunter") && !prose.contains("hunter"), "{prose}");
    assert!(
        prose.contains(" ms   spawned") && prose.contains("jobmanager.rpc.address: localhost"),
        "{prose}"
    );
}

fn append(log: &Path, text: &str) {
    let mut file = fs_err::OpenOptions::new().create(true).append(true).open(log).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[tokio::test]
async fn a_log_is_followed_from_file_to_file_until_the_executor_ends() {
    let mut host = Host::new().await;
    let mut executor = running(&mut host, "followed").await;
    let scratch = host.scratch();
    let mut command = Command::new(env!("CARGO_BIN_EXE_flink-mesos-executor"));
    command
        .args(["logs", "-f", "followed", "--work-dir", &scratch])
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    let mut follower = command.spawn().unwrap();
    let mut seen = BufReader::new(follower.stdout.take().unwrap());
    let mut followed = String::new();
    seen.read_line(&mut followed).await.unwrap();
    let log = host.sandbox("log/taskmanager.log");
    let mut text = fs_err::read_to_string(&log).unwrap();
    assert_eq!(followed, text);
    // Rotated with one more line in it, for a new file that is longer.
    append(&log, "more\n");
    fs_err::rename(&log, log.with_extension("log.1")).unwrap();
    let new = "and more\n".repeat(100);
    append(&log, &new);
    text = text + "more\n" + &new;
    host.agent.kill("followed", Duration::from_secs(60));
    host.agent.update(TaskState::TaskKilled).await;
    executor.ended().await;
    let rest = tokio::time::timeout(Duration::from_secs(20), seen.read_to_string(&mut followed));
    rest.await.unwrap().unwrap();
    assert_eq!(followed, text);
    put_where_an_agent_would(&host);
    assert_eq!(printed(&host, &["logs", "followed"]).await, new);
    assert_eq!(printed(&host, &["logs", "followed", "--all"]).await, text);
}

/// A TaskManager whose program is called java, as `/proc/<pid>/exe` shows; a shell may be between
/// it and the executor.
#[tokio::test]
async fn a_thread_dump_comes_from_the_jstack_beside_the_running_java() {
    let mut host = Host::new().await;
    let _executor = host.executor(&[]);
    host.agent.subscribe().await;
    let jdk = format!("{}/jdk", host.scratch());
    fs_err::create_dir(&jdk).unwrap();
    fs_err::copy("/bin/sleep", format!("{jdk}/java")).unwrap();
    let script = format!("echo $$ > {}/pid; {jdk}/java 1000; true", host.scratch());
    host.agent.launch(host.task("threads", &script));
    host.agent.update(TaskState::TaskRunning).await;
    let shell = host.pid("pid").await;
    let java = until(|| child_named(shell, "java")).await;
    let journal = host.sandbox("executor.json");
    until(|| fs_err::read_to_string(&journal).ok()?.contains("TASK_RUNNING").then_some(())).await;
    let output = ask(&host, &["jstack", "threads"]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains(&format!("no jstack beside {jdk}/java")), "{said}");
    let jstack = format!("{jdk}/jstack");
    fs_err::write(&jstack, "#!/bin/sh\nprintf 'threads of %s\\033]0;title\\007\\n' $1\n").unwrap();
    fs_err::set_permissions(&jstack, std::fs::Permissions::from_mode(0o755)).unwrap();
    let expected = format!("threads of {java}\\u{{1b}}]0;title\\u{{7}}\n");
    assert_eq!(printed(&host, &["jstack", "threads"]).await, expected);
    // jstack does not end before its whole output is read, and nobody reads it.
    fs_err::write(&jstack, "#!/bin/sh\nexec cat /dev/zero\n").unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_flink-mesos-executor"));
    command
        .args(["jstack", "threads", "--work-dir", &host.scratch()])
        .stdout(writer)
        .kill_on_drop(true);
    let ended = timeout(PATIENCE, command.status())
        .await
        .expect("it waits for its output to be read")
        .unwrap();
    assert!(ended.success(), "{ended}");
    kill(Pid::from_raw(java.cast_signed()), Signal::SIGSTOP).unwrap();
    until(|| {
        fs_err::read_to_string(format!("/proc/{java}/status"))
            .unwrap()
            .contains("T (stopped)")
            .then_some(())
    })
    .await;
    let said = String::from_utf8(ask(&host, &["jstack", "threads"]).await.stderr).unwrap();
    let hint = format!(
        "the TaskManager of threads is stopped and cannot answer; `kill -CONT {java}` continues it"
    );
    assert!(said.contains(&hint), "{said}");
}

#[tokio::test]
async fn a_part_of_an_id_is_enough_unless_it_is_ambiguous() {
    let mut host = Host::new().await;
    let _executor = running(&mut host, "short-one").await;
    let mut other = Host::new().await;
    let _other = running(&mut other, "short-two").await;
    for part in ["short-o", "t-on"] {
        assert_eq!(printed(&host, &["logs", part, "--file", "out"]).await, "out\n");
    }
    let complaint = |output: Output| String::from_utf8(output.stderr).unwrap();
    let two = complaint(ask(&host, &["logs", "short-"]).await);
    assert_eq!(two, "flink-mesos-executor: \"short-\" is ambiguous: short-one, short-two\n");
    let none = complaint(ask(&host, &["logs", "nobody"]).await);
    assert!(none.contains("no task on this host has \"nobody\" in its id"), "{none}");
}
