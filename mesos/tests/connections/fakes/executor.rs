//! The executor's side of a test: the environment that an agent gives it.

use mesos::executor::ExecutorEnvironment;

/// The variables that every agent sets, with `more` before them.
pub(crate) fn variable(
    agent: &str,
    name: &str,
    more: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    more(name).or_else(|| match name {
        "MESOS_AGENT_ENDPOINT" => Some(agent.to_owned()),
        "MESOS_CHECKPOINT" => Some("1".to_owned()),
        "MESOS_EXECUTOR_ID" => Some("executor-1".to_owned()),
        "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD" => Some("5secs".to_owned()),
        "MESOS_FRAMEWORK_ID" => Some("framework-1".to_owned()),
        "MESOS_RECOVERY_TIMEOUT" => Some("15mins".to_owned()),
        "MESOS_SANDBOX" | "MESOS_DIRECTORY" => Some("/sandbox".to_owned()),
        "MESOS_SLAVE_ID" => Some("agent-1".to_owned()),
        "MESOS_SLAVE_PID" => Some(format!("slave(1)@{agent}")),
        "MESOS_SUBSCRIPTION_BACKOFF_MAX" => Some("2secs".to_owned()),
        _ => None,
    })
}

pub(crate) fn environment(
    agent: &str,
    more: impl Fn(&str) -> Option<String>,
) -> ExecutorEnvironment {
    ExecutorEnvironment::from_variables(|name| variable(agent, name, &more)).unwrap()
}
