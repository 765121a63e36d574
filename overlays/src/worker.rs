//! The worker's description, which travels from scheduler to executor, and both of its ends.
//!
//! The application master makes a [`template()`] of what its overlays collected; the scheduler adds
//! what is one worker's own: its id, ports, host and token. On the agent, [`apply()`] turns the
//! description and the materialised manifest into a configuration in the sandbox and a command
//! line. Secrets are not in the description: they are in an artifact of their own, which only the
//! worker's token opens.

use std::fmt;
use std::path::PathBuf;

use flink::config::Configuration;

use crate::overlay::SANDBOX;

mod apply;
mod template;

pub use apply::{ApplyError, COMMAND_VARIABLE, apply};
pub use template::{names_of_secrets, template};

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

/// In place of a digest, for executors that would not fetch the secrets.
const TOO_OLD: &str = "manifest with secrets, for executors after version 0.1.0";

impl ArtifactSource {
    /// With the digests of the manifest without secrets, and of the manifest of the secrets if
    /// there are any.
    #[must_use]
    pub fn of(manifest: String, secrets: Option<String>) -> Self {
        match secrets {
            None => Self { manifest, ..Self::default() },
            Some(secrets) => {
                Self { manifest: TOO_OLD.to_owned(), shared: manifest, secrets, ..Self::default() }
            }
        }
    }

    /// The digest of the manifest without secrets, if the description is right.
    pub fn shared_manifest(&self) -> &str {
        if self.secrets.is_empty() { &self.manifest } else { &self.shared }
    }
}

impl fmt::Debug for ArtifactSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArtifactSource")
            .field("urls", &self.urls)
            .field("manifest", &self.shared_manifest())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = Configuration::shown(&self.key, &self.value);
        write!(f, "{}={value:?}", self.key)
    }
}

impl Entry {
    fn new(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: value.to_owned() }
    }
}

/// A worker's sandbox. `flink/` is the materialised manifest and is never modified; `conf/`,
/// `log/`, `tmp/` are the worker's own.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_of_secrets_is_not_shown_and_executors_that_would_not_fetch_it_find_no_digest() {
        let source = ArtifactSource::of("a".repeat(64), Some("b".repeat(64)));
        assert_eq!(
            (source.shared_manifest(), source.manifest.as_str()),
            ("a".repeat(64).as_str(), TOO_OLD)
        );
        let shown = format!("{source:?}");
        assert!(shown.contains("aaa") && !shown.contains("bbb"), "{shown}");
        assert_eq!(ArtifactSource::of("a".repeat(64), None).manifest, "a".repeat(64));
    }
}
