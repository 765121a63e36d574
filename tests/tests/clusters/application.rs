//! An application on its own cluster, which ends with it: the real `flink-mesos`, Mesos, ZooKeeper
//! and Flink.

mod jvm;

use std::{path::Path, time::Duration};

use fs_err::os::unix::fs::symlink;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::{
    FlinkRest, Line, RealMesos, RealZooKeeper,
    cluster::{FlinkMesos, PATIENCE, assert_no_flink_in, command, processes_with},
    endings_jar, flink_home, wait_until,
};

/// Starts the application whose one argument says how it ends.
fn endings(home: &Path, more: &[&str], ending: &str) -> FlinkMesos {
    let arguments = [&["application"], more, &["--job-classname", "Endings", ending]].concat();
    FlinkMesos::start(home, &arguments)
}

/// The same on a real Mesos, with its jar from the user's own folder.
fn endings_on(mesos: &RealMesos, line: Line, ending: &str) -> FlinkMesos {
    let (master, jar) =
        (format!("-Dmesos.master={}", mesos.master()), endings_jar(line).display().to_string());
    endings(&flink_home(line), &[&master, "--jars", &jar], ending)
}

/// The same with high availability: jobs resume after a crash of the JobManager or of the
/// application master.
fn highly_available(
    mesos: &RealMesos,
    zookeeper: &RealZooKeeper,
    storage: &Path,
    ending: &str,
) -> FlinkMesos {
    let options = [
        format!("-Dmesos.master={}", mesos.master()),
        format!("-Dhigh-availability.zookeeper.quorum={}", zookeeper.connect_string()),
        format!("-Dhigh-availability.storageDir=file://{}", storage.display()),
        "-Dhigh-availability.type=zookeeper".to_owned(),
        "-Dhigh-availability.zookeeper.client.session-timeout=4 s".to_owned(),
        format!("--jars={}", endings_jar(Line::V1_20).display()),
    ];
    endings(&flink_home(Line::V1_20), &options.each_ref().map(String::as_str), ending)
}

/// The id of the running job.
async fn running_job(web: &str) -> String {
    let rest = FlinkRest::new(web);
    wait_until("a job runs", PATIENCE, async || {
        rest.jobs().await.ok()?.into_iter().find(|job| job.state == "RUNNING").map(|job| job.id)
    })
    .await
}

/// Checks that nothing of the framework is left, on the agents and at the master.
async fn assert_torn_down(mesos: &RealMesos) {
    assert_no_flink_in(mesos.work_dir());
    let state = mesos.state().await;
    assert_eq!(state["frameworks"].as_array().map(Vec::len), Some(0), "{state:#}");
    assert_eq!(state["completed_frameworks"].as_array().map(Vec::len), Some(1), "{state:#}");
}

#[test]
fn an_application_finishes_on_the_mesos_for_a_laptop_with_flink_1_20_and_the_cluster_ends_with_it()
{
    let jar = endings_jar(Line::V1_20).display().to_string();
    let mut cluster =
        endings(&flink_home(Line::V1_20), &["--local", "--workers", "2", "--jars", &jar], "finish");
    assert_eq!(cluster.end().code(), Some(0));
    assert_no_flink_in(cluster.work.path());
}

/// Longer than a replacement takes. With Flink's defaults, a JobManager waits for missing slots
/// only for this long after its start.
const SLOTS: Duration = Duration::from_secs(25);

