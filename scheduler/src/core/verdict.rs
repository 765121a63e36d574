//! What the end of a worker says of others: of its agent, of what was shipped, of the configuration, or of nobody.

use mesos::v1::{self, TaskState, task_status::Reason};
use overlays::blame::{self, Blame};

/// What follows from an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing: the launch came too late, or an operator wanted it so.
    Nobody,
    /// That agent cannot hold the limits that are configured. Others may, and nothing is wrong with it otherwise.
    Unfit,
    /// Somebody is to blame.
    Blame(Blame),
}

/// What an agent says that lacks the isolator for a limit. It gives the reason `REASON_GC_ERROR`, which says nothing of it.
const NO_ISOLATOR: &str = "limits can only be set";

/// What can be done about that.
const ISOLATORS: &str = "give the agents the isolators cgroups/cpu and cgroups/mem, keep off those without by mesos.constraints, or set no \
                         mesos.resourcemanager.tasks.cpus-limit and mem-limit";

/// What agents say that cannot start the container that is configured, and what their operators can do about it.
const CONTAINERS: [(&str, &str); 2] = [
    (
        "Unsupported container image type",
        "start the agents with --image_providers=docker and the isolators filesystem/linux and docker/runtime",
    ),
    (
        "unknown container",
        "if mesos.resourcemanager.tasks.container.type is docker, start the agents with --containerizers=docker,mesos",
    ),
];

/// What can be done where the agent cannot start the container.
fn container_advice(status: &v1::TaskStatus) -> Option<&'static str> {
    let message = status.message.as_deref()?;
    CONTAINERS.iter().find(|(words, _)| message.contains(words)).map(|(_, advice)| *advice)
}

impl Verdict {
    /// On the end that this status tells: as the executor says, or by Mesos's reason.
    pub(super) fn of(status: &v1::TaskStatus) -> Self {
        let labels = status.labels.iter().flat_map(|labels| &labels.labels);
        let told = labels.filter(|label| label.key == blame::LABEL).find_map(|label| label.value.as_deref());
        if let Some(blame) = told.and_then(Blame::from_word) {
            return Self::Blame(blame);
        }
        if is_unfit(status) {
            return Self::Unfit;
        }
        if container_advice(status).is_some() {
            return Self::Blame(Blame::Agent);
        }
        let reason = status.reason.and_then(|reason| Reason::try_from(reason).ok());
        Self::Blame(match (TaskState::try_from(status.state), reason) {
            // The offer was void when the launch arrived.
            (_, Some(Reason::InvalidOffers | Reason::AgentDraining)) => return Self::Nobody,
            // It never arrived, or its agent is no longer known.
            (Ok(state), Some(Reason::Reconciliation)) if !is_own_end(state) => return Self::Nobody,
            (Ok(TaskState::TaskError), _) | (_, Some(Reason::ContainerLimitationMemory)) => Blame::Configuration,
            (
                _,
                Some(
                    Reason::ContainerLaunchFailed
                    | Reason::ContainerLimitationDisk
                    | Reason::GcError
                    | Reason::ExecutorRegistrationTimeout
                    | Reason::ExecutorUnregistered,
                ),
            ) => Blame::Agent,
            (Ok(TaskState::TaskFailed | TaskState::TaskFinished | TaskState::TaskKilled), _) => Blame::Worker,
            _ => Blame::Agent,
        })
    }
}

/// Whether it was there and has ended, rather than being unknown.
fn is_own_end(state: TaskState) -> bool {
    matches!(state, TaskState::TaskFailed | TaskState::TaskFinished | TaskState::TaskKilled | TaskState::TaskError)
}

fn is_unfit(status: &v1::TaskStatus) -> bool {
    status.message.as_deref().is_some_and(|message| message.contains(NO_ISOLATOR))
}

/// The status in words: state, the message of whoever sent it, and Mesos's reason or what to do.
pub(super) fn explain(status: &v1::TaskStatus) -> String {
    let state = TaskState::try_from(status.state).map_or("an unknown state", |state| state.as_str_name());
    let reason = status.reason.and_then(|reason| Reason::try_from(reason).ok()).map(|reason| reason.as_str_name());
    let message = status.message.as_deref().filter(|text| !text.is_empty());
    if let (Some(message), Some(advice)) = (message, container_advice(status)) {
        return format!("{state}: {message}: {advice}");
    }
    match (message, reason) {
        (Some(message), _) if is_unfit(status) => format!("{state}: {message}: {ISOLATORS}"),
        (Some(message), Some(reason)) => format!("{state}: {message} ({reason})"),
        (Some(text), None) | (None, Some(text)) => format!("{state}: {text}"),
        (None, None) => state.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(state: TaskState, reason: Reason) -> v1::TaskStatus {
        v1::TaskStatus { state: state.into(), reason: Some(reason.into()), ..Default::default() }
    }

    #[test]
    fn the_executors_word_goes_before_mesos_reason() {
        let status = status(TaskState::TaskFailed, Reason::ContainerLimitationMemory);
        assert_eq!(Verdict::of(&status), Verdict::Blame(Blame::Configuration));
        let label = v1::Label { key: blame::LABEL.to_owned(), value: Some("artifact".to_owned()) };
        let told = v1::TaskStatus { labels: Some(v1::Labels { labels: vec![label] }), ..status };
        assert_eq!(Verdict::of(&told), Verdict::Blame(Blame::Artifact));
    }

    #[test]
    fn nobody_is_to_blame_for_a_launch_that_came_too_late() {
        for reason in [Reason::InvalidOffers, Reason::Reconciliation, Reason::AgentDraining] {
            assert_eq!(Verdict::of(&status(TaskState::TaskDropped, reason)), Verdict::Nobody, "{reason:?}");
        }
        // Told late, but an end of its own.
        let failed = status(TaskState::TaskFailed, Reason::Reconciliation);
        assert_eq!(Verdict::of(&failed), Verdict::Blame(Blame::Worker));
        let restarted = status(TaskState::TaskDropped, Reason::AgentRestarted);
        assert_eq!(Verdict::of(&restarted), Verdict::Blame(Blame::Agent));
    }

    #[test]
    fn an_agent_that_cannot_start_the_container_is_to_blame_and_its_flag_is_named() {
        for (message, flag) in [
            ("Failed to launch container: Unsupported container image type: DOCKER", "--image_providers"),
            ("Abnormal executor termination: unknown container", "--containerizers=docker,mesos"),
        ] {
            let failed = status(TaskState::TaskFailed, Reason::ExecutorTerminated);
            let failed = v1::TaskStatus { message: Some(message.to_owned()), ..failed };
            assert_eq!(Verdict::of(&failed), Verdict::Blame(Blame::Agent), "{message}");
            assert!(explain(&failed).contains(flag), "{}", explain(&failed));
        }
    }

    #[test]
    fn an_agent_without_the_isolator_for_a_limit_is_unfit_and_the_option_is_named() {
        let message =
            "CPU limits can only be set on tasks launched in Mesos containers with the 'cgroups/cpu' isolator loaded";
        let refused =
            v1::TaskStatus { message: Some(message.to_owned()), ..status(TaskState::TaskDropped, Reason::GcError) };
        assert_eq!(Verdict::of(&refused), Verdict::Unfit);
        let text = explain(&refused);
        assert!(text.contains(message) && text.contains("tasks.cpus-limit") && !text.contains("GC_ERROR"), "{text}");
    }
}
