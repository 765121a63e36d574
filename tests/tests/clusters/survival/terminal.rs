//! What remains on a terminal.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::Command,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tests::{Line, cluster::command, flink_home, site::stand_in};

#[test]
fn nothing_of_the_progress_line_stays_on_the_terminal_after_ctrl_c() {
    let java = stand_in();
    let log = tempfile::tempdir().unwrap();
    let program = tests::binary("flink-mesos");
    let output = Command::new("python3")
        .args(["-c", include_str!("terminal.py")])
        .arg(program)
        // Nothing listens there, so it keeps waiting.
        .args(["session", "-Dmesos.master=127.0.0.1:1", "-Drest.port=0", "-Djobmanager.rpc.port=0"])
        .arg(format!("-Denv.java.home={}", java.path().display()))
        .arg(format!("-Denv.log.dir={}", log.path().display()))
        .env("FLINK_HOME", flink_home(Line::V1_20))
        .env_remove("FLINK_CONF_DIR")
        .output()
        .unwrap();
    let screen = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "there was no moving line: {screen}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(screen.contains("Stopping the TaskManagers"), "{screen}");
    let is_frame = |c: char| ('\u{2800}'..='\u{28ff}').contains(&c);
    assert!(!screen.contains(is_frame), "{screen}");
}

#[test]
fn a_user_without_a_home_gets_a_cluster_and_no_warning() {
    let java = stand_in();
    let log = tempfile::tempdir().unwrap();
    let mut child = command(&[
        "session",
        "-Dmesos.master=127.0.0.1:1",
        "-Drest.port=0",
        "-Djobmanager.rpc.port=0",
    ])
    .arg(format!("-Denv.java.home={}", java.path().display()))
    .arg(format!("-Denv.log.dir={}", log.path().display()))
    // As for service users: not even root can create a folder there.
    .env("HOME", "/dev/null/nonexistent")
    .env_remove("XDG_CACHE_HOME")
    .env_remove("XDG_RUNTIME_DIR")
    .env("FLINK_HOME", flink_home(Line::V1_20))
    .env_remove("FLINK_CONF_DIR")
    .spawn()
    .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.starts_with("JobManager is up")));
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    assert!(said.any(|line| line.starts_with("Stopped")));
    assert!(child.wait().unwrap().success());
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(errors, "");
}
