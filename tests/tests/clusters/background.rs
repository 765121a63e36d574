//! `--detached`: an application master in the background.

use std::{path::Path, process::Output};

use nix::unistd::{Pid, getsid};
use serde_json::Value;
use tests::{
    Line,
    cluster::{PATIENCE, SMALL, assert_no_flink_in, command, processes_with},
    endings_jar, flink_home, wait_until,
};

/// Runs a command with folders of its own for run files and logs.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    let is_start = matches!(arguments[0], "job" | "session");
    let log = format!("-Denv.log.dir={}", folder.join("log").display());
    command(&arguments[..1])
        .args(SMALL.iter().copied().chain([log.as_str()]).filter(|_| is_start))
        .args(&arguments[1..])
        .env("FLINK_HOME", flink_home(Line::V2))
        .env("XDG_RUNTIME_DIR", folder)
        .env("TMPDIR", folder)
        .env_remove("RUNTIME_DIRECTORY")
        .env_remove("FLINK_CONF_DIR")
        .env_remove("FLINK_LOG_DIR")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_in_the_background_has_a_session_of_its_own_and_is_found_and_stopped_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let jar = endings_jar(Line::V2).display().to_string();
    let start = ["job", "--local", "--detached", "--output", "json", "--jars", &jar];
    let name = "-Dmesos.resourcemanager.framework.name=in the back";
    let output = run(folder.path(), &[&start[..], &[name, "--", "never"]].concat());
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    let last: Value = serde_json::from_str(text(&output.stdout).lines().last().unwrap()).unwrap();
    assert_eq!((&last["event"], &last["cluster"]), (&"detached".into(), &"in the back".into()));
    let process = Pid::from_raw(i32::try_from(last["process"].as_u64().unwrap()).unwrap());
    assert_eq!(getsid(Some(process)).unwrap(), process, "no terminal can end it");
    let log = fs_err::read_to_string(last["log"].as_str().unwrap()).unwrap();
    let job = last["job"].as_str().unwrap();
    assert!(log.contains(&format!("({job}) is running")), "{log}");
    let jobs = run(folder.path(), &["jobs", "--cluster", "in the back", "--output", "json"]);
    assert!(text(&jobs.stdout).contains(job), "{}", text(&jobs.stderr));
    assert!(text(&run(folder.path(), &["list"]).stdout).contains("in the back"));
    assert!(run(folder.path(), &["stop", "--cluster", "in the back"]).status.success());
    wait_until("it has ended", PATIENCE, async || processes_with(name).is_empty().then_some(()))
        .await;
    assert_no_flink_in(folder.path());
}

#[test]
fn the_cause_of_a_failed_start_in_the_background_is_printed_with_the_exit_code_of_the_foreground() {
    let folder = tempfile::tempdir().unwrap();
    let jar = endings_jar(Line::V2).display().to_string();
    let start = ["job", "--local", "--detached", "--jars", &jar];
    let failed = run(folder.path(), &[&start[..], &["--", "two", "arguments"]].concat());
    let errors = text(&failed.stderr);
    assert_eq!(failed.status.code(), Some(1), "{errors}");
    assert!(errors.contains("usage: Endings") && errors.contains("the log is "), "{errors}");
    let log = folder.path().join("log");
    let before = fs_err::read_dir(&log).unwrap().count();
    let refused = run(folder.path(), &[&start[..], &["--job-classname", "no.such.Class"]].concat());
    let errors = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(64), "{errors}");
    assert!(errors.starts_with("flink-mesos: ") && errors.contains("no.such.Class"), "{errors}");
    assert_eq!(fs_err::read_dir(&log).unwrap().count(), before, "nothing was started");
}
