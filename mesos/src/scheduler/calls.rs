//! Every call that a scheduler can make, as a message ready to be sent.
//!
//! The framework id is missing in all of them: [`SchedulerHandle`](super::SchedulerHandle) adds the
//! one that the master gave at SUBSCRIBED.

use bytes::Bytes;

use crate::v1::{
    AgentId, ExecutorId, Filters, FrameworkInfo, KillPolicy, OfferId, OperationId, Request,
    ResourceProviderId, TaskId, TaskInfo, offer,
    scheduler::{Call, OfferConstraints, call},
};

fn of_type(r#type: call::Type) -> Call {
    Call { r#type: Some(r#type.into()), ..Call::default() }
}

fn filters(refuse_seconds: f64) -> Filters {
    Filters { refuse_seconds: Some(refuse_seconds) }
}

/// Takes offers (all of one agent) and does these operations with them, in this order. What is left
/// of the offers is refused for that many seconds.
pub fn accept(
    offer_ids: Vec<OfferId>,
    operations: Vec<offer::Operation>,
    refuse_seconds: f64,
) -> Call {
    let accept = call::Accept { offer_ids, operations, filters: Some(filters(refuse_seconds)) };
    Call { accept: Some(accept), ..of_type(call::Type::Accept) }
}

/// The operation of [`accept`] that launches tasks.
pub fn launch(task_infos: Vec<TaskInfo>) -> offer::Operation {
    offer::Operation {
        r#type: Some(offer::operation::Type::Launch.into()),
        launch: Some(offer::operation::Launch { task_infos }),
        ..offer::Operation::default()
    }
}

/// Refuses offers; resources of these agents are not offered again for that many seconds.
pub fn decline(offer_ids: Vec<OfferId>, refuse_seconds: f64) -> Call {
    let decline = call::Decline { offer_ids, filters: Some(filters(refuse_seconds)) };
    Call { decline: Some(decline), ..of_type(call::Type::Decline) }
}

/// Agrees that the agent may become unavailable.
pub fn accept_inverse_offers(inverse_offer_ids: Vec<OfferId>) -> Call {
    let accept = call::AcceptInverseOffers { inverse_offer_ids, filters: None };
    Call { accept_inverse_offers: Some(accept), ..of_type(call::Type::AcceptInverseOffers) }
}

/// Does not agree, and wants to be asked again after that many seconds.
pub fn decline_inverse_offers(inverse_offer_ids: Vec<OfferId>, refuse_seconds: f64) -> Call {
    let decline =
        call::DeclineInverseOffers { inverse_offer_ids, filters: Some(filters(refuse_seconds)) };
    Call { decline_inverse_offers: Some(decline), ..of_type(call::Type::DeclineInverseOffers) }
}

/// Wants offers for these roles (none = all) and drops all filters for them.
pub fn revive(roles: Vec<String>) -> Call {
    Call { revive: Some(call::Revive { roles }), ..of_type(call::Type::Revive) }
}

/// Wants no more offers for these roles (none = all).
pub fn suppress(roles: Vec<String>) -> Call {
    Call { suppress: Some(call::Suppress { roles }), ..of_type(call::Type::Suppress) }
}

/// Asks the task's executor to end it. A task that the master does not know comes back as an
/// update.
pub fn kill(task_id: TaskId, agent_id: Option<AgentId>, kill_policy: Option<KillPolicy>) -> Call {
    Call { kill: Some(call::Kill { task_id, agent_id, kill_policy }), ..of_type(call::Type::Kill) }
}

/// Asks the executor to end with all its tasks; the agent kills it after the grace period.
pub fn shutdown(executor_id: ExecutorId, agent_id: AgentId) -> Call {
    Call {
        shutdown: Some(call::Shutdown { executor_id, agent_id }),
        ..of_type(call::Type::Shutdown)
    }
}

/// Confirms a status update. Only updates with a uuid may be confirmed.
pub fn acknowledge(agent_id: AgentId, task_id: TaskId, uuid: Bytes) -> Call {
    let acknowledge = call::Acknowledge { agent_id, task_id, uuid };
    Call { acknowledge: Some(acknowledge), ..of_type(call::Type::Acknowledge) }
}

/// Confirms the update of an offer operation.
pub fn acknowledge_operation_status(
    operation_id: OperationId,
    agent_id: Option<AgentId>,
    resource_provider_id: Option<ResourceProviderId>,
    uuid: Bytes,
) -> Call {
    let acknowledge =
        call::AcknowledgeOperationStatus { agent_id, resource_provider_id, uuid, operation_id };
    Call {
        acknowledge_operation_status: Some(acknowledge),
        ..of_type(call::Type::AcknowledgeOperationStatus)
    }
}

/// Asks for the states of these tasks, or, with none, of all that the master knows.
pub fn reconcile(tasks: impl IntoIterator<Item = (TaskId, Option<AgentId>)>) -> Call {
    let tasks = tasks
        .into_iter()
        .map(|(task_id, agent_id)| call::reconcile::Task { task_id, agent_id })
        .collect();
    Call { reconcile: Some(call::Reconcile { tasks }), ..of_type(call::Type::Reconcile) }
}

/// Asks for the states of these offer operations.
pub fn reconcile_operations(operations: Vec<call::reconcile_operations::Operation>) -> Call {
    let reconcile = call::ReconcileOperations { operations };
    Call { reconcile_operations: Some(reconcile), ..of_type(call::Type::ReconcileOperations) }
}

/// Bytes for an executor; they may get lost.
pub fn message(agent_id: AgentId, executor_id: ExecutorId, data: Bytes) -> Call {
    Call {
        message: Some(call::Message { agent_id, executor_id, data }),
        ..of_type(call::Type::Message)
    }
}

/// Asks for offers with such resources. Mesos's own allocator takes no notice.
pub fn request(requests: Vec<Request>) -> Call {
    Call { request: Some(call::Request { requests }), ..of_type(call::Type::Request) }
}

/// Ends the framework: the master kills all its executors and forgets it.
pub fn teardown() -> Call {
    of_type(call::Type::Teardown)
}

/// Replaces the framework's description (Mesos 1.9), its suppressed roles and its offer constraints
/// (1.11).
pub fn update_framework(
    framework_info: FrameworkInfo,
    suppressed_roles: Vec<String>,
    offer_constraints: Option<OfferConstraints>,
) -> Call {
    let update = call::UpdateFramework { framework_info, suppressed_roles, offer_constraints };
    Call { update_framework: Some(update), ..of_type(call::Type::UpdateFramework) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bodies that are set in a call, by the type that each belongs to.
    fn bodies(call: &Call) -> Vec<call::Type> {
        let set = [
            (call.subscribe.is_some(), call::Type::Subscribe),
            (call.accept.is_some(), call::Type::Accept),
            (call.decline.is_some(), call::Type::Decline),
            (call.accept_inverse_offers.is_some(), call::Type::AcceptInverseOffers),
            (call.decline_inverse_offers.is_some(), call::Type::DeclineInverseOffers),
            (call.revive.is_some(), call::Type::Revive),
            (call.suppress.is_some(), call::Type::Suppress),
            (call.kill.is_some(), call::Type::Kill),
            (call.shutdown.is_some(), call::Type::Shutdown),
            (call.acknowledge.is_some(), call::Type::Acknowledge),
            (call.acknowledge_operation_status.is_some(), call::Type::AcknowledgeOperationStatus),
            (call.reconcile.is_some(), call::Type::Reconcile),
            (call.reconcile_operations.is_some(), call::Type::ReconcileOperations),
            (call.message.is_some(), call::Type::Message),
            (call.request.is_some(), call::Type::Request),
            (call.update_framework.is_some(), call::Type::UpdateFramework),
        ];
        set.into_iter().filter(|(is_set, _)| *is_set).map(|(_, r#type)| r#type).collect()
    }

    #[test]
    fn every_call_has_exactly_the_body_that_its_type_names() {
        let (offer, agent, task) = (OfferId::from("o"), AgentId::from("a"), TaskId::from("t"));
        let calls = vec![
            accept(vec![offer.clone()], vec![launch(vec![])], 1.0),
            decline(vec![offer.clone()], 1.0),
            accept_inverse_offers(vec![offer.clone()]),
            decline_inverse_offers(vec![offer], 1.0),
            revive(vec![]),
            suppress(vec![]),
            kill(task.clone(), None, None),
            shutdown("e".into(), agent.clone()),
            acknowledge(agent.clone(), task.clone(), Bytes::new()),
            acknowledge_operation_status("x".into(), None, None, Bytes::new()),
            reconcile([(task, None)]),
            reconcile_operations(vec![]),
            message(agent, "e".into(), Bytes::new()),
            request(vec![]),
            update_framework(FrameworkInfo::default(), vec![], None),
        ];
        for call in calls {
            assert_eq!(bodies(&call), [call.r#type()]);
        }
        assert_eq!((teardown().r#type(), bodies(&teardown())), (call::Type::Teardown, vec![]));
    }

    #[test]
    fn what_is_refused_is_refused_for_as_long_as_asked() {
        let refused = |filters: Option<Filters>| filters.and_then(|filters| filters.refuse_seconds);
        assert_eq!(
            refused(accept(vec![], vec![], 7.5).accept.and_then(|accept| accept.filters)),
            Some(7.5)
        );
        assert_eq!(
            refused(decline(vec![], 7.5).decline.and_then(|decline| decline.filters)),
            Some(7.5)
        );
    }
}
