//! The command line.

mod check;
mod jobs;
mod operate;
mod reference;
mod start;
mod tip;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

pub use self::{
    check::{Check, Doctor, Start},
    jobs::{Jobs, JobsCommand, Run, Session},
    operate::{Contact, EventStream, Form, List, Logs, Question, Workers, WorkersCommand},
    reference::{completions, manual},
    start::{Common, ConfigSources, JobOptions, Local},
    tip::tip,
};

/// Run Apache Flink on Apache Mesos
#[derive(Debug, Parser)]
#[command(name = "flink-mesos", version = common::version!(), about, long_about = LONG_ABOUT, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const LONG_ABOUT: &str = "\
Run Apache Flink on Apache Mesos.

This program is the application master: it starts Flink's JobManager, registers with Mesos, launches TaskManagers on \
the offers it gets, serves them the Flink distribution, and replaces those that fail.

Try it without Mesos:
  FLINK_HOME=/opt/flink flink-mesos local --workers 2
On a cluster:
  FLINK_HOME=/opt/flink flink-mesos session -Dmesos.master=zk://zk1:2181/mesos --workers 10
One job on a cluster of its own:
  FLINK_HOME=/opt/flink flink-mesos job -Dmesos.master=… --jars job.jar --job-classname org.example.Job";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a session cluster on Mesos and keep it running
    #[command(long_about = start::SESSION)]
    Session(Common),
    /// Run one job on a cluster of its own, and stop the cluster when the job ends
    #[command(long_about = start::JOB, visible_alias = "application")]
    Job(JobOptions),
    /// Start a session cluster on this machine, on a Mesos for a laptop
    #[command(long_about = start::LOCAL)]
    Local(Local),
    /// Show and check the configuration
    #[command(subcommand)]
    Config(Config),
    /// Check everything around a cluster: configuration, Mesos, ZooKeeper, clocks, java, ports, disks
    #[command(long_about = check::DOCTOR)]
    Doctor(Doctor),
    /// List the running clusters: those of this user on this machine, and those of a Mesos master
    List(List),
    /// Show whether a cluster is ready, what it does, what fails and what it waits for
    Status(Question),
    /// Print the last thousand events of the application master, and follow them
    Events(EventStream),
    /// Show why offers were declined since the last launch, with the share of each reason
    Offers(Question),
    /// Print the log of the JobManager or of a TaskManager, from the machine of the application
    /// master or from the sandbox at the Mesos agent
    Logs(Logs),
    /// List, move and restart the TaskManagers of a running application master
    Workers(Workers),
    /// Run a job on a running cluster, and watch it until it ends
    #[command(long_about = jobs::RUN)]
    Run(Run),
    /// List, show and cancel the jobs of a running cluster, and make savepoints of them
    Jobs(Jobs),
    /// Stop the cluster and all standby application masters
    Stop(Contact),
    /// Print the script that completes commands and options in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write a manual page for each command
    Man {
        /// Folder for the pages, created if needed, e.g. `/usr/local/share/man/man1`
        folder: PathBuf,
    },
}

/// Ways to look at the configuration.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// List every option with type, default and meaning
    Options,
    /// Show an option's value and every place that sets it
    Explain {
        /// The option, e.g. `mesos.workers`
        key: String,
        /// Where the configuration is.
        #[command(flatten)]
        place: ConfigSources,
    },
    /// Check the whole installation without starting anything
    #[command(long_about = check::LONG_ABOUT)]
    Check(Check),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_valid() {
        Cli::command().debug_assert();
    }
}
