//! The command line.

mod check;

use std::path::PathBuf;

use clap::{
    Args, Parser, Subcommand,
    error::{ContextKind, ContextValue},
};

pub use self::check::{Check, Start};
use crate::{console::OutputForm, plan::Request};

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
  FLINK_HOME=/opt/flink flink-mesos application -Dmesos.master=… --jars job.jar --job-classname org.example.Job";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a session cluster on Mesos and keep it running
    #[command(long_about = SESSION)]
    Session(Common),
    /// Run one application on a cluster of its own, and stop the cluster when it ends
    #[command(long_about = APPLICATION)]
    Application(Application),
    /// Start a session cluster on this machine, on a Mesos for a laptop
    #[command(long_about = LOCAL)]
    Local(Local),
    /// Show and check the configuration
    #[command(subcommand)]
    Config(Config),
    /// List, move and restart the TaskManagers of a running application master
    Workers(Workers),
    /// Stop the cluster and all standby application masters
    Stop(Contact),
}

/// How to reach a running application master.
#[derive(Args, Clone, Debug, Default)]
pub struct Contact {
    /// Control API URL, as printed at startup [default: the only application master of this user on
    /// this machine]
    #[arg(long, env = "FLINK_MESOS_CONTROL", value_name = "URL", global = true)]
    pub at: Option<String>,

    /// File with the control API token (`mesos.control.token`) [default:
    /// `FLINK_MESOS_CONTROL_TOKEN`, otherwise the run file of an application master of this user on
    /// this machine]
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<PathBuf>,

    /// PEM file with the authorities to trust for an `https` URL [default: those of the run file,
    /// otherwise this machine's]
    #[arg(long, value_name = "FILE", global = true)]
    pub authorities: Option<PathBuf>,
}

/// Commands for a running application master.
#[derive(Args, Clone, Debug)]
pub struct Workers {
    /// How to reach it.
    #[command(flatten)]
    pub contact: Contact,

    /// Output format: text for people, or json, the control API's answer as one object
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "text|json",
        hide_possible_values = true
    )]
    pub output: OutputForm,

    /// What to do.
    #[command(subcommand)]
    pub what: WorkersCommand,
}

/// What an operator can request.
#[derive(Subcommand, Clone, Debug)]
pub enum WorkersCommand {
    /// Show TaskManagers, drained agents, agents where TaskManagers fail, and why none can be
    /// launched
    List,
    /// Show the last steps of TaskManagers, with cause and initiator
    History,
    /// Move TaskManagers off an agent and launch none there; each is replaced before it stops
    /// (`mesos.worker.surge`)
    Drain {
        /// The agent's id or host name
        agent: String,
    },
    /// Use a drained agent again
    Undrain {
        /// The agent's name, as given to drain
        agent: String,
    },
    /// Replace all TaskManagers one after the other, each when enough others are registered
    Restart {
        /// Extra TaskManagers allowed during the restart
        #[arg(long, default_value_t = 1)]
        surge: usize,
        /// TaskManagers that may be missing during the restart
        #[arg(long, default_value_t = 0)]
        max_unavailable: usize,
    },
    /// Forget the failures on one agent or on all, so that launches there continue at once
    ClearAgent {
        /// The agent's id [default: all agents]
        agent: Option<String>,
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

/// Where the configuration is.
#[derive(Args, Clone, Debug)]
pub struct ConfigSources {
    /// Set a Flink option; overrides the configuration file and the environment
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub dynamic: Vec<String>,

    /// Flink distribution: the folder with bin, lib and conf
    #[arg(long, env = "FLINK_HOME", value_name = "DIR")]
    pub flink_home: Option<PathBuf>,

    /// Flink's configuration folder [default: conf in the Flink distribution]
    #[arg(long, env = "FLINK_CONF_DIR", value_name = "DIR")]
    pub conf_dir: Option<PathBuf>,
}

const SESSION: &str = "\
Start a session cluster on Mesos and keep it running.

Reads FLINK_HOME and FLINK_CONF_DIR, starts the JobManager, and keeps `mesos.workers` TaskManagers running. Submit jobs with \
Flink's own tools to the web address that it prints.

To stop the cluster, use `flink-mesos stop`, Ctrl-C, `DELETE /cluster` at the JobManager, or SIGTERM. This stops TaskManagers, \
JobManager and standby application masters, and removes the framework. With durable state (`mesos.state.dir`, or \
`high-availability.type: zookeeper`) SIGTERM and crashes leave the TaskManagers running for the next application master.";

const APPLICATION: &str = "\
Run one application on a cluster of its own, and stop the cluster when it ends.

The application's jars are those in the distribution's `usrlib` and those of `--jars`. The options are those of Flink's \
standalone-job.sh. The remaining arguments go to `main`; put `--` before them if the first begins with a dash.

Exit code: 0 if the application finished, 1 if it failed, 2 if it was cancelled or stopped before it finished, 64 for \
mistakes in usage and configuration. With `high-availability.type: zookeeper`, it resumes from its last checkpoint when the \
application master or the JobManager restarts.";

const LOCAL: &str = "\
Start a session cluster on this machine, on a Mesos for a laptop.

Master and agent run inside this process and speak the same protocol as a Mesos cluster; JobManager and TaskManagers are \
real. It requires only a Flink distribution and Java. Ctrl-C stops everything.";

/// What `session` and `local` have in common.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// Where the configuration is.
    #[command(flatten)]
    pub place: ConfigSources,

    /// Number of TaskManagers to keep; the option `mesos.workers`
    #[arg(short, long, value_name = "N")]
    pub workers: Option<usize>,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub output: OutputForm,

    /// Log level on standard error: error, warn, info, debug or trace, or a filter such as
    /// `mesos=debug`
    #[arg(long, env = "FLINK_MESOS_LOG", default_value = "warn", value_name = "FILTER")]
    pub log: String,
}

/// What `local` adds.
#[derive(Args, Clone, Debug)]
pub struct Local {
    /// The same as for a session.
    #[command(flatten)]
    pub common: Common,

