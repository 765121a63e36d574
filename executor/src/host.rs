//! Commands for people on a host: what its executors do, without Mesos, and from files alone if an
//! executor is dead.
//!
//! The journal ([`crate::journal`]) in each executor's sandbox has the answers: who the executor
//! is, what it reported to the agent, what it started and how. Sandboxes are found through living
//! executors and below the agents' work directories.
//!
//! The caller may be root, and the files belong to others. So `find` decides which journals to
//! trust; no program that a file names is run; nothing blocks or is read without a bound; control
//! characters are escaped.

mod find;
mod inspect;
mod jstack;
mod logs;
mod ps;

use std::{io, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use thiserror::Error;

pub use find::Found;

use crate::{log, text};

/// What to do at the host.
#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// List the executors on this host
    Ps {
        /// Also list ended executors whose sandbox still exists
        #[arg(short, long)]
        all: bool,
        /// Where to look.
        #[command(flatten)]
        scope: SearchScope,
        /// How to print.
        #[command(flatten)]
        form: Form,
    },
    /// Print a TaskManager's log
    Logs {
        /// Which task.
        #[command(flatten)]
        task: Task,
        /// Keep printing new lines until the executor ends
        #[arg(short, long)]
        follow: bool,
        /// Also print rotated files, the oldest first
        #[arg(short, long)]
        all: bool,
        /// Log to print
        #[arg(long, value_enum, default_value_t)]
        file: LogFile,
        /// Folder of the executors' own logs, which outlive their sandboxes
        #[arg(long, value_name = "FOLDER", env = log::FOLDER_VARIABLE, default_value = log::FOLDER)]
        log_dir: PathBuf,
    },
    /// Show everything about a task: its command, configuration and environment without secrets,
    /// and its timeline
    Inspect {
        /// Which task.
        #[command(flatten)]
        task: Task,
        /// How to print.
        #[command(flatten)]
        form: Form,
    },
    /// Print a TaskManager's thread dump
    Jstack {
        /// Which task.
        #[command(flatten)]
        task: Task,
    },
}

/// Where to look.
#[derive(Debug, Args)]
pub struct SearchScope {
    /// Work directory of the Mesos agent, to find ended executors; running ones are found without
    /// it
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/mesos")]
    work_dir: PathBuf,
}

/// Which task.
#[derive(Debug, Args)]
pub struct Task {
    /// The task's id, or any part that no other task's id contains
    task: String,
    #[command(flatten)]
    scope: SearchScope,
}

/// How to print.
#[derive(Debug, Args)]
pub struct Form {
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: OutputForm,
}

/// For people, or for programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// Text for people.
    #[default]
    Text,
    /// JSON for programs.
    Json,
}

/// A log in the sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFile {
    /// The TaskManager's log.
    #[default]
    Log,
    /// Its standard output.
    Out,
    /// Its standard error.
    Err,
    /// The executor's own log.
    Executor,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum HostError {
    /// Nothing on this host has such an id.
    #[error(
        "no task on this host has \"{0}\" in its id; `flink-mesos-executor ps --all` lists them"
    )]
    NoTask(String),
    /// The text is part of several ids.
    #[error("\"{0}\" is ambiguous: {1}")]
    Ambiguous(String, String),
    /// Several folders claim the task, and none is confirmed by an agent.
    #[error("several users claim to run {task}, and no agent has created any of these folders: {}", claims.join(", "))]
    Contested {
        /// The task.
        task: String,
        /// Sandboxes and their users, or files.
        claims: Vec<String>,
    },
    /// Its TaskManager has ended.
    #[error("the TaskManager of {0} is not running")]
    NotRunning(String),
    /// It belongs to another user.
    #[error("the TaskManager of {task} runs as {user}: run the command as that user, or as root")]
    NotOurs {
        /// The task.
        task: String,
        /// Its user.
        user: String,
    },
    /// The running process is not a JVM.
    #[error("no process of {0} is a JVM")]
    NoJava(String),
    /// The Java has no jstack.
    #[error(
        "no jstack beside {}; `kill -QUIT {pid}` writes the same into log/taskmanager.out",
        java.display()
    )]
    NoJstack {
        /// The program that runs.
        java: PathBuf,
        /// The TaskManager.
        pid: i32,
    },
    /// The TaskManager is stopped.
    #[error(
        "the TaskManager of {task} is stopped and cannot answer; `kill -CONT {pid}` continues it, unless a debugger holds it"
    )]
    Stopped {
        /// The task.
        task: String,
        /// The TaskManager.
        pid: i32,
    },
    /// jstack takes too long.
    #[error(
        "{} did not end within {seconds} s, because Java does not answer; `kill -QUIT {pid}` writes the same into \
         log/taskmanager.out as soon as it does, and `top -H -p {pid}` shows what its threads do",
        program.display()
    )]
    NoAnswer {
        /// The tool.
        program: PathBuf,
        /// The TaskManager.
        pid: i32,
        /// How long it was waited for.
        seconds: u64,
    },
    /// jstack failed.
    #[error("{}, run as user {user}, failed: {why}", program.display())]
    Jstack {
        /// The tool.
        program: PathBuf,
        /// User id of the TaskManager.
        user: u32,
        /// What happened.
        why: String,
    },
    /// A file cannot be read, or the answer cannot be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Runs the command, and prints the answer to standard output. Blocking.
pub fn run(command: &HostCommand) -> Result<(), HostError> {
    match command {
        HostCommand::Ps { all, scope, form } => {
            let rows = ps::rows(&find::all(&scope.work_dir), *all);
            print(&match form.output {
                OutputForm::Json => json(&rows)?,
                OutputForm::Text => text::lines(&ps::table(&rows)).into_owned(),
            })
        }
        HostCommand::Logs { task, follow, all, file, log_dir } => match task.find() {
            Ok(found) => logs::print(&found, *file, logs::Extent { older: *all, follow: *follow }),
            Err(error) if *file == LogFile::Executor => {
                logs::print_from_host_folder(log_dir, &task.task, error)
            }
            Err(error) => Err(error),
        },
        HostCommand::Inspect { task, form } => {
            let report = inspect::Report::of(task.find()?);
            print(&match form.output {
                OutputForm::Json => json(&report)?,
                OutputForm::Text => text::lines(&report.to_string()).into_owned(),
            })
        }
        HostCommand::Jstack { task } => jstack::run(&task.find()?),
    }
}

/// The error with control characters escaped: names in it come from others.
pub fn shown(error: &HostError) -> String {
    text::line(&error.to_string()).into_owned()
}

impl Task {
    fn find(&self) -> Result<Found, HostError> {
        find::one(find::all(&self.scope.work_dir), &self.task)
    }
}

fn json(answer: &impl serde::Serialize) -> io::Result<String> {
    Ok(text::json(&serde_json::to_string_pretty(answer)?).into_owned() + "\n")
}

fn print(text: &str) -> Result<(), HostError> {
    Ok(common::stdout::write(text)?)
}
