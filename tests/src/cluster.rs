//! The real `flink-mesos` program as a test drives it.
#![allow(clippy::disallowed_methods, reason = "starts programs and waits for them in real time")]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

use fetcher_client::cache::PATH_VARIABLE;

use crate::{
    Line,
    class_data::{self, Process},
    endings_jar, flink_home,
};

/// Long enough for a JVM on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// A running `flink-mesos`, which ends with the test.
pub struct FlinkMesos {
    child: Child,
    events: Receiver<Value>,
    seen: Vec<Value>,
    errors: Option<std::thread::JoinHandle<String>>,
    /// Its folder: logs and a work folder.
    pub work: TempDir,
}

/// Small enough to run several clusters at once. The JVMs end before optimised code would pay off.
pub const SMALL: &[&str] = &[
    "-Denv.java.opts.all=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "-Djobmanager.memory.process.size=768m",
    "-Djobmanager.memory.jvm-metaspace.size=192m",
    "-Dtaskmanager.memory.process.size=1024m",
    "-Dtaskmanager.memory.jvm-metaspace.size=192m",
    "-Djobmanager.rpc.port=0",
    "-Drest.port=0",
    "-Dtaskmanager.registration.timeout=60 s",
    // Most tests end before the JVM that writes an archive. Ours are made before all tests.
    "-Dmesos.executor.class-data-sharing=false",
];

/// The same for Flink's own client, without an archive.
pub const CLIENT_JVM: &str = "-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC";

impl FlinkMesos {
    /// Starts `flink-mesos ARGUMENTS` with this Flink. The executors of its own Mesos, if it starts
    /// one, share the cache of all tests.
    pub fn start(home: &Path, arguments: &[&str]) -> Self {
        Self::start_in(home, arguments, &[(PATH_VARIABLE, &class_data::executors_cache())])
    }

    /// The same with these environment variables, and a cache of its own.
    pub fn start_in(home: &Path, arguments: &[&str], environment: &[(&str, &Path)]) -> Self {
        let work = TempDir::with_prefix("flink-mesos-test-").unwrap();
        let log = work.path().join("log");
        // A test's own options come last, and override the others.
        let mut child = command(&arguments[..1])
            .args(SMALL)
            .args(class_data_options(home))
            .arg(format!("-Denv.log.dir={}", log.display()))
            .args(["--output", "json"])
            .args(
                (!arguments.contains(&"--log")).then_some(["--log", "info"]).into_iter().flatten(),
            )
            .args(&arguments[1..])
            .env("FLINK_HOME", home)
            .env_remove("FLINK_CONF_DIR")
            .env_remove("FLINK_LOG_DIR")
            .envs(environment.iter().copied())
            .spawn()
            .unwrap();
        let (sender, events) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if let Ok(event) = serde_json::from_str(&line)
                    && sender.send(event).is_err()
                {
                    return;
                }
            }
        });
        let mut err = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            let _ended = err.read_to_string(&mut text);
            text
        });
        Self { child, events, seen: Vec::new(), errors: Some(errors), work }
    }

    /// Waits for the next event of this kind and returns it.
    pub fn wait_for(&mut self, event: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(value) => {
                    self.seen.push(value.clone());
                    if value["event"] == event {
                        return value;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("no `{event}` in time; seen: {}", self.story())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("it ended before `{event}`; seen: {}", self.story())
                }
            }
        }
    }

    /// All events of this kind so far.
    pub fn events(&mut self, event: &str) -> Vec<Value> {
        self.seen.extend(self.events.try_iter());
        self.seen.iter().filter(|seen| seen["event"] == event).cloned().collect()
    }

    /// Waits until all TaskManagers are registered and returns the URL of the web page.
    pub fn ready(&mut self) -> String {
        self.wait_for("ready")["web"].as_str().unwrap().to_owned()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Waits until it ends.
    pub fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end; seen: {}", self.story());
            if let Ok(event) = self.events.recv_timeout(Duration::from_millis(20)) {
                self.seen.push(event);
            }
        }
    }

    /// Its standard error; it must have ended.
    pub fn errors(&mut self) -> String {
        self.errors.take().and_then(|errors| errors.join().ok()).unwrap_or_default()
    }

    /// All its output, for the message of a failed test.
    fn story(&mut self) -> String {
        self.seen.extend(self.events.try_iter());
        let mut story: Vec<_> = self.seen.iter().map(ToString::to_string).collect();
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
        story.extend(self.errors.take().and_then(|errors| errors.join().ok()));
        format!("\n{}\n", story.join("\n"))
    }
}

