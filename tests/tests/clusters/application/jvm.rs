//! Code of an application that ends the JobManager's JVM: by `System.exit`, or by `Runtime.halt`,
//! without shutdown hooks.

use std::process::{Command, Stdio};

use tests::{
    Line, RealMesos, RealZooKeeper,
    cluster::{FlinkMesos, assert_no_flink_in, client_jvm},
    endings_jar, flink_home,
};

use super::{endings, highly_available};

/// Runs the application, and checks that it fails at once for this reason.
fn fails(line: Line, ending: &str, why: &str) {
    let jar = endings_jar(line).display().to_string();
    let mut cluster = endings(&flink_home(line), &["--local", "--jars", &jar], ending);
    assert_eq!(cluster.end().code(), Some(1), "{ending}");
    assert!(cluster.events("jobmanager-restarting").is_empty());
    let errors = cluster.errors();
    let said = errors.lines().find(|line| line.starts_with("flink-mesos: ")).unwrap_or_default();
    assert!(said.contains("the application failed: ") && said.contains(why), "{errors}");
    let is_before_the_job =
        ending.starts_with("exit-") || (ending.starts_with("halt-") && !ending.contains("once"));
    assert!(!is_before_the_job || errors.contains("giving up: no input"), "{errors}");
    assert_no_flink_in(cluster.work.path());
}

/// Runs applications with these endings, each of which ends the JVM by this call.
fn main_ends_the_jvm(line: Line, endings: &[(&str, &str)]) {
    for (ending, call) in endings {
        fails(line, ending, &format!("its own code ended the JVM by {call}"));
    }
}

#[test]
fn an_application_of_the_oldest_flink_whose_main_ends_the_jvm_has_failed() {
    main_ends_the_jvm(Line::V1_18, &[("exit-2", "System.exit(2)"), ("halt-3", "Runtime.halt(3)")]);
}

#[test]
fn an_application_of_flink_1_20_whose_main_ends_the_jvm_has_failed() {
    main_ends_the_jvm(Line::V1_20, &[("exit-3", "System.exit(3)"), ("halt-1", "Runtime.halt(1)")]);
}

#[test]
fn an_application_of_flink_2_whose_main_ends_the_jvm_has_failed() {
    main_ends_the_jvm(Line::V2, &[("exit-1", "System.exit(1)")]);
}

#[test]
fn an_application_whose_main_ends_the_jvm_with_0_before_the_job_had_finished_has_failed() {
    main_ends_the_jvm(
        Line::V1_20,
        &[("finish-exit-0", "System.exit(0) before the job had finished")],
    );
    main_ends_the_jvm(Line::V2, &[("halt-0", "Runtime.halt(0) before the job had finished")]);
}

#[test]
fn an_application_whose_job_halts_the_job_manager_has_failed_unless_it_can_resume() {
    let folder = tempfile::tempdir().unwrap();
    let ending = format!("halt-7-once-{}/halted", folder.path().display());
    fails(Line::V1_20, &ending, "its own code ended the JVM by Runtime.halt(7)");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_high_availability_a_job_that_halts_the_job_manager_resumes_in_the_next_one() {
    let (mesos, zookeeper) = (RealMesos::start(1).await, RealZooKeeper::start().await);
    let storage = tempfile::tempdir().unwrap();
    let ending = format!("halt-7-once-{}/halted", storage.path().display());
    let mut cluster = highly_available(&mesos, &zookeeper, storage.path(), &ending);
    assert_eq!(cluster.end().code(), Some(0));
    let restarts = cluster.events("jobmanager-restarting");
    let reason = restarts.first().and_then(|event| event["reason"].as_str()).unwrap_or_default();
    assert!(restarts.len() == 1 && reason.contains("it ended with exit code 7"), "{restarts:?}");
}

#[test]
fn a_job_that_halts_the_job_manager_of_a_session_with_0_does_not_end_the_session() {
    let (folder, home) = (tempfile::tempdir().unwrap(), flink_home(Line::V1_20));
    let mut cluster = FlinkMesos::start(&home, &["local", "--workers", "1"]);
    let web = cluster.ready();
    let (host, port) = web.trim_start_matches("http://").rsplit_once(':').unwrap();
    let mut run = Command::new(home.join("bin/flink"))
        .args([
            "run",
            "--detached",
            &format!("-Drest.address={host}"),
            &format!("-Drest.port={port}"),
        ])
        .arg(endings_jar(Line::V1_20))
        .arg(format!("halt-0-once-{}/halted", folder.path().display()))
        .env("FLINK_HOME", &home)
        .env("JVM_ARGS", client_jvm(&home))
        .env_remove("FLINK_CONF_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let restart = cluster.wait_for("jobmanager-restarting");
    assert!(restart["reason"].as_str().unwrap().contains("it ended with exit code 0"), "{restart}");
    cluster.wait_for("jobmanager-up");
    // It has submitted the job, and may wait for an answer that never comes.
    run.kill().unwrap();
    run.wait().unwrap();
}

#[test]
fn an_application_whose_main_ends_the_jvm_with_0_after_its_job_has_finished_has_finished() {
    for ending in ["finish-exit-0", "finish-halt-0"] {
        let jar = endings_jar(Line::V2).display().to_string();
        // Otherwise `execute` does not wait for the job to end.
        let options = ["--local", "--jars", &jar, "-Dexecution.attached=true"];
        let mut cluster = endings(&flink_home(Line::V2), &options, ending);
        assert_eq!(cluster.end().code(), Some(0), "{ending}: {}", cluster.errors());
    }
}
