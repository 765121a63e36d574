//! The worker that a task describes, with what its configuration says to the executor itself.

use std::time::Duration;

use mesos::v1::TaskInfo;
use overlays::{
    config::{Configuration, Source},
    worker::WorkerSpec,
};
use prost::Message as _;

/// When the task is reported as running: `started`, once the process is there, or `listening`, once its data port is
/// open.
const RUNNING_WHEN: &str = "mesos.executor.running-when";

/// How long a TaskManager may take to register with the JobManager before it is reported as unhealthy.
const REGISTRATION_TIMEOUT: &str = "mesos.executor.registration-timeout";

/// As Flink's own `resourcemanager.taskmanager-registration.timeout`.
const DEFAULT_REGISTRATION_TIMEOUT: Duration = Duration::from_secs(300);

const DATA_PORT: &str = "taskmanager.data.port";

/// One worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    /// What it needs and how it is configured.
    pub spec: WorkerSpec,
    /// Report `TASK_RUNNING` only once the data port is open.
    pub wait_for_port: bool,
    /// The data port, where the offer gave one.
    pub data_port: Option<u16>,
    /// How long registering may take.
    pub registration_timeout: Duration,
}

impl Worker {
    /// The worker that the task's data describes, or what is wrong with the description.
    pub fn of(task: &TaskInfo) -> Result<Self, String> {
        let data = task.data.as_ref().ok_or("the task has no data; it must hold the worker's description")?;
        let spec = WorkerSpec::decode(data.as_ref())
            .map_err(|error| format!("the task's data is no description of a worker: {error}"))?;
        if spec.worker_id != task.task_id.value {
            let id = &spec.worker_id;
            return Err(format!("the task's data describes worker \"{id}\", not \"{}\"", task.task_id.value));
        }
        if spec.artifacts.as_ref().is_none_or(|artifacts| artifacts.urls.is_empty()) {
            return Err("the worker's description names no artifact server".to_owned());
        }
        Self::with_options(spec)
    }

    fn with_options(spec: WorkerSpec) -> Result<Self, String> {
        let mut config = Configuration::new();
        for entry in &spec.configuration {
            config.set(&entry.key, &entry.value, Source::Computed("the application master"));
        }
        let data_port = spec.ports.get(DATA_PORT).and_then(|port| u16::try_from(*port).ok()).filter(|port| *port > 0);
        let wait_for_port = match config.get(RUNNING_WHEN) {
            None | Some("started") => false,
            Some("listening") => data_port.is_some(),
            Some(other) => return Err(format!("{RUNNING_WHEN} is '{other}', allowed are 'started' and 'listening'")),
        };
        let timeout = config.get_duration(REGISTRATION_TIMEOUT).map_err(|error| error.to_string())?;
        let registration_timeout = timeout.unwrap_or(DEFAULT_REGISTRATION_TIMEOUT);
        Ok(Self { spec, wait_for_port, data_port, registration_timeout })
    }
}

#[cfg(test)]
mod tests {
    use overlays::worker::Entry;

    use super::*;

    fn worker(configuration: &[(&str, &str)], ports: &[(&str, u32)]) -> Result<Worker, String> {
        let entry = |(key, value): &(&str, &str)| Entry { key: (*key).into(), value: (*value).into() };
        Worker::with_options(WorkerSpec {
            configuration: configuration.iter().map(entry).collect(),
            ports: ports.iter().map(|(key, port)| ((*key).to_owned(), *port)).collect(),
            ..WorkerSpec::default()
        })
    }

    #[test]
    fn nothing_said_means_running_when_started_and_five_minutes() {
        let worker = worker(&[], &[(DATA_PORT, 31001), ("taskmanager.rpc.port", 31000)]).unwrap();
        assert!(!worker.wait_for_port && worker.data_port == Some(31001));
        assert_eq!(worker.registration_timeout, Duration::from_secs(300));
    }

    #[test]
    fn a_port_is_waited_for_when_there_is_one() {
        let listening = [(RUNNING_WHEN, "listening"), (REGISTRATION_TIMEOUT, "10 s")];
        let with_port = worker(&listening, &[(DATA_PORT, 31001)]).unwrap();
        assert!(with_port.wait_for_port && with_port.registration_timeout == Duration::from_secs(10));
        assert!(!worker(&listening, &[]).unwrap().wait_for_port);
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let error = worker(&[(RUNNING_WHEN, "soon")], &[]).unwrap_err();
        assert_eq!(error, "mesos.executor.running-when is 'soon', allowed are 'started' and 'listening'");
        assert!(worker(&[(REGISTRATION_TIMEOUT, "soon")], &[]).unwrap_err().contains(REGISTRATION_TIMEOUT));
    }
}
