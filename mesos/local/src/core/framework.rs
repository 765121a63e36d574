//! What the master knows of a framework and its tasks.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use mesos::{
    status,
    v1::{FrameworkInfo, TaskState, TaskStatus, framework_info::capability::Type as Capability},
};
use uuid::Uuid;

use super::{Amount, executor::ExecutorKey, updates::Updates};

#[derive(Debug)]
pub(super) struct Framework {
    pub(super) info: FrameworkInfo,
    /// The scheduler's stream while it is connected.
    pub(super) stream: Option<Uuid>,
    pub(super) heartbeat_at: Duration,
    /// When a disconnected framework is given up.
    pub(super) removal_at: Option<Duration>,
    pub(super) suppressed: BTreeSet<String>,
    pub(super) filters: Vec<Filter>,
    /// From launch until the terminal update is acknowledged.
    pub(super) tasks: BTreeMap<String, Task>,
    /// The agents' unacknowledged status updates, by task.
    pub(super) updates: BTreeMap<String, Updates>,
}

#[derive(Debug)]
pub(super) struct Task {
    pub(super) executor: ExecutorKey,
    pub(super) role: String,
    pub(super) resources: Amount,
    /// The latest state that the agent knows of.
    pub(super) state: TaskState,
    /// The latest status that the scheduler was sent.
    pub(super) sent: Option<TaskStatus>,
}

/// What a framework does not want to be offered again for a while.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) agent: usize,
    pub(super) role: String,
    pub(super) resources: Amount,
    pub(super) until: Duration,
}

impl Task {
    pub(super) fn is_terminal(&self) -> bool {
        status::is_terminal(self.state)
    }
}

impl Framework {
    /// Whether an agent's free resources are worth an offer to it: as much of everything as one of
    /// its filters names.
    pub(super) fn finds_enough(&self, role: &str, free: &Amount) -> bool {
        let filter = self
            .info
            .offer_filters
            .get(role)
            .and_then(|filters| filters.min_allocatable_resources.as_ref());
        filter.is_none_or(|least| {
            let mut any_of = least.quantities.iter().map(|least| least.quantities.iter());
            any_of.any(|least| free.has_quantities(least.map(|(name, value)| (name, value.value))))
        })
    }

    pub(super) fn new(info: FrameworkInfo) -> Self {
        Self {
            info,
            stream: None,
            heartbeat_at: Duration::ZERO,
            removal_at: None,
            suppressed: BTreeSet::new(),
            filters: Vec::new(),
            tasks: BTreeMap::new(),
            updates: BTreeMap::new(),
        }
    }

    pub(super) fn is_capable(&self, capability: Capability) -> bool {
        is_capable(&self.info, capability)
    }

    /// `partition_aware` if the framework is, else what older frameworks understand.
    pub(super) fn lost_or(&self, partition_aware: TaskState) -> TaskState {
        if self.is_capable(Capability::PartitionAware) {
            partition_aware
        } else {
            TaskState::TaskLost
        }
    }

    pub(super) fn roles(&self) -> Vec<String> {
        if self.is_capable(Capability::MultiRole) {
            self.info.roles.clone()
        } else {
            vec![self.info.role().to_owned()]
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let heartbeat = self.stream.map(|_| self.heartbeat_at);
        let resend = self.updates.values().filter_map(Updates::resend_at);
        heartbeat.into_iter().chain(self.removal_at).chain(resend).min()
    }
}

pub(super) fn is_capable(info: &FrameworkInfo, capability: Capability) -> bool {
    info.capabilities.iter().any(|has| has.r#type() == capability)
}
