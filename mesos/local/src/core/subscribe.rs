//! A framework comes, goes, fails over, and is removed.

use std::{collections::BTreeSet, time::Duration};

use mesos::v1::{
    FrameworkInfo,
    scheduler::{
        Event,
        call::Subscribe,
        event::{self, Error, Subscribed},
    },
};
use uuid::Uuid;

use super::{Amount, Core, Output, Refusal, framework::Framework, roles};

/// The longest failover timeout that is kept to: a year.
const MAX_FAILOVER: f64 = 365.0 * 24.0 * 3600.0;

impl Core {
    /// SUBSCRIBE on a new stream. An error in the framework is sent on the stream, which then ends.
    pub(super) fn subscribe(&mut self, stream: Uuid, call: Subscribe) -> Result<(), Refusal> {
        refuse_unsupported(&call)?;
        let mut info = call.framework_info;
        let id = info.id.as_ref().map(|id| id.value.clone()).filter(|id| !id.is_empty());
        let removed = id.as_ref().is_some_and(|id| self.removed.contains(id));
        let fault =
            if removed { Some("Framework has been removed".into()) } else { roles::fault(&info) };
        if let Some(message) = fault {
            self.end_stream(stream, message);
            return Ok(());
        }
        let id = id.unwrap_or_else(|| self.ids.framework());
        info.id = Some(id.as_str().into());
        self.activate(&id, stream, info, call.suppressed_roles.into_iter().collect());
        Ok(())
    }

    fn activate(
        &mut self,
        id: &str,
        stream: Uuid,
        info: FrameworkInfo,
        suppressed: BTreeSet<String>,
    ) {
        let failed_over = self.frameworks.get(id).and_then(|framework| framework.stream);
        if let Some(old) = failed_over {
            self.end_stream(old, "Framework failed over".into());
        }
        self.take_back_offers(id);
        let heartbeat_at = self.now.uptime + self.options.heartbeat_interval;
        let framework =
            self.frameworks.entry(id.to_owned()).or_insert_with(|| Framework::new(info.clone()));
        framework.info = info;
        framework.stream = Some(stream);
        framework.suppressed = suppressed;
        framework.filters.clear();
        framework.removal_at = None;
        framework.heartbeat_at = heartbeat_at;
        self.send(stream, self.subscribed(id));
        self.send(
            stream,
            Event { r#type: Some(event::Type::Heartbeat.into()), ..Event::default() },
        );
        self.resend_updates(id);
        self.allocate();
    }

    fn subscribed(&self, id: &str) -> Event {
        let subscribed = Subscribed {
            framework_id: id.into(),
            heartbeat_interval_seconds: Some(self.options.heartbeat_interval.as_secs_f64()),
            master_info: Some(self.master_info()),
        };
        Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(subscribed),
            ..Event::default()
        }
    }

    fn end_stream(&mut self, stream: Uuid, message: String) {
        let error = Some(Error { message });
        self.send(
            stream,
            Event { r#type: Some(event::Type::Error.into()), error, ..Event::default() },
        );
        self.outputs.push(Output::Close(stream));
    }

    pub(super) fn heartbeat(&mut self, id: &str) {
        let (now, interval) = (self.now.uptime, self.options.heartbeat_interval);
        let Some(framework) = self.frameworks.get_mut(id) else { return };
        if let Some(stream) = framework.stream.filter(|_| framework.heartbeat_at <= now) {
            framework.heartbeat_at = now + interval;
            self.send(
                stream,
                Event { r#type: Some(event::Type::Heartbeat.into()), ..Event::default() },
            );
        }
    }

    /// A client went away from its stream, a scheduler's or an executor's.
    pub(crate) fn stream_closed(&mut self, stream: Uuid) {
        if let Some(executor) =
            self.executors.values_mut().find(|executor| executor.stream == Some(stream))
        {
            executor.stream = None;
        }
        let left =
            self.frameworks.iter_mut().find(|(_, framework)| framework.stream == Some(stream));
        let Some((id, framework)) = left else { return };
        let seconds = framework.info.failover_timeout().clamp(0.0, MAX_FAILOVER);
        framework.stream = None;
        framework.filters.clear();
        framework.removal_at = Some(self.now.uptime + Duration::from_secs_f64(seconds));
        let id = id.clone();
        self.take_back_offers(&id);
    }

    /// Ends the framework for good: its executors are shut down, its tasks are forgotten, its id is
    /// void.
    pub(super) fn remove_framework(&mut self, id: &str) {
        self.take_back_offers(id);
        let Some(framework) = self.frameworks.remove(id) else { return };
        self.removed.insert(id.to_owned());
        if let Some(stream) = framework.stream {
            self.outputs.push(Output::Close(stream));
        }
        let keys: Vec<_> =
            self.executors.keys().filter(|key| key.framework == id).cloned().collect();
        for key in keys {
            // As the real master does: what a removed framework had is free before its executors
            // have ended.
            if let Some(executor) = self.executors.get_mut(&key) {
                executor.resources = Amount::default();
            }
            self.shut_down(&key);
        }
    }
}

fn refuse_unsupported(call: &Subscribe) -> Result<(), Refusal> {
    if call
        .offer_constraints
        .as_ref()
        .is_some_and(|constraints| !constraints.role_constraints.is_empty())
    {
        return Err(Refusal::NotImplemented(
            "The local Mesos does not do offer constraints".into(),
        ));
    }
    Ok(())
}
