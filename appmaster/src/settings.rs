//! The application master's options, read from Flink's configuration: typed, checked, with
//! defaults.

mod artifact_server;
mod constraints;
mod container;
mod control;
mod demand;
mod executor;
mod framework;
mod jaas;
mod offers;
mod public;
mod state;
mod tls;
mod uris;
mod zookeeper;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use flink::{
    config::{Configuration, ConfigurationError},
    memory::{MemoryError, TaskManagerMemory},
    options::{
        flink::RESOURCEMANAGER_TASKMANAGER_REGISTRATION_TIMEOUT,
        mesos::{
            DECLINED_OFFER_REFUSE_DURATION, EXECUTOR_BINARY, INITIAL_TASKS, MASTER,
            STATE_FORGET_FRAMEWORK, TASKS_BOOTSTRAP_CMD, TASKS_HOSTNAME, TASKS_TASK_MANAGER_CMD,
            TASKS_USER, WORKER_AVOIDED_AGENTS, WORKER_KILL_GRACE, WORKER_LAUNCH_TIMEOUT,
            WORKER_MAX_UNAVAILABLE, WORKER_SURGE, WORKER_UNREACHABLE_REPLACE_AFTER, WORKERS,
        },
    },
    version::FlinkVersion,
};
use mesos::{
    master::{MasterUrl, ParseMasterError},
    scheduler::Credential,
    v1,
};
use scheduler::{
    core::{self, resources::Demand, state::Move, worker::Patience},
    launch::{EXECUTORS_MARGIN, ExecutorDelivery},
};

pub use self::artifact_server::{ArtifactServerSettings, artifact_server};
pub use self::control::{ControlSettings, control};
pub use self::framework::{credential, registration};
pub use self::offers::constraints as offer_constraints;
pub use self::state::{StateLocation, state_location};
pub use self::tls::{Endpoint, Tls, rest_tls, tls};
pub use self::uris::{TAKEN, TaskUri, TaskUris, task_uris};
use self::{
    constraints::constraints,
    container::container,
    demand::{demand, limits},
    framework::{framework, special},
};

/// Why the options cannot be used. The user can fix all of these.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A value has the wrong form.
    #[error(transparent)]
    Form(#[from] ConfigurationError),
    /// A value has the right form but makes no sense.
    #[error("{key}: {value}: {reason}")]
    Value {
        /// The option.
        key: &'static str,
        /// Its value.
        value: String,
        /// The error, and what is allowed.
        reason: String,
    },
    /// A file that an option names cannot be used, or a part of a value is invalid.
    #[error("{key}: {reason}")]
    File {
        /// The option.
        key: &'static str,
        /// The file or the part, and its error.
        reason: String,
    },
    /// An option for an unknown kind of source.
    #[error("{key}: {reason}")]
    Source {
        /// The option.
        key: String,
        /// The error, and what is allowed.
        reason: String,
    },
    /// A required option is missing.
    #[error("{key} must be configured: {hint}")]
    Missing {
        /// The option.
        key: &'static str,
        /// What to write.
        hint: &'static str,
    },
    /// The TaskManager's memory does not add up.
    #[error("the TaskManager's memory: {0}")]
    Memory(#[from] MemoryError),
}

impl SettingsError {
    /// The invalid option, if the error is about one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Form(
                ConfigurationError::Value { key, .. } | ConfigurationError::Range { key, .. },
            )
            | Self::Source { key, .. } => Some(key),
            Self::Value { key, .. } | Self::File { key, .. } | Self::Missing { key, .. } => {
                Some(key)
            }
            Self::Form(_) | Self::Memory(_) => None,
        }
    }
}

