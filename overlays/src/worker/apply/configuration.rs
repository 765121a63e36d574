//! The worker's final configuration: what all workers have in common, the agent's own, this
//! worker's own.

use common::hosts::is_loopback;
use flink::config::{Configuration, Source};
use flink::hosts;
use flink::options::flink::{
    ENV_HADOOP_CONF_DIR, ENV_JAVA_DEFAULT_OPTS_TASKMANAGER, ENV_JAVA_HOME,
    EXECUTION_CHECKPOINTING_LOCAL_BACKUP_DIRS, IO_TMP_DIRS, PROCESS_TASKMANAGER_WORKING_DIR,
    STATE_BACKEND_ROCKSDB_LOCALDIR, TASKMANAGER_BIND_HOST as BIND, TASKMANAGER_HOST as HOST,
    TASKMANAGER_RESOURCE_ID, TASKMANAGER_STATE_LOCAL_ROOT_DIRS,
};

use super::ApplyError;
use crate::overlay::FOR_EXECUTORS;
use crate::worker::{Entry, Sandbox, WorkerSecrets, WorkerSpec};

/// Keys that an agent's operator may set for the workers there, as `FLINK_CONF_<key>`: disks, names
/// and proxies.
const AGENTS_OWN: &[&str] = &[
    ENV_HADOOP_CONF_DIR.key(),
    ENV_JAVA_DEFAULT_OPTS_TASKMANAGER.key(),
    ENV_JAVA_HOME.key(),
    EXECUTION_CHECKPOINTING_LOCAL_BACKUP_DIRS.key(),
    IO_TMP_DIRS.key(),
    PROCESS_TASKMANAGER_WORKING_DIR.key(),
    STATE_BACKEND_ROCKSDB_LOCALDIR.key(),
    BIND.key(),
    HOST.key(),
    TASKMANAGER_STATE_LOCAL_ROOT_DIRS.key(),
];

/// What all workers have in common, with what is this worker's own.
pub(super) fn configuration(
    spec: &WorkerSpec,
    secrets: &WorkerSecrets,
    sandbox: &Sandbox,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Configuration, ApplyError> {
    let mut config = Configuration::new();
    if let Ok(version) = spec.flink_version.parse() {
        config.read_as(version);
    }
    let entries = spec.configuration.iter().chain(&secrets.configuration);
    for Entry { key, value } in entries.filter(|entry| !entry.key.starts_with(FOR_EXECUTORS)) {
        let source = Source::Computed("the application master");
        if spec.yaml_keys.contains(key) {
            config.set_yaml(key, value, source);
        } else {
            config.set(key, sandbox.located(value), source);
        }
    }
    config.apply_environment_for(AGENTS_OWN, lookup);
    let mut own = |key: &str, value: &str| config.set(key, value, Source::Computed("the executor"));
    if spec.worker_id.is_empty() {
        return Err(ApplyError::Incomplete("worker id"));
    }
    own(TASKMANAGER_RESOURCE_ID.key(), &spec.worker_id);
    for (key, port) in &spec.ports {
        own(key, &port.to_string());
    }
    set_addresses(spec, &mut config)?;
    if !config.contains(&IO_TMP_DIRS) {
        let folders = lookup("_FLINK_TMP_DIR").filter(|folders| !folders.is_empty());
        let folders = folders.unwrap_or_else(|| sandbox.tmp().to_string_lossy().into_owned());
        config.set(&IO_TMP_DIRS, folders, Source::Computed("the executor"));
    }
    Ok(config)
}

/// A host that is configured, for all workers or by the agent, is kept; else the agent's name, and
/// all of its addresses to listen on. A configured host may name the worker as `_TASK_`, as
/// upstream's did.
fn set_addresses(spec: &WorkerSpec, config: &mut Configuration) -> Result<(), ApplyError> {
    let configured = config.get(&HOST).filter(|host| !host.is_empty() && !hosts::is_wildcard(host));
    let (whose, host) = match configured {
        Some(host) => (HOST.key(), host.replace("_TASK_", &spec.worker_id)),
        None if spec.hostname.is_empty() => return Err(ApplyError::Incomplete("host name")),
        None => ("the agent's host name (its option --hostname)", spec.hostname.clone()),
    };
    let checked = |whose: &'static str, host: &str| {
        let is_agents =
            config.source(whose).is_none_or(|source| matches!(source, Source::Environment(_)));
        let refused = || ApplyError::Host { whose, host: host.to_owned(), is_agents };
        hosts::checked(host).map(str::to_owned).ok_or_else(refused)
    };
    let host = checked(whose, &host)?;
    let bind = match config.get(&BIND).filter(|bind| !bind.is_empty()) {
        Some(bind) => checked(BIND.key(), bind)?,
        None if is_loopback(&host) => host.clone(),
        None if host.parse::<std::net::Ipv6Addr>().is_ok() => "::".to_owned(),
        None => "0.0.0.0".to_owned(),
    };
    config.set(&HOST, host, Source::Computed("the executor"));
    config.set(&BIND, bind, Source::Computed("the executor"));
    Ok(())
}
