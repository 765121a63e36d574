//! What the Mesos master knows of a stored framework, as `config check` and a start report it.

use std::{path::Path, sync::Arc, time::Duration};

use mesos::{
    scheduler::{SchedulerConnection, SchedulerEvent, SchedulerHandle, SchedulerOptions, calls},
    v1::FrameworkInfo,
};
use scheduler::{
    core::{
        ids::WorkerId,
        state::{AgentProfile, Change, WorkerRecord},
    },
    store::{Batch, FileStore, Store, keep},
};
use tests::{Line, RealMesos, cluster::command, flink_home, wait_until};
use tokio::sync::mpsc::{Receiver, unbounded_channel};

const PATIENCE: Duration = Duration::from_secs(60);
const PRINCIPAL: &str = "mesos.resourcemanager.framework.principal";

/// A framework at this Mesos, registered with user `alice`, and its id.
async fn registered(
    mesos: &RealMesos,
    principal: &str,
    checkpoint: bool,
) -> (String, SchedulerHandle, Receiver<SchedulerEvent>) {
    let info = FrameworkInfo {
        user: "alice".to_owned(),
        name: "before".to_owned(),
        principal: Some(principal.to_owned()),
        checkpoint: Some(checkpoint),
        failover_timeout: Some(3600.0),
        ..Default::default()
    };
    let options = SchedulerOptions::new(mesos.master().parse().unwrap());
    let (handle, mut events) = SchedulerConnection::open(options, info, Vec::new()).await.unwrap();
    let id = wait_until("the framework is registered", PATIENCE, async || {
        match events.recv().await.expect("an event") {
            SchedulerEvent::Subscribed { framework_id, .. } => Some(framework_id.value),
            _ => None,
        }
    })
    .await;
    (id, handle, events)
}

/// A folder with the state of that framework and one worker, without user and principal, as Flink
/// 1.13 left it.
async fn state_of(framework: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let place =
        Arc::new(AgentProfile { agent: "no-such-agent".to_owned(), ..AgentProfile::default() });
    let worker =
        WorkerRecord { id: WorkerId::new("e", 1), place, running: true, ..WorkerRecord::default() };
    let changes = vec![Change::Framework(Some(framework.to_owned())), Change::Worker(worker)];
    let (store, _) = FileStore::open(folder.path()).await.unwrap();
    let ((batches, batches_in), (stored, _stored)) = (unbounded_channel(), unbounded_channel());
    batches.send(Batch { number: Some(1), changes, written: None }).unwrap();
    drop(batches);
    keep(Store::File(Box::new(store)), batches_in, stored).await;
    folder
}

/// The exit code and the output of `flink-mesos ARGUMENTS` with this state.
async fn said(mesos: &RealMesos, state: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut program = command(arguments);
    program
        .args(["-Djobmanager.rpc.port=0", "-Drest.port=0", "-Dtaskmanager.memory.process.size=1g"])
        .args([
            format!("-Dmesos.master={}", mesos.master()),
            format!("-Dmesos.state.dir={}", state.display()),
        ])
        .arg(format!("-Denv.log.dir={}", state.join("log").display()))
        .env("FLINK_HOME", flink_home(Line::V1_20))
        .env_remove("FLINK_CONF_DIR");
    let output = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
    let text = [output.stdout, output.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    (output.status.code(), text)
}

const CHECK: &[&str] = &["config", "check"];

#[tokio::test(flavor = "multi_thread")]
async fn a_check_and_a_start_report_what_the_master_knows_of_a_framework_whose_state_does_not_say_it()
 {
    let mesos = RealMesos::start(0).await;
    let (id, handle, _events) = registered(&mesos, "flink", false).await;
    let folder = state_of(&id).await;
    let principal =
        format!("{PRINCIPAL}: it is not set now, but was flink when the framework {id} registered");
    let user = format!(
        "mesos.resourcemanager.framework.user: it is not set now, but was alice when the framework {id}"
    );
    let checkpoint = format!("the framework {id} is registered without checkpointing");

    let (code, text) = said(&mesos, folder.path(), CHECK).await;
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains(&format!("error: {principal}")), "{text}");
    assert!(
        text.contains(&format!("warning: {user}"))
            && text.contains(&format!("warning: {checkpoint}")),
        "{text}"
    );
    assert!(text.contains(&format!("ok: the Mesos master knows the framework {id}")), "{text}");

    let (code, text) = said(&mesos, folder.path(), &["session"]).await;
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains(&principal), "{text}");

    let (code, text) =
        said(&mesos, folder.path(), &["config", "check", &format!("-D{PRINCIPAL}=flink")]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains(&principal) && text.contains(&format!("warning: {user}")), "{text}");

    handle.call(calls::teardown()).await.unwrap();
    let (code, text) = said(&mesos, folder.path(), CHECK).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(
        text.contains(&format!("warning: Mesos has removed the framework {id} with all its tasks")),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_reports_a_framework_of_another_mesos_cluster_unless_it_must_be_forgotten() {
    let mesos = RealMesos::start(0).await;
    let folder = state_of("of-another-mesos-0007").await;
    // A master that has just been started may still learn of it.
    let (code, text) = said(&mesos, folder.path(), CHECK).await;
    assert_eq!(code, Some(0), "{text}");
    let neither =
        "knows neither the framework of-another-mesos-0007 nor any agent that its tasks run on";
    let forget = "-Dmesos.state.forget-framework=of-another-mesos-0007";
    assert!(
        text.contains("warning: ") && text.contains(neither) && text.contains(forget),
        "{text}"
    );
    let (code, text) = said(&mesos, folder.path(), &["config", "check", forget]).await;
    assert!(code == Some(0) && !text.contains(neither), "{text}");
}
