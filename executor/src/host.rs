//! What a person at the host wants to know of the executors there: without Mesos, and out of files alone where an
//! executor is dead.
//!
//! An executor's journal ([`crate::journal`]) in its sandbox says all: who it is, what it told the agent, what it
//! started and how. Sandboxes are found by the executors that live, and below the agents' work directories.

mod find;
mod inspect;
mod jstack;
mod logs;
mod ps;

use std::{
    io::{self, Write as _},
    path::PathBuf,
};

use clap::{Args, Subcommand, ValueEnum};
use thiserror::Error;

pub use find::Found;

use crate::log;

/// What to do at the host.
#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// Lists the executors on this host
    Ps {
        /// Also those that are over and whose sandbox is still there
        #[arg(short, long)]
        all: bool,
        /// Where to look.
        #[command(flatten)]
        place: Place,
        /// How to print.
        #[command(flatten)]
        form: Form,
    },
    /// Prints a TaskManager's log
    Logs {
        /// Which task.
        #[command(flatten)]
        task: Task,
        /// Goes on with what is added, until the executor ends
        #[arg(short, long)]
        follow: bool,
        /// Also what was put aside when the file had reached its size, the oldest first
        #[arg(short, long)]
        all: bool,
        /// Which one
        #[arg(long, value_enum, default_value_t)]
        file: LogFile,
        /// Where executors keep their own logs besides their sandboxes, which may be gone
        #[arg(long, value_name = "FOLDER", env = log::FOLDER_VARIABLE, default_value = log::FOLDER)]
        log_dir: PathBuf,
    },
    /// Tells everything about a task: its command, configuration and environment without secrets, and its timeline
    Inspect {
        /// Which task.
        #[command(flatten)]
        task: Task,
        /// How to print.
        #[command(flatten)]
        form: Form,
    },
    /// Prints what the threads of a TaskManager are doing
    Jstack {
        /// Which task.
        #[command(flatten)]
        task: Task,
    },
}

/// Where to look.
#[derive(Debug, Args)]
pub struct Place {
    /// The Mesos agent's work directory, where executors that are over are looked for; that of living executors is
    /// found by itself
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/mesos")]
    work_dir: PathBuf,
}

/// Which task.
#[derive(Debug, Args)]
pub struct Task {
    /// The task's id, or how it begins
    task: String,
    #[command(flatten)]
    place: Place,
}

/// How to print.
#[derive(Debug, Args)]
pub struct Form {
    /// In which form
    #[arg(short, long, value_enum, default_value_t)]
    output: OutputForm,
}

/// For people, or for programs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputForm {
    /// For people.
    #[default]
    Text,
    /// For programs.
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
    #[error("no task on this host begins with \"{0}\"; `flink-mesos-executor ps --all` lists them")]
    NoTask(String),
    /// The beginning of several ids.
    #[error("\"{0}\" may be any of {1}")]
    Ambiguous(String, String),
    /// Its TaskManager is no more.
    #[error("the TaskManager of {0} does not run")]
    NotRunning(String),
    /// A Java without tools.
    #[error(
        "there is no jstack beside {}; `kill -QUIT {pid}` writes the same into log/taskmanager.out",
        java.display()
    )]
    NoJstack {
        /// The program that runs.
        java: PathBuf,
        /// The TaskManager.
        pid: i32,
    },
    /// A file cannot be read, or the answer not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Does it, and prints the answer to standard output. Blocking.
pub fn run(command: &HostCommand) -> Result<(), HostError> {
    match command {
        HostCommand::Ps { all, place, form } => {
            let rows = ps::rows(&find::all(&place.work_dir), *all);
            print(&if form.output == OutputForm::Json { json(&rows)? } else { ps::table(&rows) })
        }
        HostCommand::Logs { task, follow, all, file, log_dir } => match task.find() {
            Ok(found) => logs::print(&found, *file, logs::Extent { older: *all, follow: *follow }),
            Err(error) if *file == LogFile::Executor => logs::print_kept(log_dir, &task.task, error),
            Err(error) => Err(error),
        },
        HostCommand::Inspect { task, form } => {
            let report = inspect::Report::of(task.find()?);
            print(&if form.output == OutputForm::Json { json(&report)? } else { report.to_string() })
        }
        HostCommand::Jstack { task } => jstack::run(&task.find()?),
    }
}

impl Task {
    fn find(&self) -> Result<Found, HostError> {
        find::one(find::all(&self.place.work_dir), &self.task)
    }
}

fn json(answer: &impl serde::Serialize) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(answer)? + "\n")
}

/// Whoever reads no further has read enough.
fn print(text: &str) -> Result<(), HostError> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
