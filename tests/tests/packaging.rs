//! What is installed beside the programs: the scripts of Flink 1.13, in a distribution of today.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods, missing_docs)]

use std::{
    path::Path,
    process::{Command, Output},
};

use fs_err::{self as fs, os::unix::fs::symlink};
use tempfile::TempDir;
use tests::{Line, binary, flink_home};

/// A distribution with the packaged script of this name in its `bin`.
fn distribution_with(script: &str) -> TempDir {
    let (home, flink) = (tempfile::tempdir().unwrap(), flink_home(Line::V1_20));
    fs::create_dir(home.path().join("bin")).unwrap();
    for folder in ["conf", "plugins"] {
        symlink(flink.join(folder), home.path().join(folder)).unwrap();
    }
    // Flink's scripts do not follow a link to the whole folder, and find their distribution by where they really are.
    fs::create_dir(home.path().join("lib")).unwrap();
    for file in fs::read_dir(flink.join("lib")).unwrap().map(Result::unwrap) {
        symlink(file.path(), home.path().join("lib").join(file.file_name())).unwrap();
    }
    for file in fs::read_dir(flink.join("bin")).unwrap().map(Result::unwrap) {
        if file.path().is_file() {
            fs::copy(file.path(), home.path().join("bin").join(file.file_name())).unwrap();
        }
    }
    let packaged = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/bin").join(script);
    fs::copy(packaged, home.path().join("bin").join(script)).unwrap();
    home
}

fn run(home: &TempDir, script: &str, arguments: &[&str]) -> Output {
    let programs = binary("flink-mesos").parent().unwrap().display().to_string();
    Command::new(home.path().join("bin").join(script))
        .args(arguments)
        .env("PATH", format!("{programs}:{}", std::env::var("PATH").unwrap()))
        .env("FLINK_LOG_DIR", home.path())
        .env_remove("FLINK_HOME")
        .env_remove("FLINK_CONF_DIR")
        .output()
        .unwrap()
}

#[test]
fn the_scripts_of_flink_1_13_start_a_session_and_an_application_of_the_distribution_that_they_lie_in() {
    for script in ["mesos-appmaster.sh", "mesos-appmaster-job.sh"] {
        let home = distribution_with(script);
        let arguments = ["-Dtaskmanager.memory.process.size=1g", "-Dmesos.master=no:such:master"];
        let output = run(&home, script, &arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{script}: {said}");
        assert!(said.contains("no:such:master"), "{script}: {said}");
    }
}

#[test]
fn the_job_script_takes_what_standalone_job_sh_takes() {
    let home = distribution_with("mesos-appmaster-job.sh");
    let output = run(&home, "mesos-appmaster-job.sh", &["--job-classname", "a.B", "--job-id", "17"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(64) && said.contains("32 hexadecimal digits"), "{said}");
}

#[test]
fn the_task_manager_script_becomes_a_task_manager_that_knows_its_arguments() {
    let home = distribution_with("mesos-taskmanager.sh");
    let arguments = [
        "-Dtaskmanager.resource-id=the-one",
        "-D",
        "taskmanager.memory.process.size=1g",
        "-Djobmanager.rpc.address=127.0.0.1",
        "-Djobmanager.rpc.port=1",
        "-Dtaskmanager.registration.timeout=1 ms",
    ];
    let output = run(&home, "mesos-taskmanager.sh", &arguments);
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "it was to give up registering:\n{said}");
    assert!(said.contains("TaskManager with ResourceID: the-one"), "{said}");
}
