//! A guard that is lost before it answers. In a test program of its own, because it becomes a
//! sub-reaper and ends all its descendants.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use executor::{
    core::OutputLimits,
    process::{Outputs, StartError, Supervised},
};
use flink::command::CommandLine;

#[tokio::test]
async fn processes_of_a_lost_guard_are_ended() {
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let (guard, started) = (folder.path().join("guard"), folder.path().join("started"));
    let script = format!(
        "#!/bin/sh\nsetsid sleep 1000 <&- & echo $! > {0}.new; mv {0}.new {0}; exec sleep 0\n",
        started.display()
    );
    // Another process writes it, because no process may have the file open for writing when it is
    // executed.
    let mut shell = std::process::Command::new("/bin/sh");
    let written = shell
        .args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""])
        .arg(&guard)
        .arg(script)
        .status();
    assert!(written.unwrap().success());

    let command = CommandLine {
        program: "/bin/true".into(),
        arguments: Vec::new(),
        environment: Vec::new(),
        directory: folder.path().to_owned(),
    };
    let (stdout, stderr) = (folder.path().join("out"), folder.path().join("err"));
    let outputs = Outputs { stdout, stderr, limits: OutputLimits::NONE };
    let lost = Supervised::start(&guard, "worker", &command, &outputs).await.unwrap_err();
    assert!(matches!(lost, StartError::GuardLost), "{lost}");
    let pid = fs_err::read_to_string(started).unwrap();
    assert!(!std::path::Path::new("/proc").join(pid.trim()).exists(), "it is still alive");
}
