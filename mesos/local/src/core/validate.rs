//! What Mesos demands of a task, worded as Mesos does, and what this one does not do, worded
//! differently.

use mesos::v1::{
    ContainerInfo, ExecutorInfo, TaskInfo, container_info, environment::variable, executor_info,
};

use super::Amount;

/// What a task is checked against.
pub(super) struct Demand<'a> {
    pub(super) framework: &'a str,
    pub(super) agent_id: &'a str,
    /// Whether a task of that id is alive already.
    pub(super) duplicate: bool,
    /// The executor of that id which the agent has already.
    pub(super) existing: Option<&'a ExecutorInfo>,
    /// What the offer still has.
    pub(super) available: &'a Amount,
}

/// A task that may be launched.
pub(super) struct Checked {
    pub(super) executor: ExecutorInfo,
    pub(super) task_resources: Amount,
    pub(super) executor_resources: Amount,
}

/// Checks a task; the error is the message of its `TASK_ERROR`.
pub(super) fn check(task: &TaskInfo, demand: &Demand<'_>) -> Result<Checked, String> {
    check_id(&task.task_id.value)?;
    if demand.duplicate {
        return Err(format!("Task has duplicate ID: {}", task.task_id));
    }
    if task.agent_id.value != demand.agent_id {
        let (used, expected) = (&task.agent_id, demand.agent_id);
        return Err(format!("Task uses invalid agent {used} while agent {expected} is expected"));
    }
    let task_resources = Amount::parse(&task.resources)?;
    if task_resources.is_empty() {
        return Err("Task uses no resources".into());
    }
    check_container(task.container.as_ref())?;
    let executor = match (&task.executor, &task.command) {
        (Some(executor), None) => check_executor(executor, demand)?,
        (None, Some(_)) => {
            return Err(
                "The local Mesos launches tasks with an executor only, no command tasks".into()
            );
        }
        _ => {
            let both = "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present";
            return Err(both.into());
        }
    };
    let executor_resources = Amount::parse(&executor.resources)?;
    let mut total = task_resources.clone();
    if demand.existing.is_none() {
        total.add(&executor_resources);
    }
    if !demand.available.contains(&total) {
        let available = demand.available;
        return Err(format!(
            "Total resources {total} required by task and its executor is more than available {available}"
        ));
    }
    Ok(Checked { executor, task_resources, executor_resources })
}

fn check_executor(executor: &ExecutorInfo, demand: &Demand<'_>) -> Result<ExecutorInfo, String> {
    check_id(&executor.executor_id.value)?;
    if let Some(other) = executor.framework_id.as_ref().filter(|id| id.value != demand.framework) {
        let expected = demand.framework;
        return Err(format!(
            "ExecutorInfo has an invalid FrameworkID (Actual: {other} vs Expected: {expected})"
        ));
    }
    match executor.r#type.map(executor_info::Type::try_from) {
        None | Some(Ok(executor_info::Type::Custom)) => {}
        Some(Ok(executor_info::Type::Default)) if executor.command.is_some() => {
            return Err("'ExecutorInfo.command' must not be set for 'DEFAULT' executor".into());
        }
        Some(_) => return Err("'ExecutorInfo.type' must be 'CUSTOM'".into()),
    }
    let Some(command) = &executor.command else {
        return Err("'ExecutorInfo.command' must be set for 'CUSTOM' executor".into());
    };
    let variables = command.environment.iter().flat_map(|environment| &environment.variables);
    if let Some(secret) =
        variables.into_iter().find(|variable| variable.r#type() == variable::Type::Secret)
    {
        return Err(format!(
            "The local Mesos does not do secrets: environment variable {}",
            secret.name
        ));
    }
    check_container(executor.container.as_ref())?;
    let complete = ExecutorInfo { framework_id: Some(demand.framework.into()), ..executor.clone() };
    if demand.existing.is_some_and(|existing| *existing != complete) {
        return Err(
            "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID".into(),
        );
    }
    Ok(complete)
}

/// Ids become names of folders.
fn check_id(id: &str) -> Result<(), String> {
    match id {
        "" => Err("ID must not be empty".into()),
        "." | ".." => Err(format!("'{id}' is disallowed")),
        _ if id.len() > 255 => Err("ID must not be greater than 255 characters".into()),
        _ if id.contains(|c: char| c == '/' || c == '\\' || c.is_control()) => {
            Err(format!("'{id}' contains invalid characters"))
        }
        _ => Ok(()),
    }
}

/// A container of the plain kind is a process, and that is all there is here.
fn check_container(container: Option<&ContainerInfo>) -> Result<(), String> {
    let Some(container) = container else { return Ok(()) };
    let demands = [
        (
            "Docker",
            container.r#type != i32::from(container_info::Type::Mesos)
                || container.docker.is_some(),
        ),
        ("an image", container.mesos.as_ref().is_some_and(|mesos| mesos.image.is_some())),
        ("volumes", !container.volumes.is_empty()),
        ("a network of its own", !container.network_infos.is_empty()),
        ("isolation", container.linux_info.is_some() || container.rlimit_info.is_some()),
        ("a terminal", container.tty_info.is_some()),
    ];
    let refused = demands.into_iter().find(|(_, demanded)| *demanded);
    refused.map_or(Ok(()), |(what, _)| {
        Err(format!("The local Mesos runs plain processes, no container with {what}"))
    })
}
