//! `job --replace`: a job moves to another cluster, or stays where it is.

use nix::sys::signal::Signal;
use serde_json::Value;
use tests::{
    FlinkRest, Line, RealMesos,
    cluster::{FlinkMesos, PATIENCE, assert_no_flink_in, command},
    endings_jar, flink_home, wait_until,
};

const LINE: Line = Line::V1_20;

/// A cluster for a job that checkpoints each second.
fn cluster(mesos: &RealMesos, name: &str, ending: &str, more: &[&str]) -> FlinkMesos {
    let jar = endings_jar(LINE).display().to_string();
    let options = [
        format!("-Dmesos.master={}", mesos.master()),
        format!("-Dmesos.resourcemanager.framework.name={name}"),
        "-Dexecution.checkpointing.interval=1s".to_owned(),
        "-Drestart-strategy.type=none".to_owned(),
        // TaskManagers look for the next JobManager after this time.
        "-Dheartbeat.interval=1s".to_owned(),
        "-Dheartbeat.timeout=5s".to_owned(),
    ];
    let options = options.each_ref().map(String::as_str);
    let arguments = [&["job", "--jars", &jar], &options[..], more, &["--", ending]].concat();
    FlinkMesos::start(&flink_home(LINE), &arguments)
}

/// The savepoint from which the running job was restored, if any.
async fn restored(rest: &FlinkRest) -> Option<String> {
    let job = rest.jobs().await.ok()?.into_iter().find(|job| job.state == "RUNNING")?;
    let checkpoints = rest.get(&format!("jobs/{}/checkpoints", job.id)).await.ok()?;
    Some(checkpoints["latest"]["restored"]["external_path"].as_str()?.to_owned())
}

/// The numbers that the TaskManagers of a cluster have printed.
fn numbers(control: &str) -> Vec<u64> {
    let ask = |arguments: &[&str]| {
        let output = command(arguments).env("FLINK_MESOS_CONTROL", control).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let text = ask(&["workers", "list", "--output", "json"]);
    let workers: Value = serde_json::from_str(&text).unwrap();
    let workers = workers["workers"].as_array().unwrap();
    let ids = workers.iter().map(|worker| worker["id"].as_str().unwrap());
    let printed = ids.map(|id| ask(&["logs", id, "--file", "out", "--all"]));
    printed
        .flat_map(|text| text.lines().filter_map(|it| it.parse().ok()).collect::<Vec<_>>())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_moves_with_its_state_once_it_runs_elsewhere_and_continues_at_home_if_it_fails_there()
{
    let mesos = RealMesos::start(1).await;
    let folder = tempfile::tempdir().unwrap();
    let savepoints = format!("file://{}", folder.path().display());
    let mut old = cluster(&mesos, "old", "never", &[]);
    let control = old.wait_for("control")["address"].as_str().unwrap().to_owned();
    let at_home = FlinkRest::new(&old.ready());
    old.wait_for("job-running");
    let replace = ["--replace", &control, "--savepoint-folder", &savepoints];

    let mut same = cluster(&mesos, "old", "never", &replace);
    assert_eq!(same.end().code(), Some(64));
    assert!(same.errors().contains("the name of the old one"));

    let mut fails = cluster(&mesos, "fails", "fail", &replace);
    assert_eq!(fails.end().code(), Some(1));
    let errors = fails.errors();
    assert!(errors.contains("it was to fail") && errors.contains("runs there again"), "{errors}");
    let savepoint = old.wait_for("taken-back")["savepoint"].as_str().unwrap().to_owned();
    assert!(errors.contains(&savepoint), "{errors}");
    wait_until("the job runs at home", PATIENCE, async || {
        (restored(&at_home).await? == savepoint).then_some(())
    })
    .await;

    let mut new = cluster(&mesos, "new", "never", &replace);
    let control = new.wait_for("control")["address"].as_str().unwrap().to_owned();
    let savepoint = new.wait_for("savepoint")["savepoint"].as_str().unwrap().to_owned();
    let elsewhere = FlinkRest::new(new.wait_for("jobmanager-up")["web"].as_str().unwrap());
    new.wait_for("replaced");
    assert_eq!(restored(&elsewhere).await, Some(savepoint));
    assert_eq!(old.end().code(), Some(0), "{}", old.errors());
    wait_until("numbers are printed", PATIENCE, async || {
        numbers(&control).first().filter(|first| **first > 2).copied()
    })
    .await;
    new.signal(Signal::SIGINT);
    assert_eq!(new.end().code(), Some(2));
    assert_no_flink_in(mesos.work_dir());
}
