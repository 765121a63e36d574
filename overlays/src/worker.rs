//! The worker's description, which travels from scheduler to executor, and both of its ends.
//!
//! The application master makes a [`template()`] of what its overlays collected; the scheduler adds what is one
//! worker's own: its id, ports, host and token. On the agent, [`apply()`] turns the description and the materialised
//! manifest into a configuration in the sandbox and a command line. Secrets are not in the description: they are in
//! an artifact of their own, which only the worker's token opens.

use std::fmt;
use std::path::PathBuf;

use flink::config::Configuration;

use crate::overlay::SANDBOX;

mod apply;
mod template;

pub use apply::{ApplyError, apply};
pub use template::{has_secret_values, template};

/// Where the manifest has the worker's secrets.
const SECRETS: &str = "worker-secrets.pb";

#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated from worker.proto, which documents the fields"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/flink_mesos.v1.rs"));
}

use generated::WorkerSecrets;
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

impl Entry {
    fn new(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: value.to_owned() }
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

    /// A value with the sandbox's path where overlays could only say that it is there.
    fn located(&self, value: &str) -> String {
        value.replace(SANDBOX, &self.path.to_string_lossy())
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
