//! A scheduler based on a third-party client (the Python package avmesos) on both Mesoses: it
//! subscribes, launches a task, receives and acknowledges its updates, kills it, and tears its
//! framework down.

use std::{path::Path, time::Duration};

use mesos::scheduler::Credential;
use mesos_local::{LocalCluster, LocalOptions};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{Ended, Keeper, Program, RealMesos, python};

/// Runs the script and returns its output lines.
async fn run(master: &str, credential: Option<Credential>, work: &Path) -> Vec<Value> {
    let keeper = Keeper::start();
    let log = work.join("scheduler.log");
    let mut program = Program::new(python(), &log);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("third_party/scheduler.py");
    program.arguments = vec![script.display().to_string(), format!("http://{master}")];
    program
        .arguments
        .extend(credential.into_iter().flat_map(|known| [known.principal, known.secret]));
    let ended = keeper.wait(keeper.run(&program), Duration::from_secs(60)).await;
    let written = fs_err::read_to_string(&log).unwrap();
    assert_eq!(ended, Ended::Code(0), "{written}");
    written.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn what_it_has_to_see() -> Vec<Value> {
    vec![
        json!({"subscribed": "1.11.0"}),
        json!({"offered": ["cpus", "disk", "mem", "ports"]}),
        json!({"state": "TASK_RUNNING", "message": "by TASK_RUNNING"}),
        json!({"state": "TASK_KILLED", "message": "by TASK_KILLED"}),
        json!({"ended": true}),
    ]
}

#[tokio::test]
async fn a_third_party_client_runs_a_task_on_the_local_mesos() {
    let work = TempDir::new().unwrap();
    let options = LocalOptions { work_dir: work.path().to_owned(), ..LocalOptions::default() };
    let cluster = LocalCluster::start(options).await.unwrap();
    assert_eq!(
        run(&cluster.master(), Some(cluster.credential()), work.path()).await,
        what_it_has_to_see()
    );
    cluster.shutdown().await;
}

#[tokio::test]
async fn a_third_party_client_runs_a_task_on_the_real_mesos() {
    let mesos = RealMesos::start(1).await;
    assert_eq!(run(&mesos.master(), None, mesos.work_dir()).await, what_it_has_to_see());
}
