//! The commands for a running application master.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::console::OutputForm;

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
    /// Show the last thousand steps of TaskManagers, with cause and initiator
    History,
    /// Move TaskManagers off an agent and launch none there; each is replaced before it stops
    /// (`mesos.worker.surge`)
    Drain {
        /// The agent's id or host name
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
    /// Forget the failures on one agent or on all, so that launches there continue at once
    ClearAgent {
        /// The agent's id or host name [default: all agents]
        agent: Option<String>,
    },
}