/// The application master's options.
#[derive(Debug)]
pub struct Settings {
    /// Our framework, as registered with the master.
    pub framework: v1::FrameworkInfo,
    /// Our credential at the master.
    pub credential: Option<Credential>,
    /// Number of TaskManagers to keep running.
    pub workers: usize,
    /// The settings of the scheduler's core.
    pub core: core::Settings,
    /// How much a TaskManager may use beyond its request if the host has room, by resource name.
    pub limits: BTreeMap<String, f64>,
    /// How long a TaskManager has to end before it is killed.
    pub kill_grace: Duration,
    /// The installed executor, or `None` to have Mesos fetch ours.
    pub executor: Option<ExecutorDelivery>,
    /// The executor's environment variables.
    pub executor_variables: Vec<(String, String)>,
    /// The executor binary to serve, if configured.
    pub executor_binary: Option<PathBuf>,
    /// How workers reach our artifact server.
    pub artifact_server: ArtifactServerSettings,
    /// Which servers speak TLS.
    pub tls: Tls,
    /// Additional files for the sandboxes.
    pub uris: TaskUris,
    /// The constraints that the master applies itself.
    pub offer_constraints: Option<v1::scheduler::OfferConstraints>,
    /// The smallest offer that can be used.
    pub least_offer: Option<v1::OfferFilters>,
    /// The control API.
    pub control: ControlSettings,
    /// Where the state is stored.
    pub state: StateLocation,
    /// The framework to forget, with its workers, if it is the stored one.
    pub forget_framework: Option<String>,
    /// User of executor and TaskManager.
    pub task_user: Option<String>,
    /// Labels of each task.
    pub labels: Vec<(String, String)>,
    /// `taskmanager.host`, with `_TASK_` for the worker's id.
    pub hostname: Option<String>,
    /// The workers' container, if it is more than the agent's own file system.
    pub container: Option<v1::ContainerInfo>,
    /// What the shell runs before a TaskManager.
    pub bootstrap_command: String,
    /// What the shell runs in place of a TaskManager's java.
    pub task_manager_command: String,
}

/// The executor's path in the packages.
pub const INSTALLED_EXECUTOR: &str = "/usr/bin/flink-mesos-executor";

impl Settings {
    /// Reads and checks all options but [`master`].
    pub fn read(config: &Configuration, flink: &FlinkVersion) -> Result<Self, SettingsError> {
        public::problems(config).next().map_or(Ok(()), Err)?;
        let memory = TaskManagerMemory::compute(config, flink)?;
        let demand = demand(config, &memory)?;
        let constraints = constraints(config)?;
        let framework = framework(config, &special(&demand, &constraints))?;
        Ok(Self {
            offer_constraints: offers::constraints(&framework.roles, &constraints),
            framework,
            control: control(config)?,
            credential: credential(config)?,
            workers: workers(config)?,
            limits: limits(config, &demand)?,
            least_offer: Some(offers::least(&demand)),
            kill_grace: config.read(&WORKER_KILL_GRACE)?,
            core: core_settings(config, demand)?,
            executor: executor::delivery(config)?,
            executor_variables: executor::variables(config)?,
            executor_binary: config.read(&EXECUTOR_BINARY)?.map(PathBuf::from),
            artifact_server: artifact_server(config)?,
            tls: tls(config)?,
            uris: task_uris(config)?,
            state: state_location(config)?,
            forget_framework: config.read(&STATE_FORGET_FRAMEWORK)?,
            task_user: config.read(&TASKS_USER)?,
            labels: public::labels(config)?,
            hostname: config.read(&TASKS_HOSTNAME)?,
            container: container(config)?,
            bootstrap_command: config.read(&TASKS_BOOTSTRAP_CMD)?.unwrap_or_default(),
            task_manager_command: config.read(&TASKS_TASK_MANAGER_CMD)?.unwrap_or_default(),
        })
    }

    /// Whether the state outlives this process.
    pub fn is_durable(&self) -> bool {
        !matches!(self.state, StateLocation::Memory)
    }
}

