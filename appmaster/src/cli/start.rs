//! The commands that start a cluster.

use std::path::PathBuf;

use clap::Args;

use crate::{console::OutputForm, plan::Request};

pub(super) const SESSION: &str = "\
Start a session cluster on Mesos and keep it running.

Reads FLINK_HOME and FLINK_CONF_DIR, starts the JobManager, and keeps `mesos.workers` TaskManagers running. Submit jobs with \
Flink's own tools to the web address that it prints.

To stop the cluster, use `flink-mesos stop`, Ctrl-C, or `DELETE /cluster` at the JobManager. This stops TaskManagers, \
JobManager and standby application masters, and removes the framework. With durable state (`mesos.state.dir`, or \
`high-availability.type: zookeeper`) SIGTERM leaves the TaskManagers running for the next application master. Without it, \
SIGTERM stops the cluster.";

pub(super) const APPLICATION: &str = "\
Run one application on a cluster of its own, and stop the cluster when it ends.

The application's jars are those in the distribution's `usrlib` and those of `--jars`. Job options have the names of \
Flink's standalone-job.sh. The remaining arguments go to `main`; put `--` before them if the first begins with a dash.

Exit code: 0 if the application finished, 1 if it failed, 2 if it was cancelled or stopped before it finished, 64 for \
mistakes in usage and configuration. With `high-availability.type: zookeeper`, the job resumes from its last checkpoint when the \
application master or the JobManager restarts.";

pub(super) const LOCAL: &str = "\
Start a session cluster on this machine, on a Mesos for a laptop.

Master and agent run inside this process and speak the same protocol as a Mesos cluster; JobManager and TaskManagers are \
real. This command requires only a Flink distribution and Java. Ctrl-C stops everything.";

/// Where the configuration is.
#[derive(Args, Clone, Debug)]
pub struct ConfigSources {
    /// Set a Flink option; overrides the configuration file and the environment
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub dynamic: Vec<String>,

    /// Flink distribution: the folder with bin, lib and conf
    #[arg(long, env = "FLINK_HOME", value_name = "FOLDER")]
    pub flink_home: Option<PathBuf>,

    /// Flink's configuration folder [default: conf in the Flink distribution]
    #[arg(long, env = "FLINK_CONF_DIR", value_name = "FOLDER")]
    pub conf_dir: Option<PathBuf>,
}

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
    #[arg(long, value_name = "FOLDER")]
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
    #[arg(long, value_name = "FOLDER", requires = "local")]
    pub work_dir: Option<PathBuf>,

    /// Arguments of `main`
    #[arg(trailing_var_arg = true)]
    pub arguments: Vec<String>,
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
        Request {
            jars: self.jars.clone(),
            job: Some(self.job()),
            local: self.local,
            ..self.common.request(environment)
        }
    }

    /// The job, in the form that Flink takes.
    fn job(&self) -> flink::command::Application {
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

impl Local {
    /// The request for a plan.
    pub fn request(&self, environment: Vec<(String, String)>) -> Request {
        Request { local: true, ..self.common.request(environment) }
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
    use clap::Parser as _;

    use super::{
        super::{Cli, Command},
        *,
    };

    #[test]
    fn options_follow_d_with_or_without_a_blank() {
        let cli =
            Cli::try_parse_from(["flink-mesos", "session", "-Da.b=c d", "-D", "e=f=-1"]).unwrap();
        let Command::Session(common) = cli.command else { panic!("not a session") };
        assert_eq!(common.place.dynamic, ["a.b=c d", "e=f=-1"]);
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
