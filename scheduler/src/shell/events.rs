//! Events from Mesos, the JobManager and signals, and the reactions to them.

use anyhow::anyhow;
use mesos::{
    scheduler::{SchedulerConnection, SchedulerEvent, is_failed_over, is_framework_removed},
    v1::{self, scheduler::event},
};
use serde_json::json;
use tracing::{debug, warn};

use super::{Next, Outcome, Shell};
use crate::{
    core::{
        ids::WorkerId,
        message::Input,
        state::Ended,
        worker::{Phase, Worker},
    },
    failure::Failure,
    job_manager::JobManagerEvent,
    takeover::{options_of, unknown},
};

impl Shell<'_> {
    pub(super) async fn mesos_event(&mut self, event: Option<SchedulerEvent>) -> Next {
        match event {
            Some(SchedulerEvent::Connecting { master, attempt }) => {
                debug!("Connecting to the Mesos master {master}, attempt {attempt}");
                Next::GoOn
            }
            Some(SchedulerEvent::Subscribed { framework_id, .. }) => {
                self.view.waiting_for_master = false;
                self.view.has_subscribed = true;
                let text = format!("Registered with Mesos as framework {}", framework_id.value);
                self.console.report("registered", &text, json!({ "framework": framework_id.value }));
                self.framework.id = Some(framework_id.clone());
                self.feed(Input::Subscribed(framework_id.value)).await
            }
            Some(SchedulerEvent::Event(event)) => self.framework_event(event).await,
            Some(SchedulerEvent::Disconnected { reason, retry_in }) => {
                // Reported once, not for every attempt.
                if !std::mem::replace(&mut self.view.waiting_for_master, true) {
                    let what = if self.view.has_subscribed { "Lost connection to" } else { "Cannot reach" };
                    let text = format!("{what} Mesos: {reason}. Retrying.");
                    self.console.report("disconnected", &text, json!({ "reason": reason }));
                }
                self.console.waiting(&format!("Retrying Mesos in {retry_in:.1?}: {reason}"));
                self.feed(Input::Disconnected).await
            }
            Some(SchedulerEvent::ConstraintsRefused { reason }) => {
                debug!(%reason, "Mesos rejects the offer constraints; checking offers here only");
                self.options.offer_constraints = None;
                Next::GoOn
            }
            Some(SchedulerEvent::Rejected { reason }) if is_framework_removed(&reason) => self.start_over().await,
            // A framework without tasks can be replaced without loss.
            Some(SchedulerEvent::Unknown { .. }) if self.core.workers().is_empty() => self.start_over().await,
            Some(SchedulerEvent::Unknown { reason }) => {
                let id = self.framework.id.as_ref().map_or("", |id| &id.value);
                Next::End(Err(Failure::usage(anyhow!(unknown(&reason, id, self.core.workers().len())))))
            }
            // The other one was elected too; we have not noticed yet.
            Some(SchedulerEvent::Rejected { reason }) if is_failed_over(&reason) && self.watch.is_some() => {
                self.deposed.cancel();
                Next::End(Ok(Outcome::Deposed))
            }
            Some(SchedulerEvent::Rejected { reason }) if is_failed_over(&reason) => {
                Next::End(Err(Failure::other(anyhow!("another application master has taken over: {reason}"))))
            }
            // Credentials, roles, an old version of Mesos: the user can fix all of these.
            Some(SchedulerEvent::Rejected { reason }) => {
                let options = options_of(&reason).map(|options| format!(" ({options})")).unwrap_or_default();
                Next::End(Err(Failure::usage(anyhow!("Mesos rejects this framework: {reason}{options}"))))
            }
            // Mesos ends the connection after the teardown.
            None if self.ending.is_some() => {
                self.connected = false;
                Next::GoOn
            }
            None => Next::End(Err(Failure::other(anyhow!("the connection to Mesos has ended")))),
        }
    }

    async fn framework_event(&mut self, event: v1::scheduler::Event) -> Next {
        match event.r#type() {
            event::Type::Offers => {
                let offers = event.offers.map(|event| event.offers).unwrap_or_default();
                self.view.agents.see(&offers);
                self.feed(Input::Offers(offers)).await
            }
            event::Type::Rescind => match event.rescind {
                Some(rescind) => self.feed(Input::Rescinded(rescind.offer_id.value)).await,
                None => Next::GoOn,
            },
            event::Type::InverseOffers => {
                let offers = event.inverse_offers.map(|event| event.inverse_offers).unwrap_or_default();
                self.feed(Input::InverseOffers(offers)).await
            }
            event::Type::RescindInverseOffer => match event.rescind_inverse_offer {
                Some(rescind) => self.feed(Input::InverseRescinded(rescind.inverse_offer_id.value)).await,
                None => Next::GoOn,
            },
            event::Type::Update => match event.update {
                Some(update) => {
                    if v1::TaskState::try_from(update.status.state).is_err() {
                        let (task, state) = (&update.status.task_id.value, update.status.state);
                        warn!("Mesos reports {task} in unknown state {state}");
                    }
                    self.look_at(&update.status);
                    self.feed(Input::Status(Box::new(update.status))).await
                }
                None => Next::GoOn,
            },
            event::Type::Message => {
                let warning = event.message.and_then(|message| self.view.executors.message(&message));
                if let Some((worker, percent)) = warning {
                    let text = format!("{worker} uses {percent} % of its memory limit: above it the kernel kills it");
                    self.console.report("memory", &text, json!({ "worker": worker.as_str(), "percent": percent }));
                }
                Next::GoOn
            }
            other => {
                debug!("Mesos sent {}", other.as_str_name());
                Next::GoOn
            }
        }
    }

    /// Reports how a worker came up.
    fn look_at(&mut self, status: &v1::TaskStatus) {
        let id = WorkerId::from(status.task_id.value.as_str());
        let Some(launched) = self.core.workers().get(&id).map(|worker| worker.record.launched) else { return };
        if let Some(steps) = self.view.executors.status(status, launched, self.since) {
            let text = format!("{id} came up: {steps}");
            self.console.detail(
                "up",
                &text,
                json!({ "worker": id.as_str(), "steps": self.view.executors.timeline(&id) }),
            );
        }
    }

    /// The master has removed our framework: registers a new one, once.
    async fn start_over(&mut self) -> Next {
        if let Next::End(ended) = self.feed(Input::FrameworkRemoved).await {
            return Next::End(ended);
        }
        if self.ending.is_some() {
            self.connected = false;
            return Next::GoOn;
        }
        self.framework.id = None;
        self.framework.user.clone_from(&self.user);
        match SchedulerConnection::open(self.options.clone(), self.framework.clone(), Vec::new()).await {
            Ok((mesos, events)) => {
                (self.mesos, self.events) = (mesos, events);
                Next::GoOn
            }
            Err(e) => Next::End(Err(Failure::other(e))),
        }
    }

    pub(super) async fn job_manager_event(&mut self, event: JobManagerEvent) -> Next {
        match event {
            JobManagerEvent::Ready => {
                self.view.job_manager_up = true;
                let text = format!("JobManager is up: {}", self.web);
                self.console.report("jobmanager-up", &text, json!({ "web": self.web }));
                self.report_if_ready();
                self.report_adopted();
                self.feed(Input::JobManager(true)).await
            }
            JobManagerEvent::TaskManagers(listed) => self.feed(Input::Registered(listed)).await,
            JobManagerEvent::Finished => {
                // Only an application can be unfinished while it runs.
                let what = if self.stopped == Ended::default() { "JobManager ended" } else { "application finished" };
                let text = format!("The {what}; shutting down the cluster.");
                self.console.report("jobmanager-ended", &text, json!({}));
                self.end(Ok(Outcome::Ended)).await
            }
            JobManagerEvent::Cancelled => {
                self.end(Err(Failure::Cancelled(anyhow!("the application was cancelled")))).await
            }
            JobManagerEvent::ApplicationFailed(why) => self.end(Err(Failure::other(anyhow!(why)))).await,
            // Leave workers that were taken over: elsewhere, or with other options, the JobManager may start.
            JobManagerEvent::Failed(why) if self.took_over => self.leave(Err(Failure::other(anyhow!(why)))),
            // Nothing was running before, so end what this process has started.
            JobManagerEvent::Failed(why) => self.stop(Err(Failure::other(anyhow!(why)))).await,
            JobManagerEvent::Restarting(why, wait) => {
                let text = format!("{why}\nRestarting it in {wait:.1?}.");
                self.console.report("jobmanager-restarting", &text, json!({ "reason": why }));
                self.feed(Input::JobManager(false)).await
            }
        }
    }

    /// Reports which TaskManagers the JobManager is waiting for.
    fn report_adopted(&self) {
        let waits = |worker: &Worker| worker.counts() && worker.phase == Phase::Running && !worker.registered;
        let adopted = self.view.adopted.iter().filter_map(|id| self.core.workers().get(id));
        let count = adopted.filter(|worker| waits(worker)).count();
        if count > 0 {
            let which = if count == 1 {
                "the earlier TaskManager".to_owned()
            } else {
                format!("the {count} earlier TaskManagers")
            };
            let text = format!("Waiting for {which} to find this JobManager");
            self.console.report("waiting-for-task-managers", &text, json!({ "workers": count }));
        }
    }

    /// Ctrl-C stops the cluster; a second one skips the waiting.
    pub(super) async fn interrupted(&mut self) -> Next {
        if self.ending.is_some() { self.give_up().await } else { self.end(Ok(Outcome::Stopped)).await }
    }

    /// SIGTERM leaves the workers to the next application master if the state is durable.
    pub(super) async fn terminated(&mut self) -> Next {
        if !self.durable {
            return self.interrupted().await;
        }
        self.leave(Ok(Outcome::Stopped))
    }

    /// Ends this program and nothing else.
    fn leave(&self, end: Result<Outcome, Failure>) -> Next {
        let text = "Leaving the TaskManagers to the next application master.";
        self.console.report("leaving", text, json!({}));
        Next::End(end)
    }
}
