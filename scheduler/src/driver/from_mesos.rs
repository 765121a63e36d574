//! Events from Mesos, and the reactions to them.

use mesos::{
    scheduler::{SchedulerConnection, SchedulerEvent, is_failed_over, is_framework_removed},
    v1::{self, scheduler::event},
};
use tracing::{debug, warn};

use super::{Driver, DriverError, Event};
use crate::{
    core::{ids::WorkerId, message::Input},
    takeover::{options_of, unknown},
};

impl Driver {
    pub(super) async fn mesos_event(&mut self, event: Option<SchedulerEvent>) {
        match event {
            Some(SchedulerEvent::Connecting { master, attempt }) => {
                debug!("Connecting to the Mesos master {master}, attempt {attempt}");
            }
            Some(SchedulerEvent::Subscribed { framework_id, .. }) => {
                self.framework.id = Some(framework_id.clone());
                self.events.push_back(Event::Registered(framework_id.value.clone()));
                self.feed(Input::Subscribed(framework_id.value)).await;
            }
            Some(SchedulerEvent::Event(event)) => self.framework_event(event).await,
            Some(SchedulerEvent::Disconnected { reason, retry_in }) => {
                self.events.push_back(Event::Disconnected { reason, retry_in });
                self.feed(Input::Disconnected).await;
            }
            Some(SchedulerEvent::ConstraintsRefused { reason }) => {
                debug!(%reason, "Mesos rejects the offer constraints; checking offers here only");
                self.options.offer_constraints = None;
            }
            Some(SchedulerEvent::Rejected { reason }) if is_framework_removed(&reason) => {
                self.start_over().await;
            }
            // A framework without tasks can be replaced without loss.
            Some(SchedulerEvent::Unknown { .. }) if self.core.workers().is_empty() => {
                self.start_over().await;
            }
            Some(SchedulerEvent::Unknown { reason }) => {
                let id = self.framework.id.as_ref().map_or("", |id| &id.value);
                let text = unknown(&reason, id, self.core.workers().len());
                self.fail(DriverError::UnknownFramework(text));
            }
            // The other one was elected too; we have not noticed yet.
            Some(SchedulerEvent::Rejected { reason })
                if is_failed_over(&reason) && self.watch.is_some() =>
            {
                self.deposed.cancel();
                self.events.push_back(Event::Deposed);
            }
            Some(SchedulerEvent::Rejected { reason }) if is_failed_over(&reason) => {
                self.fail(DriverError::TakenOver(reason));
            }
            Some(SchedulerEvent::Rejected { reason }) => {
                let options =
                    options_of(&reason).map(|options| format!(" ({options})")).unwrap_or_default();
                self.fail(DriverError::Rejected { reason, options });
            }
            // Mesos ends the connection after the teardown.
            None if self.core.is_stopping() => self.connected = false,
            None => self.fail(DriverError::ConnectionEnded),
        }
    }

    fn fail(&mut self, error: DriverError) {
        self.events.push_back(Event::Failed(error));
    }

    async fn framework_event(&mut self, event: v1::scheduler::Event) {
        match event.r#type() {
            event::Type::Offers => {
                let offers = event.offers.map(|event| event.offers).unwrap_or_default();
                self.agents.see(&offers);
                self.feed(Input::Offers(offers)).await;
            }
            event::Type::Rescind => {
                if let Some(rescind) = event.rescind {
                    self.feed(Input::Rescinded(rescind.offer_id.value)).await;
                }
            }
            event::Type::InverseOffers => {
                let offers =
                    event.inverse_offers.map(|event| event.inverse_offers).unwrap_or_default();
                self.feed(Input::InverseOffers(offers)).await;
            }
            event::Type::RescindInverseOffer => {
                if let Some(rescind) = event.rescind_inverse_offer {
                    self.feed(Input::InverseRescinded(rescind.inverse_offer_id.value)).await;
                }
            }
            event::Type::Update => {
                if let Some(update) = event.update {
                    if v1::TaskState::try_from(update.status.state).is_err() {
                        let (task, state) = (&update.status.task_id.value, update.status.state);
                        warn!("Mesos reports {task} in unknown state {state}");
                    }
                    self.look_at(&update.status);
                    self.feed(Input::Status(Box::new(update.status))).await;
                }
            }
            event::Type::Message => {
                let warning = event.message.and_then(|message| self.executors.message(&message));
                self.events
                    .extend(warning.map(|(worker, percent)| Event::MemoryWarning(worker, percent)));
            }
            other => debug!("Mesos sent {}", other.as_str_name()),
        }
    }

    /// Reports how a worker came up.
    fn look_at(&mut self, status: &v1::TaskStatus) {
        let worker = WorkerId::from(status.task_id.value.as_str());
        let Some(launched) = self.core.workers().get(&worker).map(|worker| worker.record.launched)
        else {
            return;
        };
        if let Some(steps) = self.executors.status(status, launched, self.since) {
            let timeline = self.executors.timeline(&worker);
            self.events.push_back(Event::CameUp { worker, steps, timeline });
        }
    }

    /// The master has removed our framework: registers a new one, once.
    async fn start_over(&mut self) {
        self.feed(Input::FrameworkRemoved).await;
        if self.core.is_stopping() || self.deposed.is_cancelled() {
            self.connected = false;
            return;
        }
        self.framework.id = None;
        self.framework.user.clone_from(&self.user);
        match SchedulerConnection::open(self.options.clone(), self.framework.clone(), Vec::new())
            .await
        {
            Ok((mesos, from_mesos)) => (self.mesos, self.from_mesos) = (mesos, from_mesos),
            Err(e) => self.fail(DriverError::Reopening(e)),
        }
    }
}
