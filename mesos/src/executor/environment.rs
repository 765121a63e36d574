//! What an agent gives its executors in environment variables.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use crate::{
    duration::{MesosDuration, ParseDurationError},
    master::{HostPort, ParseMasterError},
    v1::{AgentId, ExecutorId, FrameworkId},
};

/// The environment of an executor, as Mesos 1.11 sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutorEnvironment {
    /// `MESOS_FRAMEWORK_ID`.
    pub framework_id: FrameworkId,
    /// `MESOS_EXECUTOR_ID`.
    pub executor_id: ExecutorId,
    /// `MESOS_SLAVE_ID`.
    pub agent_id: Option<AgentId>,
    /// `MESOS_AGENT_ENDPOINT`, or what follows the @ of `MESOS_SLAVE_PID`: `host:port`.
    pub agent_endpoint: String,
    /// What stands before the @ of `MESOS_SLAVE_PID`, with a slash: `/slave(1)`. Without it an
    /// all-in-one Mesos would take the master for the agent.
    pub path_prefix: String,
    /// `MESOS_SANDBOX`, or `MESOS_DIRECTORY`.
    pub sandbox: PathBuf,
    /// `MESOS_CHECKPOINT`: the agent may come back after a restart and wants its executors alive.
    pub checkpoint: bool,
    /// `MESOS_RECOVERY_TIMEOUT`: how long an agent may be away. 15 minutes when not set.
    pub recovery_timeout: Duration,
    /// `MESOS_SUBSCRIPTION_BACKOFF_MAX`: the longest wait between two attempts to subscribe. 2
    /// seconds when not set.
    pub subscription_backoff_max: Duration,
    /// `MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD`: the agent kills the container that long after
    /// SHUTDOWN. 5 seconds when not set.
    pub shutdown_grace_period: Duration,
    /// `MESOS_EXECUTOR_AUTHENTICATION_TOKEN`.
    pub token: Option<Token>,
    /// `MESOS_DOMAIN_SOCKET`: to be used instead of the endpoint.
    pub domain_socket: Option<PathBuf>,
    /// `MESOS_SSL_ENABLED` or `LIBPROCESS_SSL_ENABLED`.
    pub https: bool,
    /// `LIBPROCESS_SSL_VERIFY_SERVER_CERT` or its old name `LIBPROCESS_SSL_VERIFY_CERT`: with
    /// https, refuse an agent without a trusted certificate for its address. Off when not set, as
    /// for Mesos's own executors.
    pub verify_certificate: bool,
    /// `LIBPROCESS_SSL_CA_FILE`: certificates to trust instead of the machine's.
    pub ca_file: Option<PathBuf>,
}

/// The bearer token that an agent gave to its executor. A secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self(token)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// Why this is not the environment of an executor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// A variable that every agent sets.
    #[error("environment variable {0} is not set")]
    Missing(&'static str),
    /// The agent's process id, as Mesos has it.
    #[error("MESOS_SLAVE_PID is {0:?}, expected is like slave(1)@10.0.0.1:5051")]
    SlavePid(String),
    /// The agent's address.
    #[error("{variable}: {source}")]
    Endpoint {
        /// The variable.
        variable: &'static str,
        /// The error in its value.
        source: ParseMasterError,
    },
    /// A duration.
    #[error("{variable}: {source}")]
    Duration {
        /// The variable.
        variable: &'static str,
        /// The error in its value.
        source: ParseDurationError,
    },
}

impl ExecutorEnvironment {
    /// Reads the variables through `lookup`, which returns `None` for those that are not set.
    pub fn from_variables(
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, EnvironmentError> {
        let variables = Variables(&lookup);
        let pid = variables.required("MESOS_SLAVE_PID")?;
        let (name, address) =
            pid.split_once('@').ok_or_else(|| EnvironmentError::SlavePid(pid.clone()))?;
        let (variable, endpoint) = match variables.optional("MESOS_AGENT_ENDPOINT") {
            Some(endpoint) => ("MESOS_AGENT_ENDPOINT", endpoint),
            None => ("MESOS_SLAVE_PID", address.to_owned()),
        };
        HostPort::from_str(&endpoint)
            .map_err(|source| EnvironmentError::Endpoint { variable, source })?;
        let sandbox = variables
            .optional("MESOS_SANDBOX")
            .map_or_else(|| variables.required("MESOS_DIRECTORY"), Ok)?;
        Ok(Self {
            framework_id: variables.required("MESOS_FRAMEWORK_ID")?.into(),
            executor_id: variables.required("MESOS_EXECUTOR_ID")?.into(),
            agent_id: variables.optional("MESOS_SLAVE_ID").map(AgentId::from),
            agent_endpoint: endpoint,
            path_prefix: format!("/{name}"),
            sandbox: sandbox.into(),
            checkpoint: variables.flag("MESOS_CHECKPOINT"),
            recovery_timeout: variables
                .duration("MESOS_RECOVERY_TIMEOUT", Duration::from_secs(15 * 60))?,
            subscription_backoff_max: variables
                .duration("MESOS_SUBSCRIPTION_BACKOFF_MAX", Duration::from_secs(2))?,
            shutdown_grace_period: variables
                .duration("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", Duration::from_secs(5))?,
            token: variables.optional("MESOS_EXECUTOR_AUTHENTICATION_TOKEN").map(Token),
            domain_socket: variables.optional("MESOS_DOMAIN_SOCKET").map(PathBuf::from),
            https: variables.flag("MESOS_SSL_ENABLED") || variables.flag("LIBPROCESS_SSL_ENABLED"),
            verify_certificate: variables.flag("LIBPROCESS_SSL_VERIFY_SERVER_CERT")
                || variables.flag("LIBPROCESS_SSL_VERIFY_CERT"),
            ca_file: variables.optional("LIBPROCESS_SSL_CA_FILE").map(PathBuf::from),
        })
    }
}

struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn optional(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<String, EnvironmentError> {
        self.optional(name).ok_or(EnvironmentError::Missing(name))
    }

    /// True for what libprocess takes for true.
    fn flag(&self, name: &str) -> bool {
        self.optional(name).is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }

    fn duration(
        &self,
        name: &'static str,
        default: Duration,
    ) -> Result<Duration, EnvironmentError> {
        let Some(value) = self.optional(name) else { return Ok(default) };
        let parsed = value.parse::<MesosDuration>();
        parsed
            .map(|duration| duration.0)
            .map_err(|source| EnvironmentError::Duration { variable: name, source })
    }
}
