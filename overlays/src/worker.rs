//! The worker's description, and the agent's half of the overlays: from a description and a materialised manifest to a
//! command line.

use std::fmt;
use std::path::PathBuf;

use crate::command::CommandLine;
use crate::config::Configuration;

#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated from worker.proto, which documents the fields"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/flink_mesos.v1.rs"));
}

pub use generated::{ArtifactSource, Entry, WorkerSpec};

impl fmt::Debug for ArtifactSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArtifactSource")
            .field("urls", &self.urls)
            .field("manifest", &self.manifest)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if Configuration::is_secret(&self.key) { "******" } else { &self.value };
        write!(f, "{}={value:?}", self.key)
    }
}

/// A worker's sandbox. `flink/` is the materialised manifest and is never modified; `conf/`, `log/`, `tmp/` are the
/// worker's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// The sandbox's folder.
    pub path: PathBuf,
}

impl Sandbox {
    /// The materialised manifest.
    pub fn flink(&self) -> PathBuf {
        self.path.join("flink")
    }

    /// The worker's configuration.
    pub fn conf(&self) -> PathBuf {
        self.path.join("conf")
    }

    /// The worker's logs.
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The worker's temporary files.
    pub fn tmp(&self) -> PathBuf {
        self.path.join("tmp")
    }
}

/// Why a worker cannot be started here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {}

/// Writes the worker's final configuration into the sandbox, makes its folders, finds java and builds the command line.
/// `lookup` reads the agent's environment. Blocking.
pub fn apply(
    spec: &WorkerSpec,
    sandbox: &Sandbox,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<CommandLine, ApplyError> {
    todo!()
}
