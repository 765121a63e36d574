//! `config check`, and its subject.

use clap::{Args, Subcommand};

use super::{Common, ConfigSources, JobOptions};
use crate::{console::OutputForm, plan::Request};

pub(super) const LONG_ABOUT: &str = "\
Check the whole installation without starting anything. Prints every problem in one list; the exit code is 64 if the cluster would not start.

Append the command you intend to run to check its options too, as in `config check job --jars job.jar`. For a job, \
this also checks its jars, class, job graph, SQL and savepoint. `session` and `job` run the same checks before they start anything, except that \
they do not test whether Mesos and ZooKeeper answer.";

pub(super) const DOCTOR: &str = "\
Check everything around a cluster, and print one table with the next step for each problem. Nothing is started or changed.

It checks the configuration and this machine as `config check` does (java, ports, folders), the Mesos master (leader, version, whether it accepts the \
framework's credential), each ZooKeeper server and a session there, the clocks of the master and the agents, cipher suites that this java no longer \
offers, the address that agents are given for artifacts, and free space on disks. The checks run side by side, for 20 s at most.

Exit code: 0 if nothing failed (there may be warnings), 1 if something failed, 64 for mistakes in usage, or if there is no configuration to read.";

/// What is looked at.
#[derive(Args, Clone, Debug)]
pub struct Doctor {
    /// Where the configuration is.
    #[command(flatten)]
    pub place: ConfigSources,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub output: OutputForm,
}

/// What is checked.
#[derive(Args, Clone, Debug)]
pub struct Check {
    /// Where the configuration is.
    #[command(flatten)]
    pub place: ConfigSources,

    /// Skip the Mesos and ZooKeeper checks
    #[arg(long)]
    pub offline: bool,

    /// The command you intend to run [default: session]
    #[command(subcommand)]
    pub start: Option<Start>,
}

/// The command you intend to run.
#[derive(Clone, Debug, Subcommand)]
pub enum Start {
    /// Check the options of `flink-mesos session` too
    Session(Common),
    /// Check the options of `flink-mesos job` too
    #[command(visible_alias = "application")]
    Job(Box<JobOptions>),
}

impl Check {
    /// What is checked. Options before the subcommand apply to it too.
    pub fn request(self, environment: Vec<(String, String)>) -> Request {
        let Self { place, start, .. } = self;
        let start = match start {
            None => Request { environment, ..Request::default() },
            Some(Start::Session(common)) => common.request(environment),
            Some(Start::Job(job)) => job.request(environment),
        };
        Request {
            flink_home: start.flink_home.or(place.flink_home),
            conf_dir: start.conf_dir.or(place.conf_dir),
            dynamic: place.dynamic.into_iter().chain(start.dynamic).collect(),
            ..start
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command, Config};
    use crate::plan::Job;

    #[test]
    fn a_check_takes_the_command_to_start_with_its_options() {
        let arguments = [
            "config",
            "check",
            "--offline",
            "-Da=1",
            "application",
            "-Da=2",
            "--workers",
            "3",
            "--jars",
            "j.jar",
            "in",
        ];
        let cli = Cli::try_parse_from(["flink-mesos"].iter().chain(&arguments)).unwrap();
        let Command::Config(Config::Check(check)) = cli.command else { panic!("not a check") };
        assert!(check.offline);
        let request = check.request(Vec::new());
        assert_eq!(request.dynamic, ["a=1", "a=2"], "the later one wins");
        assert_eq!((request.workers, request.jars), (Some(3), vec!["j.jar".to_owned()]));
        let Some(Job::Application(job)) = request.job else { panic!("no application") };
        assert_eq!(job.arguments, ["in"]);
    }
}
