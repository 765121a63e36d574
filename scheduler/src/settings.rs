//! The application master's own options, out of Flink's configuration: typed, checked, with defaults.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use mesos::{
    master::MasterUrl,
    scheduler::Credential,
    v1::{self, framework_info::capability},
};
use overlays::{
    config::{Configuration, ConfigurationError},
    flink::FlinkVersion,
    memory::{MemoryError, TaskManagerMemory},
};

use crate::{
    core::{
        self,
        constraint::{Constraint, ConstraintError, Field, Operator},
        resources::Demand,
        worker::Patience,
    },
    election::ZooKeeperOptions,
    launch::ExecutorDelivery,
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
    /// An option that must be there is missing.
    #[error("{key} must be configured: {hint}")]
    Missing {
        /// The option.
        key: &'static str,
        /// What to write.
        hint: &'static str,
    },
    /// An option of Flink 1.13 that is not carried over (yet).
    #[error("{key} is not supported in this version of flink-mesos; remove it")]
    Unsupported {
        /// The option.
        key: &'static str,
    },
    /// The TaskManager's memory does not add up.
    #[error("the TaskManager's memory: {0}")]
    Memory(#[from] MemoryError),
}

impl SettingsError {
    /// The option that is wrong, if it is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Form(ConfigurationError::Value { key, .. }) => Some(key),
            Self::Value { key, .. } | Self::Missing { key, .. } | Self::Unsupported { key } => Some(key),
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
    /// The installed executor, or `None` to have Mesos fetch ours.
    pub executor: Option<ExecutorDelivery>,
    /// Our own copy of the executor, if configured.
    pub executor_binary: Option<PathBuf>,
    /// The artifact server's port; 0 is any.
    pub artifact_port: u16,
    /// Serve secrets to other machines without TLS.
    pub plain_secrets: bool,
    /// Where the state is kept.
    pub state: StateLocation,
    /// User of executor and TaskManager.
    pub task_user: Option<String>,
    /// Labels of each task.
    pub labels: Vec<(String, String)>,
    /// `taskmanager.host`, with `_TASK_` for the worker's id.
    pub hostname: Option<String>,
}

/// Where the application master's state is kept.
#[derive(Clone, Debug)]
pub enum StateLocation {
    /// In memory: the cluster ends with the application master.
    Memory,
    /// In a local directory.
    Directory(PathBuf),
    /// In ZooKeeper, where one of several application masters leads.
    ZooKeeper(ZooKeeperOptions),
}

/// Where the packages put the executor.
pub const INSTALLED_EXECUTOR: &str = "/usr/bin/flink-mesos-executor";
/// How long Mesos gives an executor to end: our own grace for the TaskManager and some more.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(15);

const MASTER: &str = "mesos.master";
/// The artifact server's port.
pub const ARTIFACT_PORT: &str = "mesos.resourcemanager.artifactserver.port";
const WEEK: i64 = 7 * 24 * 3600;
/// Options of upstream's module which would change where or how a worker runs, so that ignoring them would be wrong.
const UNSUPPORTED: &[&str] = &[
    "mesos.resourcemanager.tasks.bootstrap-cmd",
    "mesos.resourcemanager.tasks.container.image.name",
    "mesos.resourcemanager.tasks.container.volumes",
    "mesos.resourcemanager.tasks.taskmanager-cmd",
    "mesos.resourcemanager.tasks.uris",
];

impl Settings {
    /// Reads and checks all options but [`master`].
    pub fn read(config: &Configuration, flink: &FlinkVersion) -> Result<Self, SettingsError> {
        if let Some(unsupported) = unsupported(config).next() {
            return Err(unsupported);
        }
        let memory = TaskManagerMemory::compute(config, flink)?;
        let demand = demand(config, &memory)?;
        let gpus = demand.task.contains_key("gpus");
        Ok(Self {
            framework: framework(config, gpus)?,
            credential: credential(config)?,
            workers: workers(config)?,
            core: core_settings(config, demand)?,
            executor: executor(config)?,
            executor_binary: config.get("mesos.executor.binary").map(PathBuf::from),
            artifact_port: port(config, ARTIFACT_PORT)?.unwrap_or(0),
            plain_secrets: config.get_bool("mesos.resourcemanager.artifactserver.plain-secrets")?.unwrap_or(false),
            state: state_location(config)?,
            task_user: config.get("mesos.resourcemanager.tasks.user").map(str::to_owned),
            labels: labels(config)?,
            hostname: config.get("mesos.resourcemanager.tasks.hostname").map(str::to_owned),
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
        memory.and_then(|memory| demand(config, &memory)).err(),
        framework(config, false).err(),
        credential(config).err(),
        workers(config).err(),
        core_settings(config, Demand::default()).err(),
        executor(config).err(),
        port(config, ARTIFACT_PORT).err(),
        state_location(config).err(),
        labels(config).err(),
    ];
    unsupported(config).chain(parts.into_iter().flatten()).collect()
}

/// Where the Mesos master is.
pub fn master(config: &Configuration) -> Result<MasterUrl, SettingsError> {
    let hint = "e.g. -Dmesos.master=zk://zk1:2181,zk2:2181/mesos, or host:port";
    let text = config.get(MASTER).ok_or(SettingsError::Missing { key: MASTER, hint })?;
    text.parse().map_err(|e: mesos::master::ParseMasterError| invalid(MASTER, config, e.to_string()))
}

/// A port option, 0 meaning any.
pub fn port(config: &Configuration, key: &'static str) -> Result<Option<u16>, SettingsError> {
    let Some(number) = config.get_i64(key)? else { return Ok(None) };
    u16::try_from(number).map(Some).map_err(|_| invalid(key, config, "a port is a number from 0 to 65535".to_owned()))
}

fn unsupported(config: &Configuration) -> impl Iterator<Item = SettingsError> {
    const CONTAINER: &str = "mesos.resourcemanager.tasks.container.type";
    let keys = UNSUPPORTED.iter().filter(|key| config.get(key).is_some());
    let other = config.get(CONTAINER).filter(|kind| *kind != "mesos");
    let reason = "this version runs workers in Mesos containers only: `mesos`";
    keys.map(|key| SettingsError::Unsupported { key })
        .chain(other.map(|_| invalid(CONTAINER, config, reason.to_owned())))
}

fn demand(config: &Configuration, memory: &TaskManagerMemory) -> Result<Demand, SettingsError> {
    let slots = config.get_i64("taskmanager.numberOfTaskSlots")?.unwrap_or(1) as f64;
    let configured = config.get_f64("taskmanager.cpu.cores")?;
    let cpus = configured.or(config.get_f64("mesos.resourcemanager.tasks.cpus")?.filter(|n| *n > 0.0)).unwrap_or(slots);
    if cpus <= 0.0 {
        return Err(invalid("taskmanager.cpu.cores", config, "a TaskManager needs more than 0 cpus".to_owned()));
    }
    let mut task =
        BTreeMap::from([("cpus".to_owned(), cpus), ("mem".to_owned(), memory.total_process().mebibytes() as f64)]);
    let network = config.get("mesos.resourcemanager.network.resource.name").unwrap_or("network");
    let options = [
        ("mesos.resourcemanager.tasks.gpus", "gpus"),
        ("mesos.resourcemanager.tasks.disk", "disk"),
        ("mesos.resourcemanager.tasks.network.bandwidth", network),
    ];
    for (key, name) in options {
        let amount = config.get_i64(key)?.unwrap_or(0);
        if amount < 0 {
            return Err(invalid(key, config, "must not be negative".to_owned()));
        }
        if amount > 0 {
            task.insert(name.to_owned(), amount as f64);
        }
    }
    let executor = BTreeMap::from([
        ("cpus".to_owned(), positive(config, "mesos.executor.cpus", 0.1)?),
        ("mem".to_owned(), positive(config, "mesos.executor.mem", 32.0)?),
    ]);
    Ok(Demand { task, executor, ports: port_keys(config) })
}

fn port_keys(config: &Configuration) -> Vec<String> {
    let mut keys = vec!["taskmanager.data.port".to_owned(), "taskmanager.rpc.port".to_owned()];
    let more = config.get("mesos.resourcemanager.tasks.port-assignments").unwrap_or_default();
    for key in more.split(',').map(str::trim).filter(|key| !key.is_empty()) {
        if !keys.iter().any(|known| known == key) {
            keys.push(key.to_owned());
        }
    }
    keys
}

fn framework(config: &Configuration, gpus: bool) -> Result<v1::FrameworkInfo, SettingsError> {
    let text = |key: &str| config.get(&format!("mesos.resourcemanager.framework.{key}")).map(str::to_owned);
    let mut capabilities = vec![
        capability::Type::PartitionAware,
        capability::Type::MultiRole,
        capability::Type::TaskKillingState,
        capability::Type::ReservationRefinement,
    ];
    // Mesos keeps its GPU agents for frameworks that say so.
    capabilities.extend(gpus.then_some(capability::Type::GpuResources));
    let roles: Vec<String> =
        text("role").unwrap_or_else(|| "*".to_owned()).split(',').map(|r| r.trim().to_owned()).collect();
    let timeout = "mesos.failover-timeout";
    let failover = config.get_i64(timeout)?.unwrap_or(WEEK);
    if failover < 0 {
        return Err(invalid(timeout, config, "a number of seconds, not negative".to_owned()));
    }
    Ok(v1::FrameworkInfo {
        user: text("user").unwrap_or_default(),
        name: text("name").unwrap_or_else(|| "Flink".to_owned()),
        failover_timeout: Some(failover as f64),
        checkpoint: Some(true),
        roles,
        principal: text("principal"),
        capabilities: capabilities
            .into_iter()
            .map(|kind| v1::framework_info::Capability { r#type: Some(kind.into()) })
            .collect(),
        ..Default::default()
    })
}

fn credential(config: &Configuration) -> Result<Option<Credential>, SettingsError> {
    let principal = config.get("mesos.resourcemanager.framework.principal");
    let secret = config.get("mesos.resourcemanager.framework.secret");
    match (principal, secret) {
        (Some(principal), Some(secret)) => {
            Ok(Some(Credential { principal: principal.to_owned(), secret: secret.to_owned() }))
        }
        (None, Some(_)) => Err(SettingsError::Missing {
            key: "mesos.resourcemanager.framework.principal",
            hint: "mesos.resourcemanager.framework.secret alone says nothing",
        }),
        (_, None) => Ok(None),
    }
}

fn workers(config: &Configuration) -> Result<usize, SettingsError> {
    for key in ["mesos.workers", "mesos.initial-tasks"] {
        if let Some(number) = config.get_i64(key)? {
            return usize::try_from(number)
                .ok()
                .filter(|n| *n <= 100_000)
                .ok_or_else(|| invalid(key, config, "a number of TaskManagers from 0 to 100000".to_owned()));
        }
    }
    Ok(1)
}

fn core_settings(config: &Configuration, demand: Demand) -> Result<core::Settings, SettingsError> {
    let milliseconds = config.get_i64("mesos.resourcemanager.declined-offer-refuse-duration")?.unwrap_or(5000);
    let normal = Patience::default();
    let patience = Patience {
        staging: config.get_duration("mesos.worker.launch-timeout")?.unwrap_or(normal.staging),
        unreachable: config.get_duration("mesos.worker.unreachable-replace-after")?.unwrap_or(normal.unreachable),
        registration: config
            .get_duration("resourcemanager.taskmanager-registration.timeout")?
            .unwrap_or(normal.registration),
        ..normal
    };
    let decline = Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0));
    Ok(core::Settings {
        demand,
        constraints: constraints(config)?,
        decline,
        hopeless: Duration::from_secs(300),
        patience,
    })
}

/// Where the state is kept.
pub fn state_location(config: &Configuration) -> Result<StateLocation, SettingsError> {
    let key = "high-availability.type";
    // The name before Flink 1.17.
    let mode = config.get(key).or_else(|| config.get("high-availability")).unwrap_or("NONE");
    match mode.to_ascii_lowercase().as_str() {
        "none" | "" => {
            Ok(config.get("mesos.state.dir").map_or(StateLocation::Memory, |d| StateLocation::Directory(d.into())))
        }
        "zookeeper" => Ok(StateLocation::ZooKeeper(zookeeper(config)?)),
        _ => Err(invalid(key, config, "on Mesos it is NONE or zookeeper".to_owned())),
    }
}

fn zookeeper(config: &Configuration) -> Result<ZooKeeperOptions, SettingsError> {
    let quorum = "high-availability.zookeeper.quorum";
    let hint = "with high-availability.type: zookeeper, e.g. zk1:2181,zk2:2181,zk3:2181";
    let part = |key: &str, default: &str| {
        let text = config.get(key).unwrap_or(default).trim_matches('/').to_owned();
        if text.is_empty() { text } else { format!("/{text}") }
    };
    let root = part("high-availability.zookeeper.path.root", "/flink");
    let cluster = part("high-availability.cluster-id", "/default");
    let workers = part("high-availability.zookeeper.path.mesos-workers", "/mesos-workers");
    let timeout = config.get_duration("high-availability.zookeeper.client.session-timeout")?;
    let acl = "high-availability.zookeeper.client.acl";
    let creator_only = match config.get(acl).unwrap_or("open") {
        "open" => false,
        "creator" => true,
        _ => return Err(invalid(acl, config, "it is open or creator".to_owned())),
    };
    Ok(ZooKeeperOptions {
        quorum: config.get(quorum).ok_or(SettingsError::Missing { key: quorum, hint })?.to_owned(),
        base: format!("{root}{cluster}{workers}"),
        session_timeout: timeout.unwrap_or(Duration::from_secs(60)),
        digest: config.get("mesos.state.zookeeper.secret").map(str::to_owned),
        creator_only,
    })
}

/// Marathon's constraints, and upstream's `attribute:value` pairs, which all must hold.
fn constraints(config: &Configuration) -> Result<Vec<Constraint>, SettingsError> {
    let key = "mesos.constraints";
    let wrong = |e: ConstraintError| invalid(key, config, e.to_string());
    let mut constraints = config.get(key).map_or(Ok(Vec::new()), Constraint::parse_list).map_err(wrong)?;
    let key = "mesos.constraints.hard.hostattribute";
    for pair in config.get(key).unwrap_or_default().split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let form = || invalid(key, config, format!("{pair} is not of the form attribute:value"));
        let (name, value) = pair.split_once(':').ok_or_else(form)?;
        constraints.push(Constraint { field: Field::from(name), operator: Operator::Is(value.to_owned()) });
    }
    Ok(constraints)
}

fn executor(config: &Configuration) -> Result<Option<ExecutorDelivery>, SettingsError> {
    if let Some(path) = config.get("mesos.executor.command") {
        return Ok(Some(ExecutorDelivery::Installed(path.to_owned())));
    }
    let installed = config.get_bool("mesos.executor.installed")?.unwrap_or(false);
    Ok(installed.then(|| ExecutorDelivery::Installed(INSTALLED_EXECUTOR.to_owned())))
}

fn labels(config: &Configuration) -> Result<Vec<(String, String)>, SettingsError> {
    let key = "mesos.resourcemanager.tasks.labels";
    let text = config.get(key).unwrap_or_default();
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty()).map(|pair| {
        let (name, value) = pair.split_once(':').filter(|(_, value)| !value.contains(':'))?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    });
    pairs.collect::<Option<_>>().ok_or_else(|| invalid(key, config, "expected key1:value1,key2:value2".to_owned()))
}

fn positive(config: &Configuration, key: &'static str, default: f64) -> Result<f64, SettingsError> {
    match config.get_f64(key)? {
        None => Ok(default),
        Some(number) if number > 0.0 => Ok(number),
        Some(_) => Err(invalid(key, config, "must be more than 0".to_owned())),
    }
}

fn invalid(key: &'static str, config: &Configuration, reason: String) -> SettingsError {
    let value = if Configuration::is_secret(key) { "(hidden)" } else { config.get(key).unwrap_or_default() };
    SettingsError::Value { key, value: value.to_owned(), reason }
}
