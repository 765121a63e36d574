//! The commands for jobs on a running cluster.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::operate::{Contact, Form};

pub(super) const RUN: &str = "\
Run a job on a running cluster, and watch it until it ends.

The program is uploaded to the cluster's JobManager, whose REST API must be reachable from here. Its arguments follow; put \
`--` before them if the first begins with a dash. A file whose name ends with `.sql` holds SQL statements, one of which may be an INSERT or \
a statement set; its connectors must be in Flink's `lib`.

Exit code: 0 if the job finished, 1 if it failed, 2 if it was cancelled or if Ctrl-C ended the watching, 64 for mistakes in \
usage. Ctrl-C leaves the job running, unless `--cancel-on-interrupt` is given.";

/// How to reach the JobManager.
#[derive(Args, Clone, Debug, Default)]
pub struct Session {
    /// How to reach the application master.
    #[command(flatten)]
    pub contact: Contact,

    /// PEM file with the authorities to trust for a JobManager that speaks TLS [default: this
    /// machine's]
    #[arg(long, value_name = "FILE", global = true)]
    pub rest_authorities: Option<PathBuf>,

    /// The form of the answer.
    #[command(flatten)]
    pub form: Form,
}

/// A job for a running cluster.
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// How to reach it.
    #[command(flatten)]
    pub session: Session,

    /// Class with `main` [default: the class that the jar names]
    #[arg(short, long, value_name = "CLASS")]
    pub job_classname: Option<String>,

    /// Parallelism of operators that set none [default: `parallelism.default`]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub parallelism: Option<u32>,

    /// Savepoint or checkpoint to start from
    #[arg(short = 's', long, visible_alias = "fromSavepoint", value_name = "PATH")]
    pub from_savepoint: Option<String>,

    /// Skip state of the savepoint that the job no longer has
    #[arg(short = 'n', long, visible_alias = "allowNonRestoredState")]
    pub allow_non_restored_state: bool,

    /// Return once the job is submitted
    #[arg(short, long, conflicts_with = "cancel_on_interrupt")]
    pub detached: bool,

    /// Cancel the job on Ctrl-C
    #[arg(long)]
    pub cancel_on_interrupt: bool,

    /// Jar of the job, or file with SQL statements
    #[arg(value_name = "JAR|SQL")]
    pub program: PathBuf,

    /// Arguments of `main`
    #[arg(trailing_var_arg = true)]
    pub arguments: Vec<String>,
}

/// Commands for the jobs of a running cluster.
#[derive(Args, Clone, Debug)]
pub struct Jobs {
    /// How to reach it.
    #[command(flatten)]
    pub session: Session,

    /// What to do [default: list]
    #[command(subcommand)]
    pub what: Option<JobsCommand>,
}

/// What can be done with jobs. A job's id may be abbreviated.
#[derive(Subcommand, Clone, Debug)]
pub enum JobsCommand {
    /// List the jobs, the latest first
    List,
    /// Show a job: its tasks, its last checkpoint, and why it failed
    Show {
        /// The job's id or the beginning of it [default: the only job that runs]
        job: Option<String>,
    },
    /// Cancel a job, and wait until it has ended
    Cancel {
        /// The job's id or the beginning of it [default: the only job that runs]
        job: Option<String>,
    },
    /// Make a savepoint of a job, and print where it is
    Savepoint {
        /// The job's id or the beginning of it [default: the only job that runs]
        job: Option<String>,
        /// Folder for the savepoint, e.g. `hdfs:///savepoints` [default: Flink's option for it]
        #[arg(long, value_name = "FOLDER")]
        to: Option<String>,
        /// Stop the job with the savepoint
        #[arg(long)]
        stop: bool,
        /// Stop the job for good: its windows and timers end as if there were no more input
        #[arg(long, requires = "stop")]
        drain: bool,
    },
}