#[expect(clippy::print_stdout, reason = "the output of a failed test")]
impl Drop for FlinkMesos {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // Cleanly, so that workers end too; by force if that takes too long.
            let _asked = kill(self.pid(), Signal::SIGINT);
            let deadline = Instant::now() + Duration::from_secs(30);
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
                let _more = self.events.recv_timeout(Duration::from_millis(50));
            }
            let _killed = self.child.kill();
            let _reaped = self.child.wait();
        }
        if std::thread::panicking() {
            println!("flink-mesos said: {}", self.story());
        }
    }
}

/// The options with which the JVMs of a cluster use their archives.
fn class_data_options(home: &Path) -> impl Iterator<Item = String> {
    let processes = [Process::JobManager, Process::TaskManager].into_iter();
    processes.filter_map(|process| {
        let name = process.archive().trim_end_matches(".jsa");
        Some(format!("-Denv.java.opts.{name}={}", class_data::options(home, process)?))
    })
}

/// The options of the JVM in which Flink's own client runs.
pub fn client_jvm(home: &Path) -> String {
    let archive = class_data::options(home, Process::Client).unwrap_or_default();
    format!("{CLIENT_JVM} {archive}")
}

/// `flink-mesos ARGUMENTS` with captured output.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(crate::binary("flink-mesos"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Processes whose command line contains `text`, except this one.
pub fn processes_with(text: &str) -> Vec<(i32, String)> {
    let own = i32::try_from(std::process::id()).unwrap();
    let mut found = Vec::new();
    for entry in fs_err::read_dir("/proc").unwrap().map_while(Result::ok) {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let line = fs_err::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if pid != own && line.contains(text) {
            found.push((pid, line));
        }
    }
    found
}

/// Waits until no process of Flink has a path below `folder` in its command line.
pub fn assert_no_flink_in(folder: &Path) {
    let path = folder.display().to_string();
    let deadline = Instant::now() + Duration::from_secs(60);
    let flink = |(_, line): &(i32, String)| line.contains("org.apache.flink");
    while let Some((pid, line)) = processes_with(&path).into_iter().find(flink) {
        assert!(Instant::now() < deadline, "process {pid} is still there: {line}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// `flink run` of Flink's own client, for the cluster at `web`; options and the jar follow.
pub fn flink_run(home: &Path, web: &str) -> Command {
    let (host, port) = web.trim_start_matches("http://").rsplit_once(':').unwrap();
    let mut program = Command::new(home.join("bin/flink"));
    program
        .args(["run", &format!("-Drest.address={host}"), &format!("-Drest.port={port}")])
        .env("FLINK_HOME", home)
        .env("JVM_ARGS", client_jvm(home))
        .env_remove("FLINK_CONF_DIR")
        .stdin(Stdio::null());
    program
}

/// Submits the job that never ends to the cluster at `web`, with this parallelism, and returns its
/// id.
pub fn submit_endless(line: Line, web: &str, parallelism: u32) -> String {
    let output = flink_run(&flink_home(line), web)
        .args(["-d", "-p", &parallelism.to_string(), "-c", "Endings"])
        .arg(endings_jar(line))
        .arg("never")
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let id = out.split_once("JobID ").map(|(_, id)| id.trim().to_owned());
    id.unwrap_or_else(|| panic!("flink run failed:\n{out}\n{err}"))
}

/// Runs the word count over `text` on the cluster at `web`, and returns the job's output.
pub fn word_count(home: &Path, jar: &Path, web: &str, text: &Path) -> String {
    let output = flink_run(home, web).arg(jar).arg(text).output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "flink run failed:\n{out}\n{err}");
    out.into_owned()
}

/// A text with a known word count: it contains `vocabulary[i]` `vocabulary.len() - i` times.
pub fn text_with(vocabulary: &[&str], folder: &Path) -> PathBuf {
    let mut text = String::new();
    for (i, word) in vocabulary.iter().enumerate() {
        for _ in i..vocabulary.len() {
            text.push_str(word);
            text.push('\n');
        }
    }
    let path = folder.join("text.txt");
    fs_err::write(&path, text).unwrap();
    path
}
