//! Everything that is known and checked before anything is started. An [`Inspection`] reads and
//! checks it in one pass: `flink-mesos config check` prints what it found, and a start goes on with
//! the [`Plan`] that it made.
//!
//! Each part is checked on its own, so that one round of corrections is enough.

mod application;
mod certificates;
mod configuration;
mod folders;
mod inspection;
mod job;
mod marathon;
mod processes;
mod secrets;
mod shipped;
mod stored;
#[cfg(test)]
pub(crate) mod tests;
mod writers;

use std::{path::PathBuf, sync::Arc};

use flink::{config::Configuration, home::FlinkHome, java::Java};
use mesos::master::MasterUrl;

pub use self::{
    certificates::Trusted,
    configuration::{configuration, home},
    folders::logs,
    inspection::{Found, Inspection},
    job::Job,
};
pub(crate) use self::{
    job::user_jars,
    stored::{compare, note},
};
use crate::{
    address::{Addresses, Ports},
    environment::Lookup,
    failure::Failure,
    job_file::ToolsJar,
    replacement::Wish,
    settings::Settings,
};

/// The input from command line and environment.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `--flink-home`, else `FLINK_HOME`.
    pub flink_home: Option<PathBuf>,
    /// `--conf-dir`, else `FLINK_CONF_DIR`.
    pub conf_dir: Option<PathBuf>,
    /// The value of each `-D`.
    pub dynamic: Vec<String>,
    /// `--workers`.
    pub workers: Option<usize>,
    /// `--jobmanager`.
    pub job_manager: Option<&'static str>,
    /// `--jars`.
    pub jars: Vec<String>,
    /// The job of a cluster of its own; `None` for a session.
    pub job: Option<Job>,
    /// For the Mesos for a laptop.
    pub local: bool,
    /// The cluster to replace.
    pub replaces: Option<Wish>,
    /// The environment variables.
    pub environment: Vec<(String, String)>,
}

/// A checked installation.
#[derive(Debug)]
pub struct Plan {
    /// Warnings about it.
    pub warnings: Vec<String>,
    /// The Flink distribution.
    pub home: FlinkHome,
    /// The job of a cluster of its own; `None` for a session.
    pub job: Option<Job>,
    /// Keeps the jar with our own Java classes that the job needs.
    pub(crate) _tools: Option<ToolsJar>,
    /// The effective configuration, with the JobManager's hosts and ports.
    pub config: Configuration,
    /// Our own options.
    pub settings: Settings,
    /// The Mesos master.
    pub master: MasterUrl,
    /// The java program of the JobManager.
    pub java: Java,
    /// The configured folder of the JobManager's log.
    pub logs: PathBuf,
    /// The JobManager's addresses.
    pub addresses: Addresses,
    /// Our ports.
    pub ports: Ports,
    /// The certificates to trust for servers that speak TLS.
    pub trusted: Trusted,
}

impl Plan {
    /// Reads and checks everything; contacts nothing beyond this machine.
    ///
    /// # Errors
    /// All problems, if one of them is fatal.
    pub async fn make(request: Request, lookup: Arc<Lookup>) -> Result<Self, Failure> {
        Inspection::of(request, lookup).await.map_err(Failure::other)?.plan()
    }
}
