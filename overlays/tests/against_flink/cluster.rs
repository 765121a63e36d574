//! Our command lines start real processes: a JobManager and a TaskManager that finds it, of both
//! Flink lines.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use flink::command::{self, CommandLine, Directories};
use flink::config::{Configuration, Source};
use flink::home::FlinkHome;
use flink::java::Java;
use overlays::overlay;
use overlays::worker::{self, Sandbox};

use super::oracle::{LINES, flink_home};

const DEADLINE: Duration = Duration::from_secs(300);

#[test]
fn flink_1_20_runs_from_our_command_lines() {
    a_task_manager_registers("flink-1.20.5", &environment);
}

#[test]
fn flink_2_runs_from_our_command_lines() {
    a_task_manager_registers("flink-2.3.0", &environment);
}

#[test]
fn both_run_with_a_java_newer_than_17() {
    let Some(java) = newer_java() else {
        std::io::stderr()
            .write_all(b"\nSKIPPED: Flink with a Java newer than 17: there is none\n")
            .unwrap();
        return;
    };
    for line in LINES {
        println!("{line} with {java}");
        a_task_manager_registers(line, &|name| {
            if name == "JAVA_HOME" { Some(java.clone()) } else { environment(name) }
        });
    }
}

/// The home of a Java from 21 on, where Linux distributions put them.
fn newer_java() -> Option<String> {
    let homes = fs_err::read_dir("/usr/lib/jvm").ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let newer = homes.into_iter().find(|home| {
        let lookup = |name: &str| (name == "JAVA_HOME").then(|| home.display().to_string());
        Java::find(&Configuration::new(), &lookup).is_ok_and(|java| java.version >= 21)
    });
    newer.map(|home| home.display().to_string())
}

fn a_task_manager_registers(line: &str, environment: &dyn Fn(&str) -> Option<String>) {
    let home = flink_home(line);
    let folder = tempfile::Builder::new().prefix("a cluster é ").tempdir().unwrap();
    let [rpc, rest] = free_ports();
    let config = cluster_configuration(&home, rpc, rest);

    let job_manager = Directories {
        conf: folder.path().join("jm/conf"),
        log: folder.path().join("jm/log"),
        tmp: folder.path().join("jm/tmp"),
    };
    command::prepare(&home, &config, &job_manager).unwrap();
    let java = Java::find(&config, environment).unwrap();
    java.check(&home.version).unwrap();
    let mut job_manager =
        start(&command::job_manager(&home, &java, &config, &job_manager, environment).unwrap());

    let (mut spec, _) = worker::template(
        overlay::collect(&home, &config, environment).unwrap(),
        &home,
        folder.path(),
    )
    .unwrap();
    spec.worker_id = "taskmanager-00001".to_owned();
    spec.hostname = "127.0.0.1".to_owned();
    let sandbox = Sandbox { path: folder.path().join("sandbox") };
    fs_err::create_dir(&sandbox.path).unwrap();
    fs_err::os::unix::fs::symlink(&home.path, sandbox.flink()).unwrap();
    let mut task_manager = start(&worker::apply(&spec, &sandbox, None, environment).unwrap());

    let registered =
        wait_for(|| get(rest, "/taskmanagers").filter(|body| body.contains("taskmanager-00001")));
    assert!(
        registered.is_some(),
        "{line}: no TaskManager registered, logs:\n{}",
        logs(folder.path())
    );
    let memory = registered.unwrap();
    assert!(memory.contains("\"totalProcessMemory\":943718400"), "{line}: {memory}");
    let log = fs_err::read_to_string(sandbox.log().join("taskmanager.log")).unwrap();
    assert!(
        log.contains("-Dgreeting=a \"b\" $c `d`; e"),
        "{line}: the option did not arrive as it was\n{log}"
    );
    for process in [&mut task_manager, &mut job_manager] {
        assert!(
            process.0.try_wait().unwrap().is_none(),
            "{line}: a process has ended\n{}",
            logs(folder.path())
        );
    }
}

pub(crate) fn cluster_configuration(home: &FlinkHome, rpc: u16, rest: u16) -> Configuration {
    let mut config = Configuration::load(&home.conf_dir, &home.version).unwrap();
    for (key, value) in [
        ("jobmanager.rpc.address", "127.0.0.1"),
        ("jobmanager.rpc.port", &rpc.to_string()),
        ("rest.address", "127.0.0.1"),
        ("rest.port", &rest.to_string()),
        ("jobmanager.memory.process.size", "700m"),
        ("taskmanager.memory.process.size", "900m"),
        ("taskmanager.memory.managed.size", "32m"),
        ("taskmanager.memory.network.min", "32m"),
        // A value that a shell would choke on.
        ("env.java.opts.taskmanager", "-Dgreeting='a \"b\" $c `d`; e'"),
    ] {
        config.set(key, value, Source::Computed("the test"));
    }
    config
}

/// A process that does not outlive the test.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

pub(crate) fn start(command: &CommandLine) -> Process {
    #[expect(clippy::disallowed_methods, reason = "ended and reaped by Drop")]
    let child = Command::new(&command.program)
        .args(&command.arguments)
        .envs(command.environment.iter().cloned())
        .current_dir(&command.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Process(child)
}

pub(crate) fn environment(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "java is found by the real environment")]
    let value = std::env::var(name).ok();
    value.filter(|_| matches!(name, "PATH" | "JAVA_HOME"))
}

/// Ports that were free a moment ago.
pub(crate) fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

pub(crate) fn wait_for<T>(mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    #[expect(clippy::disallowed_methods, reason = "real processes run in real time")]
    let (now, pause) = (std::time::Instant::now, std::thread::sleep);
    let start = now();
    while start.elapsed() < DEADLINE {
        if let Some(result) = ready() {
            return Some(result);
        }
        pause(Duration::from_millis(100));
    }
    None
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

pub(crate) fn logs(folder: &std::path::Path) -> String {
    let read = |path: &str| {
        fs_err::read_to_string(folder.join(path)).unwrap_or_else(|error| error.to_string())
    };
    format!("{}\n{}", read("jm/log/jobmanager.log"), read("sandbox/log/taskmanager.log"))
}
