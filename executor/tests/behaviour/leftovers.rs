//! What an earlier executor left in the sandbox.

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
};

use executor::{journal::Entry, process::Identity};

use crate::host::{Host, is_alive, until_dead};

fn sleeper() -> (Child, Identity) {
    let child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
    let identity = Identity::of(child.id().cast_signed()).unwrap();
    (child, identity)
}

/// A journal of this boot, by an executor that is gone.
fn journal(task_manager: Identity) -> Entry {
    let boot = fs_err::read_to_string("/proc/sys/kernel/random/boot_id").unwrap().trim().to_owned();
    let executor = Identity { pid: 1, started: 1 };
    let (told, timeline) = (Vec::new(), BTreeMap::new());
    let (task, task_manager) = (Some("w".into()), Some(task_manager));
    Entry { boot, executor, task, guard: None, task_manager, about: None, told, timeline }
}

fn write(host: &Host, entry: &Entry) {
    fs_err::write(host.sandbox("executor.json"), serde_json::to_vec(entry).unwrap()).unwrap();
}

#[tokio::test]
async fn a_forgotten_task_manager_is_ended_and_half_a_tree_is_removed() {
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

#[tokio::test]
async fn a_process_that_only_has_the_number_is_left_alone() {
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
    assert!(host.log().contains("is an executor in this sandbox already"), "{}", host.log());
    child.kill().unwrap();
    child.wait().unwrap();
}

#[tokio::test]
async fn a_journal_that_is_none_is_no_obstacle() {
    let mut host = Host::new().await;
    fs_err::write(host.sandbox("executor.json"), "nonsense").unwrap();
    let _executor = host.executor(&[]);
    host.agent.subscribe().await;
}
