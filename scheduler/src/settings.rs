//! The application master's own options, out of Flink's configuration: typed, checked, with defaults.

mod artifact_server;
mod constraints;
mod container;
mod control;
mod demand;
mod executor;
mod framework;
mod jaas;
mod offers;
mod state;
mod tls;
mod uris;
mod zookeeper;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use mesos::{master::MasterUrl, scheduler::Credential, v1};
use overlays::{
    config::{Configuration, ConfigurationError},
    flink::FlinkVersion,
    memory::{MemoryError, TaskManagerMemory},
    options,
};

pub use self::artifact_server::{ArtifactServerSettings, EXECUTOR_PORT, artifact_server};
pub use self::control::{CONTROL_PORT, ControlSettings, control};
pub use self::framework::registration;
pub use self::offers::constraints as offer_constraints;
pub use self::state::{StateLocation, state_location};
pub use self::tls::{Endpoint, Tls, rest_tls, tls};
pub use self::uris::{TAKEN, TaskUri, TaskUris, task_uris};
use self::{
    constraints::constraints,
    container::container,
    demand::{demand, limits},
    framework::{credential, framework, special},
};
use crate::{
    core::{self, message::Move, resources::Demand, worker::Patience},
    launch::{EXECUTORS_MARGIN, ExecutorDelivery},
};

/// Why the options cannot be used. All of these are the user's to mend.
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
        /// What is wrong with it and what is allowed.
        reason: String,
    },
    /// A number that is too small or too large.
    #[error("{key}: {value} is out of range ({allowed})")]
    Range {
        /// The option.
        key: &'static str,
        /// Its value.
        value: String,
        /// The least and the largest value, with the unit.
        allowed: String,
    },
    /// A file that an option names is of no use, or a value whose reason names the part that is wrong.
    #[error("{key}: {reason}")]
    File {
        /// The option.
        key: &'static str,
        /// The file and what is wrong with it.
        reason: String,
    },
    /// An option about a kind of source that there is not.
    #[error("{key}: {reason}")]
    Source {
        /// The option.
        key: String,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// An option that must be there is missing.
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
    /// The option that is wrong, if it is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Form(ConfigurationError::Value { key, .. }) | Self::Source { key, .. } => Some(key),
            Self::Value { key, .. } | Self::Range { key, .. } | Self::File { key, .. } | Self::Missing { key, .. } => {
                Some(key)
            }
            Self::Form(_) | Self::Memory(_) => None,
        }
    }
}

