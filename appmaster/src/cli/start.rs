//! The commands that start a cluster.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use flink::command::Application;

use crate::{
    console::OutputForm,
    job_file::{GraphFile, SqlFile},
    plan::{Job, Request},
    replacement::Wish,
};

/// The default of `--replace-timeout`.
const LONGEST_REPLACEMENT: Duration = Duration::from_secs(600);

pub(super) const SESSION: &str = "\
Start a session cluster on Mesos and keep it running.

Reads FLINK_HOME and FLINK_CONF_DIR, starts the JobManager, and starts TaskManagers when jobs need them. Submit jobs with \
Flink's own tools to the web address that it prints.

With `--detached` it runs in the background, and this command returns once the cluster is ready.

To stop the cluster, use `flink-mesos stop`, Ctrl-C, or `DELETE /cluster` at the JobManager. This stops TaskManagers, \
JobManager and standby application masters, and removes the framework. With durable state (`mesos.state.dir`, or \
`high-availability.type: zookeeper`) SIGTERM leaves the TaskManagers running for the next application master. Without it, \
SIGTERM stops the cluster.";

pub(super) const JOB: &str = "\
Run one job on a cluster of its own, and stop the cluster when the job ends.

The job is one of these:
  an application   `main` of a class in `usrlib` or `--jars` submits one job or several
  --job-graph      a serialized job graph, made by the API of the same Flink version
  --sql            a file of SQL statements

The job's jars are those in the distribution's `usrlib` and those of `--jars`. Options have the names of \
Flink's standalone-job.sh. The remaining arguments go to `main`; put `--` before them if the first begins with a dash.

With `--detached` the cluster runs in the background, and this command returns with exit code 0 once the job runs.

With `--replace OLD` the job of the cluster OLD moves to this one: TaskManagers start, the job of OLD stops with a savepoint, \
and starts here from it. Once it runs here, OLD ends. If it does not, this cluster ends, and OLD continues its job.

Exit code: 0 if the job finished, 1 if it failed, 2 if it was cancelled or stopped before it finished, 64 for \
mistakes in usage, configuration, job graph and SQL, which are found before a TaskManager is launched. With \
`high-availability.type: zookeeper`, the job resumes from its last checkpoint when the application master or the JobManager \
restarts.";

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

    /// Fixed number of TaskManagers; the option `mesos.workers` [default: as many as jobs need, within
    /// `mesos.workers.min` and `mesos.workers.max`; with a Mesos for a laptop: 1]
    #[arg(short, long, value_name = "N")]
    pub workers: Option<usize>,

    /// Who runs the JobManager; the option `mesos.jobmanager` [default: own]
    #[arg(long, value_enum, value_name = "WHO")]
    pub jobmanager: Option<WhoRuns>,

    /// Run in the background; return once the cluster is ready, or once its job runs
    #[arg(short, long)]
    pub detached: bool,

    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub output: OutputForm,

    /// Log level on standard error: error, warn, info, debug or trace, or a filter such as
    /// `mesos=debug`
    #[arg(long, env = "FLINK_MESOS_LOG", default_value = "warn", value_name = "FILTER")]
    pub log: String,
}

/// Who runs the JobManager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WhoRuns {
    /// The application master starts one, and ends with it
    Own,
    /// Somebody else runs it; TaskManagers connect to it
    External,
}

impl WhoRuns {
    /// The option's value.
    fn value(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::External => "external",
        }
    }
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

/// What `job` adds.
#[derive(Args, Clone, Debug)]
pub struct JobOptions {
    /// The same as for a session.
    #[command(flatten)]
    pub common: Common,

    /// File with a serialized job graph; the option `internal.jobgraph-path`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["sql", "job_classname", "job_id", "arguments"])]
    pub job_graph: Option<PathBuf>,

    /// File with SQL statements, each but the last with a semicolon at its end
    #[arg(long, value_name = "FILE", conflicts_with_all = ["job_classname", "arguments"])]
    pub sql: Option<PathBuf>,

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
    #[arg(short = 's', long, visible_alias = "fromSavepoint", value_name = "PATH")]
    pub from_savepoint: Option<String>,

    /// Skip state of the savepoint that the job no longer has
    #[arg(short = 'n', long, visible_alias = "allowNonRestoredState")]
    pub allow_non_restored_state: bool,

