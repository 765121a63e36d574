//! The agent's end: from a description and a materialised manifest to a configuration in the
//! sandbox and a command line.

use std::path::Path;

use flink::command::{self, CommandError, CommandLine, Directories};
use flink::home::{FlinkHome, FlinkHomeError};
use flink::java::{Java, JavaError};
use flink::options::mesos::EXECUTOR_JAVA_HOME;
use prost::Message;

use super::{Entry, SECRETS, Sandbox, WorkerSecrets, WorkerSpec};
use crate::overlay::AGENTS_PATH;

mod configuration;
mod links;
mod shell;

use configuration::configuration;
pub use shell::COMMAND_VARIABLE;

/// Why a worker cannot be started here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// The manifest holds no Flink that can be run.
    #[error(transparent)]
    Flink(#[from] FlinkHomeError),
    /// The manifest holds another Flink than the description says.
    #[error(
        "the artifacts contain Flink {found}, but the worker was described for Flink '{described}'"
    )]
    Version {
        /// What the manifest holds.
        found: flink::version::FlinkVersion,
        /// What the description says.
        described: String,
    },
    /// The description lacks something.
    #[error("the worker's description has no {0}")]
    Incomplete(&'static str),
    /// The artifact with the secrets is broken.
    #[error("{}: not a worker's secrets", path.display())]
    Secrets {
        /// The artifact.
        path: std::path::PathBuf,
    },
    /// A name for the sandbox that leads elsewhere.
    #[error(
        "the worker's description wants `{name}` in the sandbox to lead to `{target}`, which is not in its tree"
    )]
    Link {
        /// The name.
        name: String,
        /// Where it should lead.
        target: String,
    },
    /// A host that Flink's processes cannot be reached by.
    #[error("{whose}: '{host}' cannot be a host for Flink: expected {}", flink::hosts::FORM)]
    Host {
        /// The key, or where else it comes from.
        whose: &'static str,
        /// The host.
        host: String,
        /// The agent says so, not the configuration that all workers share.
        is_agents: bool,
    },
    /// No java to run it with.
    #[error(transparent)]
    Java(#[from] JavaError),
    /// No configuration or command line could be made.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A file or folder could not be read or written; the error names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Writes the worker's final configuration into the sandbox, makes its folders, finds java and
/// builds the command line. The class path leads to `tree`, if there is one: the same artifacts at
/// a place that stays the same from worker to worker. `lookup` reads the agent's environment; the
/// worker's own variables win over it. Blocking.
pub fn apply(
    spec: &WorkerSpec,
    sandbox: &Sandbox,
    tree: Option<&Path>,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<CommandLine, ApplyError> {
    let mut home = FlinkHome::open(&sandbox.flink(), None)?;
    home.jars_at = tree.map(Path::to_owned);
    if home.version.to_string() != spec.flink_version {
        return Err(ApplyError::Version {
            found: home.version,
            described: spec.flink_version.clone(),
        });
    }
    links::make(spec, sandbox)?;
    let secrets = read_secrets(sandbox)?;
    let environment: Vec<(String, String)> = spec
        .environment
        .iter()
        .chain(&secrets.environment)
        .map(|Entry { key, value }| (key.clone(), variable(key, &sandbox.located(value), lookup)))
        .collect();
    let lookup = |name: &str| {
        let own = environment.iter().rev().find(|(known, _)| known == name);
        own.map(|(_, value)| value.clone()).or_else(|| lookup(name))
    };

    let config = configuration(spec, &secrets, sandbox, &lookup)?;
    let java = match spec.java_home.as_str() {
        "" => Java::find(&config, &lookup)?,
        home => Java::in_home(home.as_ref(), EXECUTOR_JAVA_HOME.key())?,
    };
    java.check(&home.version)?;
    let directories = Directories { conf: sandbox.conf(), log: sandbox.log(), tmp: sandbox.tmp() };
    command::prepare(&home, &config, &directories)?;
    let mut command = command::task_manager(&home, &java, &config, &directories, &lookup)?;
    // Paths in a user's configuration may be relative to the sandbox, as they were upstream.
    command.directory.clone_from(&sandbox.path);
    command.environment.splice(0..0, environment.iter().cloned());
    shell::wrap(spec, &mut command, &lookup);
    Ok(command)
}

/// A variable's value, with the agent's `PATH` where overlays put something before or after it.
fn variable(name: &str, value: &str, lookup: &dyn Fn(&str) -> Option<String>) -> String {
    if name != "PATH" {
        return value.to_owned();
    }
    let path = lookup(name).unwrap_or_default();
    value.replace(AGENTS_PATH, &path).trim_end_matches(':').to_owned()
}

fn read_secrets(sandbox: &Sandbox) -> Result<WorkerSecrets, ApplyError> {
    let path = sandbox.flink().join(SECRETS);
    if !path.exists() {
        return Ok(WorkerSecrets::default());
    }
    let bytes = fs_err::read(&path)?;
    WorkerSecrets::decode(bytes.as_slice()).map_err(|_| ApplyError::Secrets { path })
}

#[cfg(test)]
mod tests;
