//! What the end of a worker counts against: its agent, the artifacts, the configuration, or
//! nothing.

use mesos::v1::{self, TaskState, task_status::Reason};
use overlays::blame::{self, Blame};

/// The consequence of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// None: the launch lost the race for its offer, or an operator ended the worker.
    Nobody,
    /// The agent cannot enforce the configured limits. Other agents may, and this one is otherwise
    /// fine.
    Unfit,
    /// The failure counts against this.
    Blame(Blame),
}

/// The message of an agent that lacks the isolator for a limit. Its reason `REASON_GC_ERROR` says
/// nothing about that.
const NO_ISOLATOR: &str = "limits can only be set";

/// The advice for that case.
const ISOLATORS: &str = "give the agents the isolators cgroups/cpu and cgroups/mem, keep off those without by mesos.constraints, or set no \
                         mesos.resourcemanager.tasks.cpus-limit and mem-limit";

/// Messages of agents that cannot start the configured container, each with advice for the
/// operator.
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

/// The advice if the agent cannot start the container.
fn container_advice(status: &v1::TaskStatus) -> Option<&'static str> {
    let message = status.message.as_deref()?;
    CONTAINERS.iter().find(|(phrase, _)| message.contains(phrase)).map(|(_, advice)| *advice)
}

impl Verdict {
    /// The verdict on a terminal status: the executor's own, or derived from Mesos's reason.
    pub(super) fn of(status: &v1::TaskStatus) -> Self {
        let labels = status.labels.iter().flat_map(|labels| &labels.labels);
        let word = labels
            .filter(|label| label.key == blame::LABEL)
            .find_map(|label| label.value.as_deref());
        if let Some(blame) = word.and_then(Blame::from_word) {
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
            // The offer was no longer valid when the launch arrived.
            (_, Some(Reason::InvalidOffers | Reason::AgentDraining)) => return Self::Nobody,
            // The launch never arrived, or its agent is no longer known.
            (Ok(state), Some(Reason::Reconciliation)) if !is_own_end(state) => return Self::Nobody,
            (Ok(TaskState::TaskError), _) | (_, Some(Reason::ContainerLimitationMemory)) => {
                Blame::Configuration
            }
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
            (Ok(TaskState::TaskFailed | TaskState::TaskFinished | TaskState::TaskKilled), _) => {
                Blame::Worker
            }
            _ => Blame::Agent,
        })
    }
}

/// Whether the task existed and has ended, as opposed to being unknown.
fn is_own_end(state: TaskState) -> bool {
    matches!(
        state,
        TaskState::TaskFailed
            | TaskState::TaskFinished
            | TaskState::TaskKilled
            | TaskState::TaskError
    )
}

fn is_unfit(status: &v1::TaskStatus) -> bool {
    status.message.as_deref().is_some_and(|message| message.contains(NO_ISOLATOR))
}

/// The status as text: state, message, and Mesos's reason or the advice.
pub(super) fn explain(status: &v1::TaskStatus) -> String {
    let state =
        TaskState::try_from(status.state).map_or("an unknown state", |state| state.as_str_name());
    let reason = status
        .reason
        .and_then(|reason| Reason::try_from(reason).ok())
        .map(|reason| reason.as_str_name());
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
    fn the_executors_own_verdict_overrides_mesoss_reason() {
        let status = status(TaskState::TaskFailed, Reason::ContainerLimitationMemory);
        assert_eq!(Verdict::of(&status), Verdict::Blame(Blame::Configuration));
        let label = v1::Label { key: blame::LABEL.to_owned(), value: Some("artifact".to_owned()) };
        let labelled =
            v1::TaskStatus { labels: Some(v1::Labels { labels: vec![label] }), ..status };
        assert_eq!(Verdict::of(&labelled), Verdict::Blame(Blame::Artifact));
    }

    #[test]
    fn a_launch_that_loses_the_race_for_its_offer_counts_against_nothing() {
        for reason in [Reason::InvalidOffers, Reason::Reconciliation, Reason::AgentDraining] {
            assert_eq!(
                Verdict::of(&status(TaskState::TaskDropped, reason)),
                Verdict::Nobody,
                "{reason:?}"
            );
        }
        // Reported late, but the task's own end.
        let failed = status(TaskState::TaskFailed, Reason::Reconciliation);
        assert_eq!(Verdict::of(&failed), Verdict::Blame(Blame::Worker));
        let restarted = status(TaskState::TaskDropped, Reason::AgentRestarted);
        assert_eq!(Verdict::of(&restarted), Verdict::Blame(Blame::Agent));
    }

    #[test]
    fn a_container_that_the_agent_cannot_start_counts_against_the_agent_and_its_flag_is_named() {
        for (message, flag) in [
            (
                "Failed to launch container: Unsupported container image type: DOCKER",
                "--image_providers",
            ),
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
        let message = "CPU limits can only be set on tasks launched in Mesos containers with the 'cgroups/cpu' isolator loaded";
        let refused = v1::TaskStatus {
            message: Some(message.to_owned()),
            ..status(TaskState::TaskDropped, Reason::GcError)
        };
        assert_eq!(Verdict::of(&refused), Verdict::Unfit);
        let text = explain(&refused);
        assert!(
            text.contains(message)
                && text.contains("tasks.cpus-limit")
                && !text.contains("GC_ERROR"),
            "{text}"
        );
    }
}