/// The application master's options.
#[derive(Debug)]
pub struct Settings {
    /// Who we are at the master.
    pub framework: v1::FrameworkInfo,
    /// How we show that.
    pub credential: Option<Credential>,
    /// How many TaskManagers are kept.
    pub workers: usize,
    /// What the scheduler's core goes by.
    pub core: core::Settings,
    /// What a TaskManager may use where there is room for more than it asks for, by the resource's name.
    pub limits: BTreeMap<String, f64>,
    /// How long a TaskManager has to end in order before it is killed.
    pub kill_grace: Duration,
    /// The installed executor, or `None` to have Mesos fetch ours.
    pub executor: Option<ExecutorDelivery>,
    /// What the executor finds in its environment.
    pub executor_variables: Vec<(String, String)>,
    /// Our own copy of the executor, if configured.
    pub executor_binary: Option<PathBuf>,
    /// How workers reach what we serve.
    pub artifact_server: ArtifactServerSettings,
    /// Who speaks TLS.
    pub tls: Tls,
    /// What else goes into the sandboxes.
    pub uris: TaskUris,
    /// The constraints that the master heeds itself.
    pub offer_constraints: Option<v1::scheduler::OfferConstraints>,
    /// What an offer must have at least to be of use.
    pub least_offer: Option<v1::OfferFilters>,
    /// The control API.
    pub control: ControlSettings,
    /// Where the state is kept.
    pub state: StateLocation,
    /// The framework that is to be forgotten, with its workers, if it is the one of the state.
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

/// Where the packages put the executor.
pub const INSTALLED_EXECUTOR: &str = "/usr/bin/flink-mesos-executor";
/// How long a TaskManager has to end in order, where nobody says otherwise.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// Where the Mesos master is.
pub const MASTER: &str = "mesos.master";
/// The framework that is to be forgotten.
pub const FORGET_FRAMEWORK: &str = "mesos.state.forget-framework";
/// The artifact server's port.
pub const ARTIFACT_PORT: &str = "mesos.resourcemanager.artifactserver.port";
impl Settings {
    /// Reads and checks all options but [`master`].
    pub fn read(config: &Configuration, flink: &FlinkVersion) -> Result<Self, SettingsError> {
        let memory = TaskManagerMemory::compute(config, flink)?;
        let demand = demand(config, &memory)?;
        let constraints = constraints(config)?;
        let framework = framework(config, &special(&demand, &constraints))?;
        let text = |key: &str| config.get(key).unwrap_or_default().to_owned();
        Ok(Self {
            offer_constraints: offers::constraints(&framework.roles, &constraints),
            framework,
            control: control(config)?,
            credential: credential(config)?,
            workers: workers(config)?,
            limits: limits(config, &demand)?,
            least_offer: Some(offers::least(&demand)),
            kill_grace: kill_grace(config)?,
            core: core_settings(config, demand)?,
            executor: executor::delivery(config)?,
            executor_variables: executor::variables(config)?,
            executor_binary: config.get("mesos.executor.binary").map(PathBuf::from),
            artifact_server: artifact_server(config)?,
            tls: tls(config)?,
            uris: task_uris(config)?,
            state: state_location(config)?,
            forget_framework: config.get(FORGET_FRAMEWORK).map(str::to_owned),
            task_user: config.get("mesos.resourcemanager.tasks.user").map(str::to_owned),
            labels: labels(config)?,
            hostname: config.get("mesos.resourcemanager.tasks.hostname").map(str::to_owned),
            container: container(config)?,
            bootstrap_command: text("mesos.resourcemanager.tasks.bootstrap-cmd"),
            task_manager_command: text("mesos.resourcemanager.tasks.taskmanager-cmd"),
        })
    }

