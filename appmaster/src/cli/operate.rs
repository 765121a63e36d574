//! The commands for a running application master.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{console::OutputForm, control::logs::LogFile};

/// How to reach a running application master.
#[derive(Args, Clone, Debug, Default)]
pub struct Contact {
    /// Name of the cluster (`mesos.resourcemanager.framework.name`) or its framework id, as shown by
    /// `flink-mesos list` [default: the only cluster found]
    #[arg(long, value_name = "NAME", global = true)]
    pub cluster: Option<String>,

    /// Mesos master to find the cluster at, e.g. `zk://zk1:2181/mesos` [default: clusters of this
    /// user on this machine, then `mesos.master` of `FLINK_CONF_DIR` or `FLINK_HOME`]
    #[arg(long, value_name = "MASTER", global = true)]
    pub master: Option<String>,

    /// Control API URL, as printed at startup, instead of a cluster's name
    #[arg(long, env = "FLINK_MESOS_CONTROL", value_name = "URL", global = true)]
    pub at: Option<String>,

    /// File with the control API token (`mesos.web.token`) [default:
    /// `FLINK_MESOS_CONTROL_TOKEN`, otherwise the run file of an application master of this user on
    /// this machine]
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<PathBuf>,

    /// PEM file with the authorities to trust for an `https` URL [default: those of the run file,
    /// otherwise this machine's]
    #[arg(long, value_name = "FILE", global = true)]
    pub authorities: Option<PathBuf>,
}

/// The form of an answer.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Form {
    /// Output format: text for people, or json for programs
    #[arg(
        long,
        value_enum,
        default_value_t,
        global = true,
        value_name = "text|json",
        hide_possible_values = true
    )]
    pub output: OutputForm,
}

/// Where to look for clusters.
#[derive(Args, Clone, Debug, Default)]
pub struct List {
    /// Mesos master whose clusters are listed too, e.g. `zk://zk1:2181/mesos` [default:
    /// `mesos.master` of `FLINK_CONF_DIR` or `FLINK_HOME`]
    #[arg(long, value_name = "MASTER")]
    pub master: Option<String>,

    /// The form of the answer.
    #[command(flatten)]
    pub form: Form,
}

/// A question to a running application master.
#[derive(Args, Clone, Debug, Default)]
pub struct Question {
    /// How to reach it.
    #[command(flatten)]
    pub contact: Contact,

    /// The form of the answer.
    #[command(flatten)]
    pub form: Form,
}

/// Which events to print.
#[derive(Args, Clone, Debug, Default)]
pub struct EventStream {
    /// How to ask.
    #[command(flatten)]
    pub question: Question,

    /// Print events as they come, until the cluster is stopped; continues with the next application
    /// master after a takeover
    #[arg(short, long)]
    pub follow: bool,
}

/// Which log to print.
#[derive(Args, Clone, Debug)]
pub struct Logs {
    /// How to reach the application master.
    #[command(flatten)]
    pub contact: Contact,

    /// `jobmanager`, or a TaskManager by its id or number, also one that has ended
    #[arg(value_name = "jobmanager|TASKMANAGER")]
    pub of: String,

    /// Which of its logs
    #[arg(long, value_enum, default_value_t)]
    pub file: LogFile,

    /// Print the whole log [default: its last 64 KiB]
    #[arg(long)]
    pub all: bool,

    /// Print what is added to the log, until you press Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
}

/// Commands for a running application master.
#[derive(Args, Clone, Debug)]
pub struct Workers {
    /// How to reach it.
    #[command(flatten)]
    pub contact: Contact,

    /// The form of the answer.
    #[command(flatten)]
    pub form: Form,

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
    /// Show the last thousand steps of TaskManagers, with cause and initiator
    History {
        /// Only this TaskManager: its id, or its number
        worker: Option<String>,
    },
    /// Move TaskManagers off an agent and launch none there; each is replaced before it stops
    /// (`mesos.worker.surge`)
    Drain {
        /// The agent's id or host name, or a part of it: `agent-7` for `agent-7.example.org`, `S3`
        agent: String,
    },
    /// Use a drained agent again
    Undrain {
        /// The agent's id or host name, as given to `drain`
        agent: String,
    },
    /// Replace all TaskManagers, stopping each only when enough others are registered
    Restart {
        /// Extra TaskManagers allowed during the restart
        #[arg(long, default_value_t = 1)]
        surge: usize,
        /// TaskManagers that may be missing during the restart
        #[arg(long, default_value_t = 0)]
        max_unavailable: usize,
    },
    /// Keep another number of TaskManagers until the next `scale`, also after a restart of the
    /// application master; overrides `mesos.workers`, `mesos.workers.min` and `mesos.workers.max`
    Scale {
        /// Fixed number N, which stops TaskManagers in use if there are more; or MIN..MAX or MIN..,
        /// between which the number follows the jobs; or `default` for what is configured
        #[arg(value_name = "N|MIN..MAX|MIN..|default")]
        workers: String,
    },
    /// Forget the failures on one agent or on all, so that launches there continue at once
    ClearAgent {
        /// The agent's id or host name [default: all agents]
        agent: Option<String>,
    },
}
