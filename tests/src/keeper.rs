//! The processes of a test, held by a separate process (`src/bin/keeper.rs`).

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{binary, wait_until};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// A program to start.
#[derive(Clone, Debug)]
pub struct Program {
    /// Path of the executable.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment; `Program::new` sets only PATH.
    pub environment: Vec<(String, String)>,
    /// Its working directory; the test's own if `None`.
    pub directory: Option<PathBuf>,
    /// The file to which standard output and error are appended.
    pub log: PathBuf,
}

impl Program {
    /// A program without arguments, with the test's PATH.
    #[expect(
        clippy::disallowed_methods,
        reason = "what the tests start finds java where the tests would"
    )]
    pub fn new(program: impl Into<PathBuf>, log: &Path) -> Self {
        let path = std::env::var("PATH").unwrap_or_default();
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: vec![("PATH".to_owned(), path)],
            directory: None,
            log: log.to_owned(),
        }
    }
}

/// Whether there is such a process, even one that has ended and was not waited for.
pub fn is_alive(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Holds the processes that it starts and everything that they start. When it is dropped, or the
/// test's process dies, all of them are killed and reaped.
#[derive(Debug)]
pub struct Keeper {
    process: Child,
    lines: Mutex<Option<(ChildStdin, BufReader<ChildStdout>)>>,
}

impl Keeper {
    /// Starts a keeper without processes.
    #[expect(clippy::disallowed_methods, reason = "the keeper itself; it is reaped in `end`")]
    pub fn start() -> Self {
        let mut process = Command::new(binary("keeper"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0) // Ctrl-C is for the test; the keeper then sees its input end
            .spawn()
            .expect("the keeper starts");
        let input = process.stdin.take().expect("piped");
        let output = BufReader::new(process.stdout.take().expect("piped"));
        Self { process, lines: Mutex::new(Some((input, output))) }
    }

    /// Starts a program and returns its process id.
    pub fn run(&self, program: &Program) -> i32 {
        let answer = self.ask(&json!({
            "do": "start", "program": program.program, "arguments": program.arguments, "log": program.log,
            "environment": program.environment, "directory": program.directory,
        }));
        number(&answer["pid"])
    }

    /// Sends a signal to a process that this keeper started.
    pub fn signal(&self, pid: i32, signal: Signal) {
        self.ask(&json!({ "do": "signal", "pid": pid, "signal": signal as i32 }));
    }

    /// How this process ended, if it has.
    pub fn ended(&self, pid: i32) -> Option<Ended> {
        let answer = self.ask(&json!({ "do": "ended", "pid": pid }));
        match &answer["ended"] {
            Value::Null => None,
            how if how["code"].is_null() => Some(Ended::Signal(number(&how["signal"]))),
            how => Some(Ended::Code(number(&how["code"]))),
        }
    }

    /// Waits until a process ends.
    pub async fn wait(&self, pid: i32, limit: Duration) -> Ended {
        wait_until(&format!("process {pid} has ended"), limit, async || self.ended(pid)).await
    }

    /// Kills only this process, as `kill -9` does, and waits until it is gone.
    pub async fn kill(&self, pid: i32) {
        if self.ended(pid).is_none() {
            self.signal(pid, Signal::SIGKILL);
            self.wait(pid, Duration::from_secs(10)).await;
        }
    }

    /// The ids of all living processes below the keeper: those it started and their descendants.
    pub fn living(&self) -> Vec<i32> {
        let answer = self.ask(&json!({ "do": "living" }));
        answer["pids"].as_array().into_iter().flatten().map(number).collect()
    }

    /// Kills and reaps all of them.
    pub fn end(&mut self) {
        let lines = self.lines.get_mut().unwrap_or_else(PoisonError::into_inner);
        if lines.take().is_some() {
            self.process.wait().expect("the keeper's end");
        }
    }

    fn ask(&self, request: &Value) -> Value {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let (input, output) = lines.as_mut().expect("a keeper that has not ended");
        let mut line = String::new();
        writeln!(input, "{request}")
            .and_then(|()| output.read_line(&mut line))
            .expect("the keeper answers");
        let answer: Value = serde_json::from_str(&line).expect("the keeper answers in JSON");
        assert!(answer["error"].is_null(), "{}", answer["error"]);
        answer
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.end();
    }
}

fn number(value: &Value) -> i32 {
    value.as_i64().and_then(|number| i32::try_from(number).ok()).expect("a number from the keeper")
}