/// Kills the only TaskManager of a cluster whose JobManager is so old that Flink would not wait for
/// slots. The job may fail twice.
async fn a_job_outlives_the_loss_of_its_worker(line: Line) {
    let jar = endings_jar(line).display().to_string();
    let patience = format!("-Dslot.request.timeout={} s", SLOTS.as_secs());
    let options = [
        "--local",
        "--jars",
        &jar,
        &patience,
        "-Drestart-strategy.type=fixed-delay",
        "-Drestart-strategy.fixed-delay.attempts=2",
        "-Drestart-strategy.fixed-delay.delay=1 s",
    ];
    let mut cluster = endings(&flink_home(line), &options, "never");
    let worker = cluster.wait_for("registered-worker")["worker"].as_str().unwrap().to_owned();
    let web = cluster.ready();
    let (rest, job) = (FlinkRest::new(&web), running_job(&web).await);
    wait_until("the JobManager is old", SLOTS + PATIENCE, async || {
        let age = rest.get(&format!("jobs/{job}")).await.ok()?["duration"].as_u64()?;
        (Duration::from_millis(age) > SLOTS).then_some(())
    })
    .await;
    let (pid, _) = processes_with(&worker)
        .into_iter()
        .find(|(_, line)| line.contains("TaskManagerRunner"))
        .unwrap();
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    assert_ne!(cluster.wait_for("registered-worker")["worker"], worker.as_str());
    wait_until("the job runs again", PATIENCE, async || {
        let found = rest.get(&format!("jobs/{job}")).await.ok()?;
        let vertices = found["vertices"].as_array()?;
        vertices.iter().all(|vertex| vertex["status"] == "RUNNING").then_some(())
    })
    .await;
    rest.cancel(&job).await.unwrap();
    cluster.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_flink_1_20_outlives_the_loss_of_its_worker_however_old_the_job_manager_is() {
    a_job_outlives_the_loss_of_its_worker(Line::V1_20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_flink_2_outlives_the_loss_of_its_worker_however_old_the_job_manager_is() {
    a_job_outlives_the_loss_of_its_worker(Line::V2).await;
}

/// Replaces both TaskManagers of a job that may fail twice. Flink cannot withdraw a TaskManager's
/// slots, so each end is a failure of the job; with the replacement registered already, it is
/// exactly one.
async fn a_job_outlives_a_restart_of_all_workers(line: Line) {
    let jar = endings_jar(line).display().to_string();
    let options = [
        "--local",
        "--workers",
        "2",
        "--jars",
        &jar,
        // Room for a third TaskManager.
        "-Dmesos.resourcemanager.tasks.cpus=0.2",
        "-Dparallelism.default=2",
        "-Drestart-strategy.type=fixed-delay",
        "-Drestart-strategy.fixed-delay.attempts=2",
        "-Drestart-strategy.fixed-delay.delay=1 s",
    ];
    let mut cluster = endings(&flink_home(line), &options, "never");
    let control = cluster.wait_for("control")["address"].as_str().unwrap().to_owned();
    let web = cluster.ready();
    let (rest, job) = (FlinkRest::new(&web), running_job(&web).await);
    let before: Vec<_> =
        cluster.events("registered-worker").iter().map(|event| event["worker"].clone()).collect();
    let restart =
        command(&["workers", "restart", "--surge", "1", "--at", &control]).output().unwrap();
    assert!(restart.status.success(), "{}", String::from_utf8_lossy(&restart.stderr));
    for round in 1..=before.len() {
        assert!(before.contains(&cluster.wait_for("killing")["worker"]));
        let registered = cluster.events("registered-worker").len();
        assert_eq!(
            registered,
            before.len() + round,
            "a TaskManager is killed before its replacement is registered"
        );
        wait_until("the job runs on other TaskManagers", PATIENCE, async || {
            let found = rest.get(&format!("jobs/{job}/exceptions?maxExceptions=10")).await.ok()?;
            let failures = found["exceptionHistory"]["entries"].as_array()?.len();
            let vertices =
                rest.get(&format!("jobs/{job}")).await.ok()?["vertices"].as_array()?.clone();
            let runs = vertices.iter().all(|vertex| vertex["status"] == "RUNNING");
            (failures >= round && runs).then_some(())
        })
        .await;
    }
    rest.cancel(&job).await.unwrap();
    cluster.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_flink_1_20_outlives_a_restart_of_all_workers_with_one_failure_for_each() {
    a_job_outlives_a_restart_of_all_workers(Line::V1_20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_flink_2_outlives_a_restart_of_all_workers_with_one_failure_for_each() {
    a_job_outlives_a_restart_of_all_workers(Line::V2).await;
}

#[test]
fn an_application_finishes_although_the_configured_java_options_open_nothing() {
    let jar = endings_jar(Line::V1_20).display().to_string();
    let options = ["--local", "--jars", &jar, "-Denv.java.opts.all=-Dgreeting=hello"];
    let mut cluster = endings(&flink_home(Line::V1_20), &options, "finish");
    assert_eq!(cluster.end().code(), Some(0));
}

#[test]
fn an_application_finishes_with_the_oldest_flink() {
    let jar = endings_jar(Line::V1_18).display().to_string();
    let mut cluster = endings(&flink_home(Line::V1_18), &["--local", "--jars", &jar], "finish");
    assert_eq!(cluster.end().code(), Some(0), "{}", cluster.errors());
}

#[test]
fn an_application_out_of_usrlib_finishes_with_flink_2() {
    let home = tempfile::tempdir().unwrap();
    for folder in ["bin", "conf", "lib", "plugins"] {
        symlink(flink_home(Line::V2).join(folder), home.path().join(folder)).unwrap();
    }
    fs_err::create_dir(home.path().join("usrlib")).unwrap();
    fs_err::copy(endings_jar(Line::V2), home.path().join("usrlib/endings.jar")).unwrap();
    let mut cluster = endings(home.path(), &["--local"], "finish");
    assert_eq!(cluster.end().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_finishes_on_the_real_mesos_and_leaves_nothing_behind() {
    let mesos = RealMesos::start(1).await;
    let mut cluster = endings_on(&mesos, Line::V1_20, "finish");
    cluster.wait_for("jobmanager-ended");
    assert_eq!(cluster.end().code(), Some(0));
    assert_torn_down(&mesos).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_finishes_on_the_real_mesos_with_flink_2() {
    let mesos = RealMesos::start(1).await;
    let mut cluster = endings_on(&mesos, Line::V2, "finish");
    cluster.wait_for("jobmanager-ended");
    assert_eq!(cluster.end().code(), Some(0));
    assert_torn_down(&mesos).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_fails_ends_the_cluster_with_exit_code_1_and_the_reason() {
    let mesos = RealMesos::start(1).await;
    let mut cluster = endings_on(&mesos, Line::V1_20, "fail");
    assert_eq!(cluster.end().code(), Some(1));
    let errors = cluster.errors();
    let said = errors.lines().find(|line| line.starts_with("flink-mesos: ")).unwrap_or_default();
    assert!(
        said.contains("the application failed: java.lang.IllegalStateException: it was to fail")
            && said.contains("jobmanager.log"),
        "{errors}"
    );
    assert_torn_down(&mesos).await;
}

/// Runs an application that throws before there is a job, and checks that it fails at once for this
/// reason.
fn main_throws(line: Line) {
    let jar = endings_jar(line).display().to_string();
    // It throws when it gets two arguments.
    let arguments =
        ["application", "--local", "--jars", &jar, "--job-classname", "Endings", "finish", "fail"];
    let mut cluster = FlinkMesos::start(&flink_home(line), &arguments);
    assert_eq!(cluster.end().code(), Some(1));
    assert!(cluster.events("jobmanager-restarting").is_empty());
    let errors = cluster.errors();
    let said = errors.lines().find(|line| line.starts_with("flink-mesos: ")).unwrap_or_default();
    let why = "the application failed: java.lang.IllegalArgumentException: usage: Endings";
    assert!(said.contains(why) && said.contains("jobmanager.log"), "{errors}");
    assert!(!errors.contains("\tat "), "{errors}");
}

#[test]
fn an_application_of_the_oldest_flink_whose_main_throws_before_there_is_a_job_has_failed_and_the_root_cause_is_reported()
 {
    main_throws(Line::V1_18);
}

#[test]
fn an_application_of_flink_1_20_whose_main_throws_before_there_is_a_job_has_failed_and_the_root_cause_is_reported()
 {
    main_throws(Line::V1_20);
}

#[test]
fn an_application_of_flink_2_whose_main_throws_before_there_is_a_job_has_failed_and_the_root_cause_is_reported()
 {
    main_throws(Line::V2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_is_cancelled_ends_the_cluster_with_exit_code_2() {
    let mesos = RealMesos::start(1).await;
    let mut cluster = endings_on(&mesos, Line::V1_20, "never");
    let web = cluster.ready();
    FlinkRest::new(&web).cancel(&running_job(&web).await).await.unwrap();
    assert_eq!(cluster.end().code(), Some(2));
    assert!(cluster.errors().contains("the application was cancelled"));
    assert_torn_down(&mesos).await;
}

#[test]
fn an_application_that_is_stopped_with_ctrl_c_has_not_finished() {
    let jar = endings_jar(Line::V1_20).display().to_string();
    let mut cluster = endings(&flink_home(Line::V1_20), &["--local", "--jars", &jar], "never");
    cluster.ready();
    cluster.signal(Signal::SIGINT);
    assert_eq!(cluster.end().code(), Some(2));
    assert_no_flink_in(cluster.work.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn with_high_availability_the_same_job_continues_after_a_kill_and_no_standby_runs_it_again_after_its_end()
 {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let storage = tempfile::tempdir().unwrap();
    let start = || highly_available(&mesos, &zookeeper, storage.path(), "never");
    let mut first = start();
    let web = first.ready();
    let job = running_job(&web).await;
    first.signal(Signal::SIGKILL);
    first.end();
    let mut second = start();
    let web = second.ready();
    assert_eq!(running_job(&web).await, job);
    let mut standby = start();
    standby.wait_for("standby");
    FlinkRest::new(&web).cancel(&job).await.unwrap();
    assert_eq!((second.end().code(), standby.end().code()), (Some(2), Some(2)));
    assert!(standby.errors().contains("the application was cancelled"));
    assert_torn_down(&mesos).await;
}

#[test]
fn a_jar_that_does_not_exist_is_a_usage_error() {
    let mut cluster =
        endings(&flink_home(Line::V1_20), &["--local", "--jars", "/no/such.jar"], "finish");
    assert_eq!(cluster.end().code(), Some(64));
    let errors = cluster.errors();
    assert!(
        errors.contains("mesos.application.jars") && errors.contains("/no/such.jar"),
        "{errors}"
    );
}
