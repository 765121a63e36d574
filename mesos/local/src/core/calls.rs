//! Calls are checked and sent on to those who do them.

use mesos::v1::{
    TaskState, executor,
    scheduler::{Call, call},
    task_status::Source,
};
use uuid::Uuid;

use super::{Core, Refusal, ids::is_uuid};

impl Core {
    /// A scheduler's call. `stream` is where a SUBSCRIBE gets its events, `claimed` the stream id
    /// that came with any other call.
    pub(crate) fn scheduler_call(
        &mut self,
        call: Call,
        stream: Uuid,
        claimed: Option<&str>,
    ) -> Result<(), Refusal> {
        let kind = scheduler_kind(&call)?;
        if kind == call::Type::Subscribe {
            if claimed.is_some() {
                return bad_request(
                    "Subscribe calls should not include the 'Mesos-Stream-Id' header",
                );
            }
            return self.subscribe(stream, call.subscribe.unwrap_or_default());
        }
        let framework = call.framework_id.as_ref().map(|id| id.value.clone()).unwrap_or_default();
        self.check_stream(&framework, claimed)?;
        self.dispatch(&framework, kind, call)
    }

    fn check_stream(&self, framework: &str, claimed: Option<&str>) -> Result<(), Refusal> {
        let Some(known) = self.frameworks.get(framework) else {
            return bad_request("Framework cannot be found");
        };
        let Some(stream) = known.stream else {
            return Err(Refusal::Forbidden("Framework is not subscribed"));
        };
        match claimed {
            None => {
                bad_request("All non-subscribe calls should include the 'Mesos-Stream-Id' header")
            }
            Some(claimed) if claimed != stream.to_string() => bad_request(&format!(
                "The stream ID '{claimed}' included in this request didn't match the stream ID currently associated \
                 with framework ID {framework}"
            )),
            Some(_) => Ok(()),
        }
    }

    fn dispatch(&mut self, framework: &str, kind: call::Type, call: Call) -> Result<(), Refusal> {
        match kind {
            call::Type::Teardown => self.remove_framework(framework),
            call::Type::Accept => return self.accept(framework, call.accept.unwrap_or_default()),
            call::Type::Decline => {
                let decline = call.decline.unwrap_or_default();
                self.decline(framework, &decline.offer_ids, decline.filters.as_ref());
            }
            call::Type::Revive => self.revive(framework, &call.revive.unwrap_or_default().roles),
            call::Type::Suppress => {
                self.suppress(framework, call.suppress.unwrap_or_default().roles);
            }
            call::Type::Kill => self.kill(framework, call.kill.unwrap_or_default()),
            call::Type::Shutdown => self.shutdown(framework, call.shutdown.unwrap_or_default()),
            call::Type::Acknowledge => {
                self.acknowledge(framework, &call.acknowledge.unwrap_or_default());
            }
            call::Type::Reconcile => {
                self.reconcile(framework, &call.reconcile.unwrap_or_default().tasks);
            }
            call::Type::Message => {
                self.message_to_executor(framework, call.message.unwrap_or_default());
            }
            // The real allocator takes requests for resources and does nothing with them.
            call::Type::Request => {}
            _ => {
                let what = kind.as_str_name();
                return Err(Refusal::NotImplemented(format!(
                    "The local Mesos does not do {what} calls"
                )));
            }
        }
        Ok(())
    }
}

/// The call's type, once everything is there that a call of this type needs.
fn scheduler_kind(call: &Call) -> Result<call::Type, Refusal> {
    let invalid = |why: &str| bad_request(&format!("Failed to validate scheduler::Call: {why}"));
    let missing = |what: &str| invalid(&format!("Expecting '{what}' to be present"));
    let kind = call
        .r#type
        .and_then(|number| call::Type::try_from(number).ok())
        .unwrap_or(call::Type::Unknown);
    let body = match kind {
        call::Type::Unknown => return missing("type"),
        call::Type::Teardown | call::Type::Revive | call::Type::Suppress => true,
        call::Type::Subscribe => call.subscribe.is_some(),
        call::Type::Accept => call.accept.is_some(),
        call::Type::Decline => call.decline.is_some(),
        call::Type::AcceptInverseOffers => call.accept_inverse_offers.is_some(),
        call::Type::DeclineInverseOffers => call.decline_inverse_offers.is_some(),
        call::Type::Kill => call.kill.is_some(),
        call::Type::Shutdown => call.shutdown.is_some(),
        call::Type::Acknowledge => call.acknowledge.is_some(),
        call::Type::AcknowledgeOperationStatus => call.acknowledge_operation_status.is_some(),
        call::Type::Reconcile => call.reconcile.is_some(),
        call::Type::ReconcileOperations => call.reconcile_operations.is_some(),
        call::Type::Message => call.message.is_some(),
        call::Type::Request => call.request.is_some(),
        call::Type::UpdateFramework => call.update_framework.is_some(),
    };
    if kind != call::Type::Subscribe && call.framework_id.is_none() {
        return missing("framework_id");
    }
    if !body {
        return missing(&kind.as_str_name().to_ascii_lowercase());
    }
    let subscribing = call.subscribe.as_ref().filter(|_| kind == call::Type::Subscribe);
    if subscribing.is_some_and(|subscribe| subscribe.framework_info.id != call.framework_id) {
        return invalid("'framework_id' differs from 'subscribe.framework_info.id'");
    }
    if kind == call::Type::Acknowledge
        && !call.acknowledge.as_ref().is_some_and(|it| is_uuid(&it.uuid))
    {
        return invalid("Not a valid UUID");
    }
    Ok(kind)
}

/// The same for an executor's call.
pub(super) fn executor_kind(call: &executor::Call) -> Result<executor::call::Type, Refusal> {
    use executor::call::Type;
    let invalid = |why: String| bad_request(&format!("Failed to validate Executor::Call: {why}"));
    let kind = call.r#type.and_then(|number| Type::try_from(number).ok()).unwrap_or(Type::Unknown);
    let (name, body) = match kind {
        Type::Unknown => ("type", false),
        Type::Subscribe => ("subscribe", call.subscribe.is_some()),
        Type::Update => ("update", call.update.is_some()),
        Type::Message => ("message", call.message.is_some()),
        Type::Heartbeat => ("heartbeat", true),
    };
    if !body {
        return invalid(format!("Expecting '{name}' to be present"));
    }
    let Some(status) =
        call.update.as_ref().map(|update| &update.status).filter(|_| kind == Type::Update)
    else {
        return Ok(kind);
    };
    let (executor, framework) = (&call.executor_id, &call.framework_id);
    match &status.uuid {
        None => return invalid("Expecting 'uuid' to be present".into()),
        Some(uuid) if !is_uuid(uuid) => return invalid("Not a valid UUID".into()),
        Some(_) => {}
    }
    if let Some(other) = status.executor_id.as_ref().filter(|id| *id != executor) {
        return invalid(format!(
            "ExecutorID in Call: {executor} does not match ExecutorID in TaskStatus: {other}"
        ));
    }
    if status.source.is_none() || status.source() != Source::Executor {
        return invalid(format!(
            "Received Call from executor {executor} of framework {framework} with invalid source, expecting \
             'SOURCE_EXECUTOR'"
        ));
    }
    if status.state() == TaskState::TaskStaging {
        return invalid(format!(
            "Received TASK_STAGING from executor {executor} of framework {framework} which is not allowed"
        ));
    }
    Ok(kind)
}

fn bad_request<T>(message: &str) -> Result<T, Refusal> {
    Err(Refusal::BadRequest(message.to_owned()))
}