    /// Continue the job of this cluster, which ends once the job runs here: its name or framework id,
    /// as shown by `flink-mesos list`, or its control API URL
    #[arg(long, value_name = "CLUSTER", conflicts_with = "from_savepoint")]
    pub replace: Option<String>,

    /// Longest time until the job runs here, e.g. `90s`; after it, the old cluster continues the job
    /// [default: 10m]
    #[arg(long, value_name = "DURATION", requires = "replace", value_parser = humantime::parse_duration)]
    pub replace_timeout: Option<Duration>,

    /// Folder for the savepoint, e.g. `hdfs:///savepoints` [default: the old cluster's option for it]
    #[arg(long, value_name = "FOLDER", requires = "replace")]
    pub savepoint_folder: Option<String>,

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

impl JobOptions {
    /// The request for a plan.
    pub fn request(&self, environment: Vec<(String, String)>) -> Request {
        Request {
            jars: self.jars.clone(),
            job: Some(self.job()),
            local: self.local,
            replaces: self.wish(),
            ..self.common.request(environment)
        }
    }

    /// The cluster to replace.
    fn wish(&self) -> Option<Wish> {
        Some(Wish {
            old: self.replace.clone()?,
            folder: self.savepoint_folder.clone(),
            timeout: self.replace_timeout.unwrap_or(LONGEST_REPLACEMENT),
        })
    }

    fn job(&self) -> Job {
        match (&self.job_graph, &self.sql) {
            (Some(path), _) => Job::Graph(GraphFile {
                path: path.clone(),
                option: "--job-graph",
                savepoint: self.from_savepoint.clone(),
                allow_non_restored_state: self.allow_non_restored_state,
            }),
            (None, Some(path)) => Job::Sql(SqlFile::new(path.clone(), self.application())),
            (None, None) => Job::Application(self.application()),
        }
    }

    /// The application, in the form that Flink takes.
    fn application(&self) -> Application {
        Application {
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
        Request {
            workers: self.workers,
            job_manager: self.jobmanager.map(WhoRuns::value),
            ..self.place.request(environment)
        }
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

    fn job(arguments: &[&str]) -> Result<JobOptions, clap::Error> {
        let cli = Cli::try_parse_from(["flink-mesos", "job"].iter().chain(arguments))?;
        let Command::Job(job) = cli.command else { panic!("not a job") };
        Ok(job)
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
        let options = job(&arguments).unwrap();
        assert_eq!(options.jars, ["a.jar", "b.jar"]);
        assert!(options.common.place.dynamic.is_empty());
        let expected = Application {
            job_class: Some("a.B".to_owned()),
            job_id: Some(id),
            savepoint: Some("f:/s".to_owned()),
            allow_non_restored_state: true,
            arguments: ["in", "--host", "-Dx"].map(str::to_owned).to_vec(),
        };
        assert_eq!(options.job(), Job::Application(expected));
    }

    #[test]
    fn a_job_is_an_application_or_a_job_graph_or_a_file_of_sql() {
        let graph = job(&["--job-graph", "job.graph", "--from-savepoint", "f:/s"]).unwrap().job();
        let Job::Graph(graph) = graph else { panic!("{graph:?}") };
        assert_eq!((graph.path, graph.savepoint), ("job.graph".into(), Some("f:/s".to_owned())));
        let sql = job(&["--sql", "/job.sql", "--fromSavepoint", "f:/s"]).unwrap().job();
        let Job::Sql(sql) = sql else { panic!("{sql:?}") };
        assert_eq!(sql.application.arguments, ["/job.sql"]);
        assert_eq!(sql.application.savepoint, Some("f:/s".to_owned()));
        for more in [&["--sql", "b"][..], &["--job-classname", "C"], &["in"]] {
            assert!(job(&[&["--job-graph", "a"], more].concat()).is_err(), "{more:?}");
        }
        assert!(job(&["--sql", "a", "in"]).is_err());
        let alias = ["flink-mesos", "application", "--sql", "a"];
        assert!(matches!(Cli::try_parse_from(alias).unwrap().command, Command::Job(_)));
    }

    #[test]
    fn a_mistyped_option_is_not_taken_for_an_argument_of_main() {
        assert!(job(&["--job-clasname", "a.B"]).is_err());
        assert_eq!(job(&["--", "--host", "x"]).unwrap().arguments, ["--host", "x"]);
        assert!(
            job(&["--job-id", "17"]).unwrap_err().to_string().contains("32 hexadecimal digits")
        );
    }
}