    /// Folder for sandboxes and logs, kept after the end [default: a temporary folder, removed
    /// after a successful end]
    #[arg(long, value_name = "DIR")]
    pub work_dir: Option<PathBuf>,
}

/// What `application` adds.
#[derive(Args, Clone, Debug)]
pub struct Application {
    /// The same as for a session.
    #[command(flatten)]
    pub common: Common,

    /// Class with `main` [default: the class of the only jar that names one]
    #[arg(short, long, value_name = "CLASS")]
    pub job_classname: Option<String>,

    /// Id of the job, 32 hexadecimal digits
    #[arg(long, value_name = "ID", value_parser = job_id)]
    pub job_id: Option<String>,

    /// Jars of the application, separated by commas, in addition to those in `usrlib`; the option
    /// `mesos.application.jars`
    #[arg(long, value_name = "JAR", value_delimiter = ',')]
    pub jars: Vec<String>,

    /// Savepoint or checkpoint to start from, e.g. `hdfs:///flink/savepoint-1537`
    #[arg(short = 's', long = "fromSavepoint", value_name = "PATH")]
    pub from_savepoint: Option<String>,

    /// Skip state of the savepoint that the job no longer has
    #[arg(short = 'n', long = "allowNonRestoredState")]
    pub allow_non_restored_state: bool,

    /// Run on this machine, on a Mesos for a laptop
    #[arg(long)]
    pub local: bool,

    /// Folder for sandboxes and logs with `--local`, as for `flink-mesos local`
    #[arg(long, value_name = "DIR", requires = "local")]
    pub work_dir: Option<PathBuf>,

    /// Arguments of `main`
    #[arg(trailing_var_arg = true)]
    pub arguments: Vec<String>,
}

/// The likely intention of a user who gave an unknown subcommand.
pub fn tip(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let meant = match given.as_str() {
        "version" => "flink-mesos --version",
        "run" | "submit" => {
            "flink-mesos application --jars JOB.jar, which runs one job on a cluster of its own; \
             or Flink's own `flink run -m HOST:PORT JOB.jar` for a session that runs"
        }
        "status" | "list" => "flink-mesos workers list",
        "history" | "drain" | "undrain" | "restart" | "clear-agent" => {
            return Some(unknown(given, &format!("flink-mesos workers {given}")));
        }
        "scale" => {
            "flink-mesos session --workers N: start it again with another number; with durable state the TaskManagers keep running"
        }
        "logs" | "ps" | "inspect" | "jstack" => {
            return Some(unknown(
                given,
                &format!("flink-mesos-executor {given}, on the TaskManager's host"),
            ));
        }
        "check" | "validate" => "flink-mesos config check",
        "start" | "up" => "flink-mesos session",
        "kill" | "end" | "shutdown" => "flink-mesos stop",
        _ => return None,
    };
    Some(unknown(given, meant))
}

fn unknown(given: &str, meant: &str) -> String {
    format!(
        "error: unrecognized subcommand '{given}'\n\n  tip: {meant}\n\nFor more information, try '--help'."
    )
}

/// Flink's job ids have 16 bytes.
fn job_id(text: &str) -> Result<String, String> {
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_owned());
    }
    Err("a job id has 32 hexadecimal digits".to_owned())
}

