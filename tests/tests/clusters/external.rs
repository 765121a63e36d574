//! A JobManager that somebody else runs, with the real Mesos, ZooKeeper and Flink.

use std::time::Duration;

use nix::sys::signal::Signal;
use tests::{
    Line, RealMesos, RealZooKeeper,
    cluster::{FlinkMesos, assert_no_flink_in, processes_with, submit_endless},
    flink_home,
    rig::job_manager::JobManager,
    wait_until,
};

const PATIENCE: Duration = Duration::from_secs(120);

/// TaskManagers soon notice that the JobManager has died.
const HEARTBEATS: [(&str, &str); 2] =
    [("heartbeat.interval", "1000"), ("heartbeat.timeout", "6000")];

/// A session whose JobManager is this one.
fn session(mesos: &RealMesos, options: &[(&str, &str)], flags: &[&str]) -> FlinkMesos {
    let master = format!("-Dmesos.master={}", mesos.master());
    let options: Vec<_> = options.iter().map(|(key, value)| format!("-D{key}={value}")).collect();
    let mut arguments = vec!["session", "--jobmanager", "external", &master];
    arguments.extend(options.iter().map(String::as_str));
    arguments.extend(flags);
    FlinkMesos::start(&flink_home(Line::V1_20), &arguments)
}

/// The JobManager's options with which TaskManagers and the application master find it.
fn addresses(job_manager: &JobManager) -> Vec<(&str, &str)> {
    let keys = ["jobmanager.rpc.address", "jobmanager.rpc.port", "rest.address", "rest.port"];
    let options = job_manager.configuration.iter();
    let found = options.filter(|option| keys.contains(&option.key.as_str()));
    found.map(|option| (option.key.as_str(), option.value.as_str())).collect()
}

fn task_managers(mesos: &RealMesos) -> Vec<i32> {
    let mine = processes_with(&mesos.work_dir().display().to_string()).into_iter();
    mine.filter(|(_, line)| line.contains("TaskManagerRunner")).map(|(pid, _)| pid).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_task_managers_serve_an_external_job_manager_that_was_killed_and_it_is_never_stopped()
 {
    let mesos = RealMesos::start(1).await;
    let start_up = ("resourcemanager.standalone.start-up-time", "0");
    let mut job_manager = JobManager::with(&[&HEARTBEATS[..], &[start_up]].concat());
    let options = [&HEARTBEATS[..], &addresses(&job_manager)].concat();
    let mut master = session(&mesos, &options, &[]);
    let absent = master.wait_for("jobmanager-unreachable")["text"].as_str().unwrap().to_owned();
    assert!(absent.contains("http://127.0.0.1:"), "{absent}");
    job_manager.run().await;
    let web = master.ready();
    let job = submit_endless(Line::V1_20, &web, 1);
    let worker = master.wait_for("registered-worker")["worker"].clone();
    wait_until("the job runs", PATIENCE, async || {
        let jobs = job_manager.rest.jobs().await.ok()?;
        jobs.iter().any(|known| known.id == job && known.state == "RUNNING").then_some(())
    })
    .await;
    let before = task_managers(&mesos);
    assert_eq!(before.len(), 1);
    job_manager.kill();
    master.wait_for("jobmanager-unreachable");
    job_manager.run().await;
    assert_eq!(master.wait_for("registered-worker")["worker"], worker);
    assert_eq!(task_managers(&mesos), before);
    master.signal(Signal::SIGINT);
    assert!(master.end().success());
    assert_no_flink_in(mesos.work_dir());
    assert!(job_manager.rest.overview().await.is_ok(), "it still runs");
    assert!(master.events("warning").is_empty(), "{:?}", master.events("warning"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_job_manager_with_high_availability_is_found_through_zookeeper() {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let storage = tempfile::tempdir().unwrap();
    let (quorum, storage) =
        (zookeeper.connect_string(), format!("file://{}", storage.path().display()));
    let available = [
        ("high-availability.type", "zookeeper"),
        ("high-availability.cluster-id", "/blue"),
        ("high-availability.zookeeper.quorum", &quorum),
        ("high-availability.storageDir", &storage),
    ];
    let mut job_manager = JobManager::with(&available);
    let mut master = session(&mesos, &available, &["--workers=1"]);
    let absent = master.wait_for("jobmanager-unreachable")["text"].as_str().unwrap().to_owned();
    assert!(absent.contains("no JobManager leads"), "{absent}");
    job_manager.run().await;
    let web = master.ready();
    assert_eq!(job_manager.rest.overview().await.unwrap().task_managers, 1, "{web}");
    let advice = master.events("warning");
    assert!(
        advice.iter().any(|it| it["warning"].as_str().unwrap().contains("start-up-time: 0")),
        "{advice:?}"
    );
    master.signal(Signal::SIGINT);
    assert!(master.end().success());
    assert!(job_manager.rest.overview().await.is_ok(), "it still runs");
}
