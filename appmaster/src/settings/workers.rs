//! The TaskManagers: how many, what each needs of an agent, how its task looks, and what its
//! sandbox gets in addition to Flink.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use flink::{
    config::{Configuration, ConfigurationError},
    memory::TaskManagerMemory,
    options::{
        flink::RESOURCEMANAGER_TASKMANAGER_REGISTRATION_TIMEOUT,
        mesos::{
            DECLINED_OFFER_REFUSE_DURATION, TASKS_BOOTSTRAP_CMD, TASKS_HOSTNAME,
            TASKS_TASK_MANAGER_CMD, TASKS_USER, WORKER_AVOIDED_AGENTS, WORKER_KILL_GRACE,
            WORKER_LAUNCH_TIMEOUT, WORKER_MAX_UNAVAILABLE, WORKER_SURGE,
            WORKER_UNREACHABLE_REPLACE_AFTER,
        },
    },
    version::FlinkVersion,
};
use mesos::v1;
use scheduler::{
    core::{
        self,
        resources::Demand,
        state::{Move, Registration},
        worker::Patience,
    },
    launch::{EXECUTORS_MARGIN, ExecutorDelivery},
};

use super::{
    SettingsError, TaskUris,
    constraints::constraints,
    container::container,
    demand::{demand, limits},
    executor,
    public::labels,
    scaling::{ScalingSettings, scaling},
};
use crate::report::Report;

/// How long an offer is declined that is too small for a TaskManager.
const SMALL_OFFER_FILTER: Duration = Duration::from_secs(300);

/// The options of TaskManagers.
#[derive(Debug)]
pub struct WorkerSettings {
    /// How many TaskManagers there may be.
    pub scaling: ScalingSettings,
    /// The settings of the scheduler's core, but for the registration of our framework, and what
    /// TaskManagers are started for.
    pub core: core::Settings,
    /// How much a TaskManager may use beyond its request if the host has room, by resource name.
    pub limits: BTreeMap<String, f64>,
    /// How long a TaskManager has to end before it is killed.
    pub kill_grace: Duration,
    /// The installed executor, or `None` to have Mesos fetch ours.
    pub executor: Option<ExecutorDelivery>,
    /// The executor's environment variables.
    pub executor_variables: Vec<(String, String)>,
    /// Our executor's binary on this machine.
    pub executor_binary: PathBuf,
    /// User of executor and TaskManager.
    pub user: Option<String>,
    /// Labels of each task.
    pub labels: Vec<(String, String)>,
    /// `taskmanager.host`, with `_TASK_` for the worker's id.
    pub hostname: Option<String>,
    /// The container, if it is more than the agent's own file system.
    pub container: Option<v1::ContainerInfo>,
    /// Additional files for the sandboxes.
    pub uris: TaskUris,
    /// What the shell runs before a TaskManager.
    pub bootstrap_command: String,
    /// What the shell runs in place of a TaskManager's java.
    pub task_manager_command: String,
}

impl WorkerSettings {
    pub(super) fn read(
        config: &Configuration,
        flink: &FlinkVersion,
        report: &mut Report,
    ) -> Option<Self> {
        let memory = TaskManagerMemory::compute(config, flink);
        let memory = report.setting(config, memory.map_err(SettingsError::TaskManagerMemory));
        let scaling =
            memory.as_ref().and_then(|memory| report.setting(config, scaling(config, memory)));
        let demand = memory.and_then(|memory| report.setting(config, demand(config, &memory)));
        let limits =
            demand.as_ref().and_then(|demand| report.setting(config, limits(config, demand)));
        let constraints = report.setting(config, constraints(config));
        let core = report.setting(config, core_settings(config));
        let executor = report.setting(config, executor::delivery(config));
        let executor_variables = report.setting(config, executor::variables(config));
        let executor_binary = executor::binary(config, report);
        let labels = report.setting(config, labels(config));
        let container = report.setting(config, container(config));
        let uris = TaskUris::read(config, report);
        let kill_grace = report.setting(config, config.read(&WORKER_KILL_GRACE));
        let user = report.setting(config, config.read(&TASKS_USER));
        let hostname = report.setting(config, config.read(&TASKS_HOSTNAME));
        let bootstrap_command = report.setting(config, config.read(&TASKS_BOOTSTRAP_CMD));
        let task_manager_command = report.setting(config, config.read(&TASKS_TASK_MANAGER_CMD));
        Some(Self {
            scaling: scaling?,
            core: core::Settings { demand: demand?, constraints: constraints?, ..core? },
            limits: limits?,
            kill_grace: kill_grace?,
            executor: executor?,
            executor_variables: executor_variables?,
            executor_binary: executor_binary?,
            user: user?,
            labels: labels?,
            hostname: hostname?,
            container: container?,
            uris: uris?,
            bootstrap_command: bootstrap_command?.unwrap_or_default(),
            task_manager_command: task_manager_command?.unwrap_or_default(),
        })
    }
}

impl WorkerSettings {
    /// How many, and what each takes, for a person to confirm.
    pub fn summary(&self) -> String {
        let demand = &self.core.demand;
        let (cpus, mem) = (demand.total("cpus"), demand.total("mem"));
        format!(
            "TaskManagers: {}, each takes {cpus} cpus, {mem} MB, {} ports of Mesos",
            self.scaling.scale,
            demand.ports.len()
        )
    }
}

/// All but what the workers need of agents.
fn core_settings(config: &Configuration) -> Result<core::Settings, ConfigurationError> {
    let decline = Duration::from_millis(config.read(&DECLINED_OFFER_REFUSE_DURATION)?);
    let patience = Patience {
        obey: config.read(&WORKER_KILL_GRACE)?.saturating_add(EXECUTORS_MARGIN),
        staging: config.read(&WORKER_LAUNCH_TIMEOUT)?,
        unreachable: config.read(&WORKER_UNREACHABLE_REPLACE_AFTER)?,
        registration: config.read(&RESOURCEMANAGER_TASKMANAGER_REGISTRATION_TIMEOUT)?,
        ..Patience::default()
    };
    let moving = Move {
        surge: config.read(&WORKER_SURGE)?,
        max_unavailable: config.read(&WORKER_MAX_UNAVAILABLE)?,
    };
    Ok(core::Settings {
        demand: Demand::default(),
        constraints: Vec::new(),
        decline,
        decline_small: SMALL_OFFER_FILTER,
        patience,
        moving,
        origin: Arc::default(),
        registration: Registration::default(),
        avoided_share: config.read(&WORKER_AVOIDED_AGENTS)?,
    })
}
