//! What an earlier executor left in the sandbox.

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
};

use executor::{journal::Entry, process::Identity};
use mesos::v1::TaskState;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::host::{Host, SLEEPS, child_named, is_alive, until, until_dead};

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
}

fn sleeper() -> (Child, Identity) {
    let child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
    let identity = Identity::of(child.id().cast_signed()).unwrap();
    (child, identity)
}

/// A journal of this boot, of an executor that has ended.
fn journal(task_manager: Identity) -> Entry {
    let boot = fs_err::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned();
    let executor = Identity { pid: 1, started: 1 };
    let (updates, timeline) = (Vec::new(), BTreeMap::new());
    let (task, task_manager) = (Some("w".into()), Some(task_manager));
    Entry { boot, executor, task, guard: None, task_manager, about: None, updates, timeline }
}

fn write(host: &Host, entry: &Entry) {
    fs_err::write(host.sandbox("executor.json"), serde_json::to_vec(entry).unwrap()).unwrap();
}

#[tokio::test]
async fn an_orphaned_task_manager_is_ended_and_a_partial_tree_is_removed() {
    let mut host = Host::new().await;
    let (mut child, identity) = sleeper();
    write(&host, &journal(identity));
    fs_err::create_dir(host.sandbox("flink")).unwrap();
    let _executor = host.executor(&[]);
    host.agent.subscribe().await;
    until_dead(child.id()).await;
    child.wait().unwrap();
    assert!(!host.sandbox("flink").exists());
}

/// A frozen guard cannot do its part when its executor is killed.
#[tokio::test]
async fn a_restarted_executor_ends_the_processes_of_a_frozen_guard_and_runs_the_task_again() {
    let mut host = Host::new().await;
    let mut first = host.executor(&[]);
    let script = format!(
        "setsid sleep 1000 & echo $! > {0}/child; echo $$ > {0}/pid; exec sleep 1000",
        host.scratch()
    );
    host.agent.subscribe().await;
    host.agent.launch(host.task("w", &script));
    host.agent.update(TaskState::TaskRunning).await;
    let (pid, child) = (host.pid("pid").await, host.pid("child").await);
    let guard = until(|| child_named(first.pid(), "tm-guard")).await;
    let journal = host.sandbox("executor.json");
    until(|| fs_err::read_to_string(&journal).ok()?.contains("TASK_RUNNING").then_some(())).await;
    signal(guard, Signal::SIGSTOP);
    signal(first.pid(), Signal::SIGKILL);
    first.ended().await;
    assert!(is_alive(pid) && is_alive(child));

    let second = host.executor(&[]);
    host.agent.subscribe().await;
    for process in [guard, pid, child] {
        until_dead(process).await;
    }
    host.agent.launch(host.task("w", SLEEPS));
    host.agent.update(TaskState::TaskRunning).await;
    host.end("w", second).await;
}

#[tokio::test]
async fn a_process_that_reused_the_pid_is_left_alone() {
    let mut host = Host::new().await;
    let (mut child, identity) = sleeper();
    write(&host, &journal(Identity { started: identity.started + 1, ..identity }));
    let _executor = host.executor(&[]);
    host.agent.subscribe().await;
    assert!(is_alive(child.id()));

    let mut host = Host::new().await;
    write(&host, &Entry { boot: "another".into(), ..journal(identity) });
    let _executor = host.executor(&[]);
    host.agent.subscribe().await;
    assert!(is_alive(child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn two_executors_do_not_share_a_sandbox() {
    let host = Host::new().await;
    let (mut child, identity) = sleeper();
    write(&host, &Entry { executor: identity, ..journal(identity) });
    let mut executor = host.executor(&[]);
    assert_eq!(executor.ended().await.code(), Some(1));
    assert!(host.log().contains("is already an executor in this sandbox"), "{}", host.log());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn an_invalid_journal_is_ignored() {
    let mut host = Host::new().await;
    fs_err::write(host.sandbox("executor.json"), "nonsense").unwrap();
    let _executor = host.executor(&[]);
    host.agent.subscribe().await;
}
