//! Nothing leaks. In a test program of its own, because other tests open files too.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::Path;

use executor::{
    core::{ExitStatus, OutputLimits},
    process::{Outputs, Supervised},
};
use flink::command::CommandLine;

#[tokio::test]
async fn neither_processes_nor_files_leak() {
    let folder = tempfile::TempDir::new().unwrap();
    let command = CommandLine {
        program: "/bin/sleep".into(),
        arguments: vec!["1000".into()],
        environment: Vec::new(),
        directory: folder.path().to_owned(),
    };
    let (stdout, stderr) = (folder.path().join("out"), folder.path().join("err"));
    let outputs = Outputs { stdout, stderr, limits: OutputLimits::NONE };
    let mut counts = Vec::new();
    for _ in 0..50 {
        let binary = Path::new(env!("CARGO_BIN_EXE_flink-mesos-executor"));
        let mut process = Supervised::start(binary, "worker", &command, &outputs).await.unwrap();
        process.control.destroy().await;
        assert_eq!(process.end.wait().await, ExitStatus::Signal(9));
        drop(process.control);
        let children = fs_err::read_to_string("/proc/thread-self/children").unwrap();
        assert_eq!(children, "", "not reaped");
        counts.push(fs_err::read_dir("/proc/self/fd").unwrap().count());
    }
    assert_eq!(counts.first(), counts.last(), "files left open: {counts:?}");
}
