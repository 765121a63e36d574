//! The messages that launch a worker: its task, its executor, and its description.

use std::{collections::BTreeMap, time::Duration};

use mesos::v1;
use overlays::worker::{ArtifactSource, WorkerSpec};
use prost::Message as _;

use crate::core::message::Launch;

/// How our executor gets onto an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutorDelivery {
    /// Installed on the agent, at this path.
    Installed(String),
    /// Fetched by Mesos from this URL of our artifact server.
    Fetched(String),
}

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

const EXECUTOR_FILE: &str = "flink-mesos-executor";
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

    fn command(&self, launch: &Launch) -> v1::CommandInfo {
        let installed = launch
            .installed_executor
            .as_deref()
            .map(|path| ExecutorDelivery::Installed(path.to_owned()));
        let (program, uris) = match installed.as_ref().unwrap_or(&self.executor) {
            ExecutorDelivery::Installed(path) => (path.clone(), Vec::new()),
            ExecutorDelivery::Fetched(address) => {
                let uri = v1::command_info::Uri {
                    value: address.clone(),
                    executable: Some(true),
                    extract: Some(false),
                    cache: Some(true),
                    output_file: Some(EXECUTOR_FILE.to_owned()),
                };
                (format!("./{EXECUTOR_FILE}"), vec![uri])
            }
        };
        let (user, environment) = (self.user.clone(), self.environment());
        if self.has_image() {
            // An image has its own working directory and entry point, so a shell finds the sandbox.
            let value =
                program.strip_prefix("./").map(|name| format!("exec \"$MESOS_SANDBOX/{name}\""));
            let value =
                value.unwrap_or_else(|| format!("exec '{}'", program.replace('\'', r"'\''")));
            let (shell, value) = (Some(true), Some(value));
            return v1::CommandInfo { uris, shell, value, user, environment, ..Default::default() };
        }
        v1::CommandInfo {
            uris,
            // Without a shell, nothing needs quoting.
            shell: Some(false),
            arguments: vec![program.clone()],
            value: Some(program),
            user,
            environment,
        }
    }

    fn environment(&self) -> Option<v1::Environment> {
        let variable = |(name, value): &(String, String)| v1::environment::Variable {
            name: name.clone(),
            value: Some(value.clone()),
            ..Default::default()
        };
        let variables: Vec<_> = self.variables.iter().map(variable).collect();
        (!variables.is_empty()).then_some(v1::Environment { variables })
    }

    fn has_image(&self) -> bool {
        let of_mesos = |container: &v1::ContainerInfo| {
            container.mesos.as_ref().is_some_and(|m| m.image.is_some())
        };
        self.container
            .as_ref()
            .is_some_and(|container| container.docker.is_some() || of_mesos(container))
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::{
        ids::WorkerId,
        resources::{Demand, Pool},
        state::AgentProfile,
    };

    fn template(executor: ExecutorDelivery) -> Template {
        Template {
            executor,
            variables: vec![("LEVEL".to_owned(), "debug".to_owned())],
            user: Some("flink".to_owned()),
            labels: vec![("team".to_owned(), "blue".to_owned())],
            kill_grace: 5.0,
            limits: BTreeMap::from([("cpus".to_owned(), f64::INFINITY)]),
            hostname: Some("_TASK_.flink.mesos".to_owned()),
            container: None,
            spec: WorkerSpec { flink_version: "1.20.5".to_owned(), ..Default::default() },
        }
    }

    fn launch() -> Launch {
        let ranges =
            Some(v1::value::Ranges { range: vec![v1::value::Range { begin: 31000, end: 31000 }] });
        let port = v1::Resource { name: "ports".to_owned(), ranges, ..Default::default() };
        let demand = Demand { ports: vec!["taskmanager.rpc.port".into()], ..Default::default() };
        Launch {
            worker: WorkerId::new("e", 1),
            place: Arc::new(AgentProfile {
                agent: "A".to_owned(),
                hostname: "host".to_owned(),
                ..Default::default()
            }),
            taken: Pool::new(vec![port], &demand.needs())
                .take(&demand.needs(), &mut rand::SeedableRng::seed_from_u64(7))
                .unwrap(),
            installed_executor: None,
        }
    }

    fn task(template: &Template, launch: &Launch) -> v1::TaskInfo {
        template.task(launch, &v1::FrameworkId { value: "F".to_owned() }, "s3cret")
    }

    #[test]
    fn the_task_data_contains_id_ports_host_and_token() {
        let task = task(&template(ExecutorDelivery::Installed("/x".to_owned())), &launch());
        let spec = WorkerSpec::decode(task.data.unwrap()).unwrap();
        assert_eq!(spec.worker_id, "taskmanager-e-00001");
        assert_eq!(spec.hostname, "taskmanager-e-00001.flink.mesos");
        assert_eq!(spec.ports["taskmanager.rpc.port"], 31000);
        assert_eq!(spec.artifacts.unwrap().token, "s3cret");
    }

    #[test]
    fn mesos_gets_the_task_managers_grace_period_and_a_longer_one_for_its_executor() {
        let task = task(&template(ExecutorDelivery::Installed("/x".to_owned())), &launch());
        let nanoseconds = |duration: Option<v1::DurationInfo>| duration.unwrap().nanoseconds;
        let policy = task.kill_policy.unwrap();
        assert_eq!(nanoseconds(policy.grace_period), 5_000_000_000);
        assert_eq!(nanoseconds(task.executor.unwrap().shutdown_grace_period), 15_000_000_000);
    }

    #[test]
    fn limits_are_the_tasks_own() {
        let task = task(&template(ExecutorDelivery::Installed("/x".to_owned())), &launch());
        assert!(task.limits["cpus"].value.is_infinite());
    }

    #[test]
    fn the_token_is_only_in_the_task_data() {
        let mut task =
            task(&template(ExecutorDelivery::Fetched("http://am/x".to_owned())), &launch());
        task.data = None;
        assert!(!format!("{task:?}").contains("s3cret"));
    }

    #[test]
    fn an_executor_that_is_not_installed_is_fetched_by_mesos_and_executable() {
        let command =
            task(&template(ExecutorDelivery::Fetched("http://am/x".to_owned())), &launch());
        let command = command.executor.unwrap().command.unwrap();
        assert_eq!(command.value.as_deref(), Some("./flink-mesos-executor"));
        assert_eq!(
            (command.uris[0].value.as_str(), command.uris[0].executable),
            ("http://am/x", Some(true))
        );
        let variables = command.environment.unwrap().variables;
        assert_eq!(
            (variables[0].name.as_str(), variables[0].value.as_deref()),
            ("LEVEL", Some("debug"))
        );
    }

    #[test]
    fn an_agents_attribute_says_where_the_executor_is_installed() {
        let launch = Launch { installed_executor: Some("/opt/e".into()), ..launch() };
        let command = task(&template(ExecutorDelivery::Fetched("http://am/x".to_owned())), &launch);
        let command = command.executor.unwrap().command.unwrap();
        assert_eq!((command.value.as_deref(), command.uris.len()), (Some("/opt/e"), 0));
    }

    #[test]
    fn in_an_image_the_executor_is_found_in_the_sandbox() {
        let docker =
            v1::container_info::DockerInfo { image: "flink".to_owned(), ..Default::default() };
        let kind = v1::container_info::Type::Docker.into();
        let container =
            v1::ContainerInfo { r#type: kind, docker: Some(docker), ..Default::default() };
        let fetched = ExecutorDelivery::Fetched("http://am/x".to_owned());
        let template = Template { container: Some(container.clone()), ..template(fetched) };
        let executor = task(&template, &launch()).executor.unwrap();
        assert_eq!(executor.container, Some(container));
        let command = executor.command.unwrap();
        assert_eq!(command.value.as_deref(), Some("exec \"$MESOS_SANDBOX/flink-mesos-executor\""));
        assert_eq!((command.shell, command.uris.len()), (Some(true), 1));
        assert!(command.environment.is_some());
        let launch = Launch { installed_executor: Some("/o'e $(x)".into()), ..launch() };
        let command = task(&template, &launch).executor.unwrap().command.unwrap();
        assert_eq!(command.value.as_deref(), Some(r"exec '/o'\''e $(x)'"));
    }

    #[test]
    fn volumes_alone_need_no_shell() {
        let kind = v1::container_info::Type::Mesos.into();
        let container = v1::ContainerInfo { r#type: kind, ..Default::default() };
        let installed = ExecutorDelivery::Installed("/x".to_owned());
        let template = Template { container: Some(container), ..template(installed) };
        assert_eq!(
            task(&template, &launch()).executor.unwrap().command.unwrap().shell,
            Some(false)
        );
    }
}
