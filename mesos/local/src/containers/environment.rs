//! The environment that an agent gives to executors.

use std::{path::Path, time::Duration};

use mesos::duration::MesosDuration;

use super::Settings;
use crate::core::Container;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How long an executor of a checkpointing framework may wait for its agent to come back
/// (`--recovery_timeout`).
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// The longest wait of such an executor between two tries to subscribe.
const SUBSCRIPTION_BACKOFF: Duration = Duration::from_secs(2);

/// All variables of an executor; later ones win. Nothing is inherited from this process.
pub(super) fn variables(
    container: &Container,
    settings: &Settings,
    sandbox: &Path,
) -> Vec<(String, String)> {
    let (host, _) = settings.endpoint.rsplit_once(':').unwrap_or((&settings.endpoint, ""));
    let sandbox = sandbox.display().to_string();
    let mut all: Vec<(String, String)> = [("PATH", PATH.to_owned()), ("PWD", sandbox.clone())]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .chain(settings.environment.iter().cloned())
        .collect();
    let mut set = |name: &str, value: String| all.push((name.to_owned(), value));
    set("LIBPROCESS_IP", host.to_owned());
    set("LIBPROCESS_PORT", "0".into());
    set("MESOS_AGENT_ENDPOINT", settings.endpoint.clone());
    set("MESOS_CHECKPOINT", u8::from(container.checkpoint).to_string());
    set("MESOS_DIRECTORY", sandbox.clone());
    set("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", settings.token.reveal().to_owned());
    set("MESOS_EXECUTOR_ID", container.key.executor.clone());
    set("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", MesosDuration(container.grace).to_string());
    set("MESOS_FRAMEWORK_ID", container.key.framework.clone());
    set("MESOS_HTTP_COMMAND_EXECUTOR", "1".into());
    set("MESOS_SANDBOX", sandbox);
    set("MESOS_SLAVE_ID", container.agent_id.clone());
    set("MESOS_SLAVE_PID", format!("slave({})@{}", container.key.agent + 1, settings.endpoint));
    if container.checkpoint {
        set("MESOS_RECOVERY_TIMEOUT", MesosDuration(RECOVERY_TIMEOUT).to_string());
        set("MESOS_SUBSCRIPTION_BACKOFF_MAX", MesosDuration(SUBSCRIPTION_BACKOFF).to_string());
    }
    let command = container.info.command.iter();
    let own =
        command.filter_map(|command| command.environment.as_ref()).flat_map(|it| &it.variables);
    all.extend(own.map(|variable| (variable.name.clone(), variable.value().to_owned())));
    all
}
