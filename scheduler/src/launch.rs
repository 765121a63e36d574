//! The messages that launch a worker: its task, its executor, and its description.

mod command;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use mesos::v1;
use overlays::worker::{ArtifactSource, WorkerSpec};
use prost::Message as _;

pub use self::command::ExecutorDelivery;
use crate::core::message::Launch;

/// What all workers have in common.
#[derive(Clone, Debug)]
pub struct Template {
    /// How our executor gets onto agents that have no attribute for it.
    pub executor: ExecutorDelivery,
    /// Environment variables of the executor; they override those that the agent gives to all
    /// executors.
    pub variables: Vec<(String, String)>,
    /// The user that runs executor and TaskManager; the framework's if `None`.
    pub user: Option<String>,
    /// Labels of each task.
    pub labels: Vec<(String, String)>,
    /// How long a TaskManager has to end before it is killed, in seconds. Mesos gives its executor
    /// a little longer.
    pub kill_grace: f64,
    /// How much a TaskManager may use beyond its request if the host has room; see
    /// `TaskInfo.limits`.
    pub limits: BTreeMap<String, f64>,
    /// `taskmanager.host` of each worker, with `_TASK_` for its id; the agent's host name if
    /// `None`.
    pub hostname: Option<String>,
    /// The container; `None` for the agent's own file system.
    pub container: Option<v1::ContainerInfo>,
    /// The description of a worker, without what is different for each.
    pub spec: WorkerSpec,
}

/// The time an executor has for itself after its TaskManager's end.
pub const EXECUTORS_MARGIN: Duration = Duration::from_secs(10);

fn duration(seconds: f64) -> v1::DurationInfo {
    v1::DurationInfo { nanoseconds: (seconds * 1e9) as i64 }
}

impl Template {
    /// The task for `launch`. The worker's executor presents `token` to the artifact server.
    pub fn task(&self, launch: &Launch, framework: &v1::FrameworkId, token: &str) -> v1::TaskInfo {
        let id = launch.worker.as_str();
        v1::TaskInfo {
            name: id.to_owned(),
            task_id: v1::TaskId { value: id.to_owned() },
            agent_id: v1::AgentId { value: launch.place.agent.clone() },
            resources: launch.taken.task_resources(),
            executor: Some(self.executor(launch, framework)),
            data: Some(self.spec(launch, token).encode_to_vec().into()),
            labels: Some(self.labels()),
            kill_policy: Some(v1::KillPolicy { grace_period: Some(duration(self.kill_grace)) }),
            limits: self
                .limits
                .iter()
                .map(|(name, limit)| (name.clone(), v1::value::Scalar { value: *limit }))
                .collect(),
            ..Default::default()
        }
    }

    fn executor(&self, launch: &Launch, framework: &v1::FrameworkId) -> v1::ExecutorInfo {
        let id = launch.worker.as_str();
        v1::ExecutorInfo {
            r#type: Some(v1::executor_info::Type::Custom.into()),
            executor_id: v1::ExecutorId { value: id.to_owned() },
            framework_id: Some(framework.clone()),
            name: Some("Flink TaskManager".to_owned()),
            source: Some(id.to_owned()),
            command: Some(self.command(launch)),
            resources: launch.taken.executor_resources(),
            container: self.container.clone(),
            shutdown_grace_period: Some(duration(self.kill_grace + EXECUTORS_MARGIN.as_secs_f64())),
            ..Default::default()
        }
    }

    fn labels(&self) -> v1::Labels {
        let labels = self
            .labels
            .iter()
            .map(|(key, value)| v1::Label { key: key.clone(), value: Some(value.clone()) });
        v1::Labels { labels: labels.collect() }
    }

    fn spec(&self, launch: &Launch, token: &str) -> WorkerSpec {
        let id = launch.worker.as_str();
        let artifacts = self.spec.artifacts.clone().unwrap_or_default();
        let hostname = self.hostname.as_ref().map(|name| name.replace("_TASK_", id));
        WorkerSpec {
            worker_id: id.to_owned(),
            artifacts: Some(ArtifactSource { token: token.to_owned(), ..artifacts }),
            ports: launch
                .taken
                .ports()
                .map(|(key, port)| (key.to_owned(), u32::from(port)))
                .collect(),
            hostname: hostname.unwrap_or_else(|| launch.place.hostname.clone()),
            ..self.spec.clone()
        }
    }
}
