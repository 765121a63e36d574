//! Messages of a small framework.

pub(crate) use mesos::resources::{scalar, sum};
use mesos::{
    status::new_uuid,
    v1::{
        CommandInfo, Environment, ExecutorInfo, FrameworkInfo, Offer, Resource, TaskInfo,
        TaskState, TaskStatus,
        environment::Variable,
        framework_info::{Capability, capability},
        task_status::Source,
    },
};

pub(crate) fn framework() -> FrameworkInfo {
    FrameworkInfo {
        user: user(),
        name: "conformance".into(),
        capabilities: vec![capability(capability::Type::PartitionAware)],
        ..FrameworkInfo::default()
    }
}

/// A framework that waits a minute for its scheduler to return.
pub(crate) fn patient_framework() -> FrameworkInfo {
    FrameworkInfo { failover_timeout: Some(60.0), ..framework() }
}

pub(crate) fn capability(r#type: capability::Type) -> Capability {
    Capability { r#type: Some(r#type.into()) }
}

/// The user who runs the tests: the real agent refuses unknown users.
fn user() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap();
    user.map_or_else(|| "root".into(), |user| user.name)
}

/// A tenth of a CPU and 32 MB.
pub(crate) fn little() -> Vec<Resource> {
    vec![scalar("cpus", 0.1), scalar("mem", 32.0)]
}

/// A shell command.
pub(crate) fn shell(value: &str) -> CommandInfo {
    CommandInfo { shell: Some(true), value: Some(value.into()), ..CommandInfo::default() }
}

pub(crate) fn with_variable(mut command: CommandInfo, name: &str, value: &str) -> CommandInfo {
    let variable = Variable { name: name.into(), value: Some(value.into()), ..Variable::default() };
    command.environment.get_or_insert_with(Environment::default).variables.push(variable);
    command
}

pub(crate) fn executor(id: &str, command: CommandInfo) -> ExecutorInfo {
    ExecutorInfo {
        executor_id: id.into(),
        command: Some(command),
        resources: little(),
        ..ExecutorInfo::default()
    }
}

pub(crate) fn task(id: &str, offer: &Offer, executor: &ExecutorInfo) -> TaskInfo {
    TaskInfo {
        name: id.into(),
        task_id: id.into(),
        agent_id: offer.agent_id.clone(),
        resources: little(),
        executor: Some(executor.clone()),
        ..TaskInfo::default()
    }
}

/// An executor's status of a task, with its own uuid.
pub(crate) fn status(task: &str, state: TaskState) -> TaskStatus {
    TaskStatus {
        task_id: task.into(),
        state: state.into(),
        source: Some(Source::Executor.into()),
        uuid: Some(new_uuid()),
        ..TaskStatus::default()
    }
}
