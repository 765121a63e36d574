//! The worker that a task describes, and the configuration of the executor that comes with it.

use std::time::Duration;

use flink::{
    config::{Configuration, ConfigurationError, Source},
    options::{
        flink::TASKMANAGER_DATA_PORT,
        mesos::{
            EXECUTOR_CLASS_DATA_SHARING, EXECUTOR_OUTPUT_FILES, EXECUTOR_OUTPUT_SIZE,
            EXECUTOR_REGISTRATION_TIMEOUT, EXECUTOR_RUNNING_WHEN,
        },
    },
};
use mesos::v1::TaskInfo;
use overlays::worker::WorkerSpec;
use prost::Message as _;

use crate::{artifacts::CacheSettings, environment, rotation::OutputLimits};

/// One worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Worker {
    /// What the worker needs and how it is configured.
    pub spec: WorkerSpec,
    /// Report `TASK_RUNNING` only once the data port is open.
    pub wait_for_port: bool,
    /// The data port; none if the offer has none.
    pub data_port: Option<u16>,
    /// How long the TaskManager may take to register.
    pub registration_timeout: Duration,
    /// How much to keep of its standard output, and as much of its standard error.
    pub output: OutputLimits,
    /// Settings of the sidecar and of the cache that workers share.
    pub cache: CacheSettings,
    /// Whether to start with class data from the cache, or to leave some there.
    pub class_data_sharing: bool,
}

fn output_limits(config: &Configuration) -> Result<OutputLimits, ConfigurationError> {
    Ok(OutputLimits {
        size: config.read(&EXECUTOR_OUTPUT_SIZE)?.0,
        older: config.read(&EXECUTOR_OUTPUT_FILES)?,
    })
}

impl Worker {
    /// The worker that the task's data describes. The error is the task's status message.
    pub fn of(task: &TaskInfo) -> Result<Self, String> {
        let data = task
            .data
            .as_ref()
            .ok_or("the task has no data; it must contain the worker's description")?;
        let spec = WorkerSpec::decode(data.as_ref()).map_err(|error| {
            format!("the task's data is not the description of a worker: {error}")
        })?;
        if spec.worker_id != task.task_id.value {
            let id = &spec.worker_id;
            return Err(format!(
                "the task's data describes worker \"{id}\", not \"{}\"",
                task.task_id.value
            ));
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
        environment::check(
            spec.environment.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())),
        )?;
        let data_port = spec
            .ports
            .get(TASKMANAGER_DATA_PORT.key())
            .and_then(|port| u16::try_from(*port).ok())
            .filter(|port| *port > 0);
        let wait_for_port = match config.get(&EXECUTOR_RUNNING_WHEN) {
            None | Some("started") => false,
            Some("listening") => data_port.is_some(),
            Some(other) => {
                return Err(format!(
                    "{EXECUTOR_RUNNING_WHEN} is '{other}', allowed are 'started' and 'listening'"
                ));
            }
        };
        let invalid = |error: ConfigurationError| error.to_string();
        let registration_timeout = config.read(&EXECUTOR_REGISTRATION_TIMEOUT).map_err(invalid)?;
        let output = output_limits(&config).map_err(invalid)?;
        let cache = CacheSettings::of(&config)?;
        let class_data_sharing = config.read(&EXECUTOR_CLASS_DATA_SHARING).map_err(invalid)?;
        Ok(Self {
            spec,
            wait_for_port,
            data_port,
            registration_timeout,
            output,
            cache,
            class_data_sharing,
        })
    }
}

#[cfg(test)]
mod tests {
    use overlays::worker::Entry;

    use super::*;

    fn worker(configuration: &[(&str, &str)], ports: &[(&str, u32)]) -> Result<Worker, String> {
        let entry =
            |(key, value): &(&str, &str)| Entry { key: (*key).into(), value: (*value).into() };
        Worker::with_options(WorkerSpec {
            configuration: configuration.iter().map(entry).collect(),
            ports: ports.iter().map(|(key, port)| ((*key).to_owned(), *port)).collect(),
            ..WorkerSpec::default()
        })
    }

    #[test]
    fn by_default_a_task_runs_once_started_and_has_five_minutes_to_register() {
        let worker =
            worker(&[], &[(TASKMANAGER_DATA_PORT.key(), 31001), ("taskmanager.rpc.port", 31000)])
                .unwrap();
        assert!(!worker.wait_for_port && worker.data_port == Some(31001));
        assert_eq!(worker.registration_timeout, Duration::from_secs(300));
    }

    #[test]
    fn the_data_port_is_waited_for_if_there_is_one() {
        let listening = [
            (EXECUTOR_RUNNING_WHEN.key(), "listening"),
            (EXECUTOR_REGISTRATION_TIMEOUT.key(), "10 s"),
        ];
        let with_port = worker(&listening, &[(TASKMANAGER_DATA_PORT.key(), 31001)]).unwrap();
        assert!(
            with_port.wait_for_port && with_port.registration_timeout == Duration::from_secs(10)
        );
        assert!(!worker(&listening, &[]).unwrap().wait_for_port);
    }

    #[test]
    fn an_invalid_value_is_rejected_with_its_key() {
        let error = worker(&[(EXECUTOR_RUNNING_WHEN.key(), "soon")], &[]).unwrap_err();
        assert_eq!(
            error,
            "mesos.executor.running-when is 'soon', allowed are 'started' and 'listening'"
        );
        assert!(
            worker(&[(EXECUTOR_REGISTRATION_TIMEOUT.key(), "soon")], &[])
                .unwrap_err()
                .contains(EXECUTOR_REGISTRATION_TIMEOUT.key())
        );
        let error = worker(&[(EXECUTOR_OUTPUT_SIZE.key(), "1 kb")], &[]).unwrap_err();
        assert_eq!(error, "mesos.executor.output-size: 1 kb is out of range (4k to 1t)");
        let error = worker(&[(EXECUTOR_OUTPUT_FILES.key(), "-1")], &[]).unwrap_err();
        assert_eq!(error, "mesos.executor.output-files: -1 is out of range (0 to 1000)");
    }

    #[test]
    fn an_impossible_environment_variable_is_rejected_before_anything_is_fetched() {
        let entry = Entry { key: "A=B".into(), value: "hunter2".into() };
        let error =
            Worker::with_options(WorkerSpec { environment: vec![entry], ..WorkerSpec::default() })
                .unwrap_err();
        assert!(
            error.contains("\"A=B\" has an impossible name") && !error.contains("hunter2"),
            "{error}"
        );
    }

    #[test]
    fn class_data_is_shared_unless_disabled() {
        assert!(worker(&[], &[]).unwrap().class_data_sharing);
        assert!(
            !worker(&[(EXECUTOR_CLASS_DATA_SHARING.key(), "false")], &[])
                .unwrap()
                .class_data_sharing
        );
        assert!(
            worker(&[(EXECUTOR_CLASS_DATA_SHARING.key(), "maybe")], &[])
                .unwrap_err()
                .contains(EXECUTOR_CLASS_DATA_SHARING.key())
        );
    }

    #[test]
    fn output_is_bounded_by_default_and_as_configured() {
        assert_eq!(worker(&[], &[]).unwrap().output, OutputLimits { size: 10 << 20, older: 4 });
        let configured = worker(
            &[(EXECUTOR_OUTPUT_SIZE.key(), "1 mb"), (EXECUTOR_OUTPUT_FILES.key(), "0")],
            &[],
        )
        .unwrap();
        assert_eq!(configured.output, OutputLimits { size: 1 << 20, older: 0 });
    }
}
