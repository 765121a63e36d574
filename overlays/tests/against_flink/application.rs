//! An application cluster runs from our command lines: the job comes out of `usrlib`, its code runs
//! on the TaskManager.

use std::path::Path;
use std::process::Command;

use flink::command::{self, Application, Directories};
use flink::home::FlinkHome;
use flink::java::Java;
use overlays::overlay;
use overlays::worker::{self, Sandbox};

use super::cluster::{cluster_configuration, environment, free_ports, logs, start, wait_for};
use super::oracle::flink_home;

#[test]
fn flink_1_20_runs_an_application() {
    an_application_finishes("flink-1.20.5");
}

#[test]
fn flink_2_runs_an_application() {
    an_application_finishes("flink-2.3.0");
}

fn an_application_finishes(line: &str) {
    let folder = tempfile::tempdir().unwrap();
    let home = home_with_job(&flink_home(line), folder.path());
    let [rpc, rest] = free_ports();
    let config = cluster_configuration(&home, rpc, rest);
    let jm = |name: &str| folder.path().join("jm").join(name);
    let directories = Directories { conf: jm("conf"), log: jm("log"), tmp: jm("tmp") };
    command::prepare(&home, &config, &directories).unwrap();
    let java = Java::find(&config, &environment).unwrap();
    let job = Application {
        job_class: Some("UserJob".to_owned()),
        job_id: Some("0123456789abcdef0123456789abcdef".to_owned()),
        arguments: vec!["--host".to_owned(), "a b".to_owned()],
        ..Application::default()
    };
    let command =
        || command::application(&home, &java, &config, &directories, &job, &environment).unwrap();
    assert_eq!(command(), command(), "{line}: not the same a second time");
    let mut job_manager = start(&command());

    let spec = overlay::collect(&home, &config, &environment).unwrap();
    let (mut spec, _) = worker::template(spec, &home, folder.path()).unwrap();
    spec.worker_id = "taskmanager-00001".to_owned();
    spec.hostname = "127.0.0.1".to_owned();
    let sandbox = Sandbox { path: folder.path().join("sandbox") };
    fs_err::create_dir(&sandbox.path).unwrap();
    fs_err::os::unix::fs::symlink(&home.path, sandbox.flink()).unwrap();
    let _task_manager = start(&worker::apply(&spec, &sandbox, None, &environment).unwrap());

    let ended = wait_for(|| job_manager.0.try_wait().unwrap());
    let logs = logs(folder.path());
    assert!(ended.is_some_and(|status| status.success()), "{line}: {ended:?}, logs:\n{logs}");
    assert!(
        logs.contains("0123456789abcdef0123456789abcdef) switched from state RUNNING to FINISHED"),
        "{line}:\n{logs}"
    );
}

/// This Flink with the job in `usrlib`.
fn home_with_job(flink: &FlinkHome, folder: &Path) -> FlinkHome {
    let home = folder.join("flink");
    let classes = folder.join("classes");
    fs_err::create_dir_all(home.join("usrlib")).unwrap();
    for name in ["bin", "conf", "lib", "plugins"] {
        fs_err::os::unix::fs::symlink(flink.path.join(name), home.join(name)).unwrap();
    }
    let job = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/java/UserJob.java");
    let class_path = format!("{}/*", flink.lib().display());
    run("javac", &["-nowarn", "-cp", &class_path, "-d", classes.to_str().unwrap(), job]);
    let jar = home.join("usrlib/job.jar");
    run("jar", &["cf", jar.to_str().unwrap(), "-C", classes.to_str().unwrap(), "."]);
    FlinkHome::open(&home, None).unwrap()
}

fn run(program: &str, arguments: &[&str]) {
    #[expect(clippy::disallowed_methods, reason = "ends before the test goes on")]
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}