impl Application {
    /// The request for a plan.
    pub fn request(&self, environment: Vec<(String, String)>) -> Request {
        Request { jars: self.jars.clone(), ..self.common.request(environment) }
    }

    /// The job, in the form that Flink takes.
    pub fn job(&self) -> flink::command::Application {
        flink::command::Application {
            job_class: self.job_classname.clone(),
            job_id: self.job_id.clone(),
            savepoint: self.from_savepoint.clone(),
            allow_non_restored_state: self.allow_non_restored_state,
            arguments: self.arguments.clone(),
        }
    }
}

impl ConfigSources {
    /// The request for a plan.
    pub fn request(&self, environment: Vec<(String, String)>) -> Request {
        Request {
            flink_home: self.flink_home.clone(),
            conf_dir: self.conf_dir.clone(),
            dynamic: self.dynamic.clone(),
            environment,
            ..Request::default()
        }
    }
}

impl Common {
    /// The request for a plan.
    pub fn request(&self, environment: Vec<(String, String)>) -> Request {
        Request { workers: self.workers, ..self.place.request(environment) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_follow_d_with_or_without_a_blank() {
        let cli =
            Cli::try_parse_from(["flink-mesos", "session", "-Da.b=c d", "-D", "e=f=-1"]).unwrap();
        let Command::Session(common) = cli.command else { panic!("not a session") };
        assert_eq!(common.place.dynamic, ["a.b=c d", "e=f=-1"]);
    }

    #[test]
    fn a_guessed_subcommand_gets_a_tip_with_the_right_one() {
        let tip_for = |given: &str| {
            tip(&Cli::try_parse_from(["flink-mesos", given]).unwrap_err()).unwrap_or_default()
        };
        assert!(
            tip_for("version").contains("tip: flink-mesos --version"),
            "{}",
            tip_for("version")
        );
        assert!(
            tip_for("run").contains("application --jars")
                && tip_for("run").contains("flink run -m")
        );
        assert!(tip_for("drain").contains("flink-mesos workers drain"));
        assert_eq!(tip_for("sesion"), "", "clap knows what is near");
    }

    fn application(arguments: &[&str]) -> Result<Application, clap::Error> {
        let cli = Cli::try_parse_from(["flink-mesos", "application"].iter().chain(arguments))?;
        let Command::Application(application) = cli.command else { panic!("not an application") };
        Ok(application)
    }

    #[test]
    fn an_application_takes_the_options_of_standalone_job_sh_and_leaves_the_rest_to_main() {
        let id = "0".repeat(32);
        let arguments = [
            "--job-classname",
            "a.B",
            "--job-id",
            &id,
            "--jars",
            "a.jar,b.jar",
            "-s",
            "f:/s",
            "-n",
            "in",
            "--host",
            "-Dx",
        ];
        let application = application(&arguments).unwrap();
        assert_eq!(application.jars, ["a.jar", "b.jar"]);
        assert!(application.common.place.dynamic.is_empty());
        let expected = flink::command::Application {
            job_class: Some("a.B".to_owned()),
            job_id: Some(id),
            savepoint: Some("f:/s".to_owned()),
            allow_non_restored_state: true,
            arguments: ["in", "--host", "-Dx"].map(str::to_owned).to_vec(),
        };
        assert_eq!(application.job(), expected);
    }

    #[test]
    fn a_mistyped_option_is_not_taken_for_an_argument_of_main() {
        assert!(application(&["--job-clasname", "a.B"]).is_err());
        assert_eq!(application(&["--", "--host", "x"]).unwrap().arguments, ["--host", "x"]);
        assert!(
            application(&["--job-id", "17"])
                .unwrap_err()
                .to_string()
                .contains("32 hexadecimal digits")
        );
    }
}