    /// Whether there is something to come back to after this process has ended.
    pub fn is_durable(&self) -> bool {
        !matches!(self.state, StateLocation::Memory)
    }
}

/// Everything that keeps [`Settings::read`] and [`master`] from giving their answer, not only the first of it.
pub fn problems(config: &Configuration, flink: &FlinkVersion) -> Vec<SettingsError> {
    let memory = TaskManagerMemory::compute(config, flink).map_err(SettingsError::from);
    let parts = [
        master(config).err(),
        memory.and_then(|memory| limits(config, &demand(config, &memory)?)).err(),
        kill_grace(config).err(),
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
        labels(config).err(),
        container(config).err(),
    ];
    parts.into_iter().flatten().collect()
}

/// Warns of a control API whose token and answers others can read on the way.
pub fn open_control(control: &ControlSettings, tls: &Tls) -> Option<String> {
    let ip = control.bind.ip();
    (!ip.is_loopback() && tls.control.is_none()).then(|| {
        format!(
            "the control API listens on {ip} without TLS: anybody on the way can read its token and stop the cluster. Set \
             mesos.control.ssl.enabled and a certificate, or remove mesos.control.bind-address"
        )
    })
}

/// Where the Mesos master is.
pub fn master(config: &Configuration) -> Result<MasterUrl, SettingsError> {
    let hint = "e.g. -Dmesos.master=zk://zk1:2181,zk2:2181/mesos, or host:port";
    let text = config.get(MASTER).ok_or(SettingsError::Missing { key: MASTER, hint })?;
    if text == "true" {
        // What `-Dkey` without a value sets.
        return Err(invalid(MASTER, config, format!("no master: {hint}")));
    }
    // The reason holds the value, without its password.
    text.parse()
        .map_err(|e: mesos::master::ParseMasterError| SettingsError::File { key: MASTER, reason: e.to_string() })
}

/// A port option, 0 meaning any.
pub fn port(config: &Configuration, key: &'static str) -> Result<Option<u16>, SettingsError> {
    whole(config, key)
}

/// A whole number, in the bounds that the table of options has for it.
fn whole<T: TryFrom<i64>>(config: &Configuration, key: &'static str) -> Result<Option<T>, SettingsError> {
    let Some(number) = config.get_i64(key)? else { return Ok(None) };
    in_range(config, key)?;
    T::try_from(number)
        .map(Some)
        .map_err(|_| out_of_range(config, key, "a whole number that is not negative".to_owned()))
}

/// Whether the value is in the bounds that the table of options has for it.
fn in_range(config: &Configuration, key: &'static str) -> Result<(), SettingsError> {
    match options::out_of_range(config, key) {
        Some(allowed) => Err(out_of_range(config, key, allowed)),
        None => Ok(()),
    }
}

fn out_of_range(config: &Configuration, key: &'static str, allowed: String) -> SettingsError {
    let value = Configuration::shown(key, config.get(key).unwrap_or_default());
    SettingsError::Range { key, value: value.into_owned(), allowed }
}

fn workers(config: &Configuration) -> Result<usize, SettingsError> {
    Ok(whole(config, "mesos.workers")?.or(whole(config, "mesos.initial-tasks")?).unwrap_or(1))
}

fn core_settings(config: &Configuration, demand: Demand) -> Result<core::Settings, SettingsError> {
    let milliseconds = whole(config, "mesos.resourcemanager.declined-offer-refuse-duration")?.unwrap_or(5000);
    let normal = Patience::default();
    for key in ["mesos.worker.launch-timeout", "mesos.worker.unreachable-replace-after"] {
        in_range(config, key)?;
    }
    let patience = Patience {
        obey: kill_grace(config)?.saturating_add(EXECUTORS_MARGIN),
        staging: config.get_duration("mesos.worker.launch-timeout")?.unwrap_or(normal.staging),
        unreachable: config.get_duration("mesos.worker.unreachable-replace-after")?.unwrap_or(normal.unreachable),
        registration: config
            .get_duration("resourcemanager.taskmanager-registration.timeout")?
            .unwrap_or(normal.registration),
        ..normal
    };
    let decline = Duration::from_millis(milliseconds);
    Ok(core::Settings {
        demand,
        constraints: constraints(config)?,
        decline,
        hopeless: Duration::from_secs(300),
        patience,
        moving: moving(config)?,
        origin: std::sync::Arc::default(),
        registration: registration(config)?,
        avoided_share: avoided_share(config)?,
    })
}

fn kill_grace(config: &Configuration) -> Result<Duration, SettingsError> {
    const KEY: &str = "mesos.worker.kill-grace";
    in_range(config, KEY)?;
    Ok(config.get_duration(KEY)?.unwrap_or(KILL_GRACE))
}

fn moving(config: &Configuration) -> Result<Move, SettingsError> {
    let normal = Move::default();
    Ok(Move {
        surge: whole(config, "mesos.worker.surge")?.unwrap_or(normal.surge),
        max_unavailable: whole(config, "mesos.worker.max-unavailable")?.unwrap_or(normal.max_unavailable),
    })
}

fn avoided_share(config: &Configuration) -> Result<f64, SettingsError> {
    const KEY: &str = "mesos.worker.avoided-agents";
    in_range(config, KEY)?;
    Ok(config.get_f64(KEY)?.unwrap_or(0.25))
}

fn labels(config: &Configuration) -> Result<Vec<(String, String)>, SettingsError> {
    Ok(config.get_map("mesos.resourcemanager.tasks.labels")?.unwrap_or_default())
}

fn invalid(key: &'static str, config: &Configuration, reason: String) -> SettingsError {
    let value = Configuration::shown(key, config.get(key).unwrap_or_default());
    SettingsError::Value { key, value: value.into_owned(), reason }
}
