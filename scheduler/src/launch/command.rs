//! The command that starts an executor, installed or fetched, in an image or not.

use mesos::v1;

use super::Template;
use crate::core::message::Launch;

const EXECUTOR_FILE: &str = "flink-mesos-executor";

/// How our executor gets onto an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutorDelivery {
    /// Installed on the agent, at this path.
    Installed(String),
    /// Fetched by Mesos from this URL of our artifact server.
    Fetched(String),
}

impl Template {
    pub(super) fn command(&self, launch: &Launch) -> v1::CommandInfo {
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
}