/// All errors that make [`Settings::read`] and [`master`] fail, not only the first.
pub fn problems(config: &Configuration, flink: &FlinkVersion) -> Vec<SettingsError> {
    let memory = TaskManagerMemory::compute(config, flink).map_err(SettingsError::from);
    let parts = [
        master(config).err(),
        memory.and_then(|memory| limits(config, &demand(config, &memory)?)).err(),
        config.read(&WORKER_KILL_GRACE).err().map(SettingsError::from),
        framework(config, &[]).err(),
        credential(config).err(),
        workers(config).err(),
        core_settings(config, Demand::default()).err(),
        executor::delivery(config).err(),
        executor::variables(config).err(),
        artifact_server(config).err(),
        tls(config).err(),
        task_uris(config).err(),
        control(config).err(),
        state_location(config).err(),
        container(config).err(),
    ];
    parts.into_iter().flatten().chain(public::problems(config)).collect()
}

/// Warns of a control API whose token and answers others can read on the network.
pub fn open_control(control: &ControlSettings, tls: &Tls) -> Option<String> {
    let ip = control.bind.ip();
    (!ip.is_loopback() && tls.control.is_none()).then(|| {
        format!(
            "the control API listens on {ip} without TLS: anyone on the network can read its token and stop the cluster. Set \
             mesos.control.ssl.enabled and a certificate, or remove mesos.control.bind-address"
        )
    })
}

/// The address of the Mesos master.
pub fn master(config: &Configuration) -> Result<MasterUrl, SettingsError> {
    let hint = "e.g. -Dmesos.master=zk://zk1:2181,zk2:2181/mesos, or host:port";
    let text = config.get(&MASTER).ok_or(SettingsError::Missing { key: MASTER.key(), hint })?;
    if text == "true" {
        // Set by `-Dkey` without a value.
        return Err(invalid(MASTER.key(), config, format!("no master: {hint}")));
    }
    let wrong = |error: ParseMasterError| {
        // It contains the value without its users.
        let reason = Configuration::without_secrets(&error.to_string()).into_owned();
        SettingsError::File { key: MASTER.key(), reason }
    };
    text.parse().map_err(wrong)
}

fn workers(config: &Configuration) -> Result<usize, SettingsError> {
    // The older option.
    let (workers, initial) = (config.read(&WORKERS)?, config.read(&INITIAL_TASKS)?);
    Ok(if config.contains(&WORKERS) { workers } else { initial.unwrap_or(workers) })
}

fn core_settings(config: &Configuration, demand: Demand) -> Result<core::Settings, SettingsError> {
    let decline = Duration::from_millis(config.read(&DECLINED_OFFER_REFUSE_DURATION)?);
    let patience = Patience {
        obey: config.read(&WORKER_KILL_GRACE)?.saturating_add(EXECUTORS_MARGIN),
        staging: config.read(&WORKER_LAUNCH_TIMEOUT)?,
        unreachable: config.read(&WORKER_UNREACHABLE_REPLACE_AFTER)?,
        registration: config.read(&RESOURCEMANAGER_TASKMANAGER_REGISTRATION_TIMEOUT)?,
        ..Patience::default()
    };
    Ok(core::Settings {
        demand,
        constraints: constraints(config)?,
        decline,
        decline_small: Duration::from_secs(300),
        patience,
        moving: moving(config)?,
        origin: std::sync::Arc::default(),
        registration: registration(config)?,
        avoided_share: config.read(&WORKER_AVOIDED_AGENTS)?,
    })
}

fn moving(config: &Configuration) -> Result<Move, SettingsError> {
    Ok(Move {
        surge: config.read(&WORKER_SURGE)?,
        max_unavailable: config.read(&WORKER_MAX_UNAVAILABLE)?,
    })
}

fn invalid(key: &'static str, config: &Configuration, reason: String) -> SettingsError {
    let value = Configuration::shown(key, config.get(key).unwrap_or_default());
    SettingsError::Value { key, value: value.into_owned(), reason }
}
