//! The worker that a task describes, and the configuration of the executor that comes with it.

use std::time::Duration;

use flink::config::{Configuration, Source};
use mesos::v1::TaskInfo;
use overlays::worker::WorkerSpec;
use prost::Message as _;

use crate::{artifacts::CacheSettings, process::environment};

/// When to report the task as running: `started` for once the process runs, or `listening` for once its data port is
/// open.
const RUNNING_WHEN: &str = "mesos.executor.running-when";

/// How long a TaskManager may take to register with the JobManager before it is reported as unhealthy.
const REGISTRATION_TIMEOUT: &str = "mesos.executor.registration-timeout";

/// The default of Flink's own `resourcemanager.taskmanager-registration.timeout`.
const DEFAULT_REGISTRATION_TIMEOUT: Duration = Duration::from_secs(300);

/// Size at which a file of the TaskManager's standard output or error is rotated.
const OUTPUT_SIZE: &str = "mesos.executor.output-size";

/// How many rotated files of each are kept.
const OUTPUT_FILES: &str = "mesos.executor.output-files";

/// The smallest size that is accepted, in bytes: a rotation every few lines helps nobody.
const LEAST_OUTPUT_SIZE: u64 = 4 << 10;

const MOST_OUTPUT_FILES: u32 = 1000;

/// Whether TaskManagers share class data through the cache.
const CLASS_DATA_SHARING: &str = "mesos.executor.class-data-sharing";

const DATA_PORT: &str = "taskmanager.data.port";

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

/// How much of an output stream is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimits {
    /// Size of one file in bytes; the line that reaches it is the file's last.
    pub size: u64,
    /// How many rotated files are kept beside the newest.
    pub older: u32,
}

impl Default for OutputLimits {
    fn default() -> Self {
        Self { size: 10 << 20, older: 4 }
    }
}

impl OutputLimits {
    fn of(config: &Configuration) -> Result<Self, String> {
        let default = Self::default();
        let size = config.get_memory(OUTPUT_SIZE).map_err(|error| error.to_string())?.map(|size| size.0);
        if let Some(size) = size.filter(|size| *size < LEAST_OUTPUT_SIZE) {
            return Err(format!("{OUTPUT_SIZE} is {size} bytes, allowed are {LEAST_OUTPUT_SIZE} and more"));
        }
        let older = match config.get_i64(OUTPUT_FILES).map_err(|error| error.to_string())? {
            None => default.older,
            Some(files) => u32::try_from(files)
                .ok()
                .filter(|files| *files <= MOST_OUTPUT_FILES)
                .ok_or_else(|| format!("{OUTPUT_FILES} is {files}, allowed are 0 to {MOST_OUTPUT_FILES}"))?,
        };
        Ok(Self { size: size.unwrap_or(default.size), older })
    }
}

impl Worker {
    /// The worker that the task's data describes. The error is the task's status message.
    pub fn of(task: &TaskInfo) -> Result<Self, String> {
        let data = task.data.as_ref().ok_or("the task has no data; it must contain the worker's description")?;
        let spec = WorkerSpec::decode(data.as_ref())
            .map_err(|error| format!("the task's data is not the description of a worker: {error}"))?;
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
        environment::check(spec.environment.iter().map(|entry| (entry.key.as_str(), entry.value.as_str())))?;
        let data_port = spec.ports.get(DATA_PORT).and_then(|port| u16::try_from(*port).ok()).filter(|port| *port > 0);
        let wait_for_port = match config.get(RUNNING_WHEN) {
            None | Some("started") => false,
            Some("listening") => data_port.is_some(),
            Some(other) => return Err(format!("{RUNNING_WHEN} is '{other}', allowed are 'started' and 'listening'")),
        };
        let timeout = config.get_duration(REGISTRATION_TIMEOUT).map_err(|error| error.to_string())?;
        let registration_timeout = timeout.unwrap_or(DEFAULT_REGISTRATION_TIMEOUT);
        let output = OutputLimits::of(&config)?;
        let cache = CacheSettings::of(&config)?;
        let sharing = config.get_bool(CLASS_DATA_SHARING).map_err(|error| error.to_string())?;
        let class_data_sharing = sharing.unwrap_or(true);
        Ok(Self { spec, wait_for_port, data_port, registration_timeout, output, cache, class_data_sharing })
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
    fn by_default_a_task_runs_once_started_and_has_five_minutes_to_register() {
        let worker = worker(&[], &[(DATA_PORT, 31001), ("taskmanager.rpc.port", 31000)]).unwrap();
        assert!(!worker.wait_for_port && worker.data_port == Some(31001));
        assert_eq!(worker.registration_timeout, Duration::from_secs(300));
    }

    #[test]
    fn the_data_port_is_waited_for_if_there_is_one() {
        let listening = [(RUNNING_WHEN, "listening"), (REGISTRATION_TIMEOUT, "10 s")];
        let with_port = worker(&listening, &[(DATA_PORT, 31001)]).unwrap();
        assert!(with_port.wait_for_port && with_port.registration_timeout == Duration::from_secs(10));
        assert!(!worker(&listening, &[]).unwrap().wait_for_port);
    }

    #[test]
    fn an_invalid_value_is_rejected_with_its_key() {
        let error = worker(&[(RUNNING_WHEN, "soon")], &[]).unwrap_err();
        assert_eq!(error, "mesos.executor.running-when is 'soon', allowed are 'started' and 'listening'");
        assert!(worker(&[(REGISTRATION_TIMEOUT, "soon")], &[]).unwrap_err().contains(REGISTRATION_TIMEOUT));
        let error = worker(&[(OUTPUT_SIZE, "1 kb")], &[]).unwrap_err();
        assert_eq!(error, "mesos.executor.output-size is 1024 bytes, allowed are 4096 and more");
        let error = worker(&[(OUTPUT_FILES, "-1")], &[]).unwrap_err();
        assert_eq!(error, "mesos.executor.output-files is -1, allowed are 0 to 1000");
    }

    #[test]
    fn an_impossible_environment_variable_is_rejected_before_anything_is_fetched() {
        let entry = Entry { key: "A=B".into(), value: "hunter2".into() };
        let error = Worker::with_options(WorkerSpec { environment: vec![entry], ..WorkerSpec::default() }).unwrap_err();
        assert!(error.contains("\"A=B\" has an impossible name") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn class_data_is_shared_unless_disabled() {
        assert!(worker(&[], &[]).unwrap().class_data_sharing);
        assert!(!worker(&[(CLASS_DATA_SHARING, "false")], &[]).unwrap().class_data_sharing);
        assert!(worker(&[(CLASS_DATA_SHARING, "maybe")], &[]).unwrap_err().contains(CLASS_DATA_SHARING));
    }

    #[test]
    fn output_is_bounded_by_default_and_as_configured() {
        assert_eq!(worker(&[], &[]).unwrap().output, OutputLimits { size: 10 << 20, older: 4 });
        let configured = worker(&[(OUTPUT_SIZE, "1 mb"), (OUTPUT_FILES, "0")], &[]).unwrap();
        assert_eq!(configured.output, OutputLimits { size: 1 << 20, older: 0 });
    }
}
