//! Carries out the core's outputs.

use std::collections::VecDeque;

use mesos::{scheduler::calls, v1};

use super::{Driver, Event};
use crate::{
    core::{
        evidence::Inspection,
        ids::WorkerId,
        message::{Input, Launch, Notice, Output},
    },
    store::Batch,
};

impl Driver {
    /// Feeds the core an input and carries out its outputs. Then [`Driver::event`] has the events.
    pub async fn feed(&mut self, input: Input) {
        let mut outputs = VecDeque::from(self.core.handle(self.clock.now(), input));
        while let Some(output) = outputs.pop_front() {
            // The next leader does the rest.
            if self.deposed.is_cancelled() {
                self.events.push_back(Event::Deposed);
                return;
            }
            match output {
                Output::Teardown => {
                    if self.tear_down().await {
                        outputs.extend(self.core.handle(self.clock.now(), Input::TornDown));
                    }
                }
                Output::Stopped => {
                    self.events.push_back(Event::Stopped);
                    return;
                }
                output => self.carry_out(output),
            }
        }
    }

    /// Carries out an output that neither ends this driver nor leads to another input.
    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Store(number, changes) => {
                // The keeper ends only after this sender is dropped.
                _ = self.batches.send(Batch { number: Some(number), changes, written: None });
            }
            Output::Accept { offers, launches } => self.accept(offers, &launches),
            Output::Decline(offers, refuse) => {
                self.mesos.send(calls::decline(offers, refuse.as_secs_f64()));
            }
            Output::AcceptInverse(offers) => {
                self.mesos.send(calls::accept_inverse_offers(offers));
            }
            Output::DeclineInverse(offers, refuse) => {
                self.mesos.send(calls::decline_inverse_offers(offers, refuse.as_secs_f64()));
            }
            Output::Narrow => self.narrow(),
            Output::Widen => self.widen(),
            Output::InspectMaster => self.inspect_master(),
            Output::Suppress => self.mesos.send(calls::suppress(Vec::new())),
            Output::Revive => self.mesos.send(calls::revive(Vec::new())),
            Output::Kill { worker, agent } => {
                let agent = agent.map(|value| v1::AgentId { value });
                self.mesos.send(calls::kill(task_id(&worker), agent, None));
            }
            Output::Shutdown { worker, agent } => {
                let executor = v1::ExecutorId { value: worker.as_str().to_owned() };
                self.mesos.send(calls::shutdown(executor, v1::AgentId { value: agent }));
            }
            Output::Acknowledge { agent, task, uuid } => {
                self.mesos.send(calls::acknowledge(agent, task, uuid));
            }
            Output::Reconcile(workers) => {
                let tasks = workers.iter().map(|(worker, agent)| {
                    (task_id(worker), Some(v1::AgentId { value: agent.clone() }))
                });
                self.mesos.send(calls::reconcile(tasks));
            }
            Output::Notice(notice) => {
                if let Notice::Gone(worker, _) = &notice {
                    self.executors.gone(worker);
                }
                self.events.push_back(Event::Notice(notice));
            }
            Output::Teardown | Output::Stopped => {}
        }
    }

    /// Asks the master to leave out offers that are too small, in addition to our constraints. The
    /// next subscription does not repeat this.
    fn narrow(&self) {
        let Some(least) = &self.least_offer else { return };
        let filters = self.framework.roles.iter().map(|role| (role.clone(), least.clone()));
        let framework =
            v1::FrameworkInfo { offer_filters: filters.collect(), ..self.framework.clone() };
        let constraints = self.options.offer_constraints.clone();
        self.mesos.send(calls::update_framework(framework, Vec::new(), constraints));
    }

    /// Asks the master to drop our constraints until the next subscription.
    fn widen(&self) {
        if self.options.offer_constraints.is_some() {
            self.mesos.send(calls::update_framework(self.framework.clone(), Vec::new(), None));
        }
    }

    /// Reads the master's operator API in the background: nothing waits for the answer.
    fn inspect_master(&self) {
        let (mesos, roles, answer) =
            (self.mesos.clone(), self.framework.roles.clone(), self.inspections.0.clone());
        tokio::spawn(async move {
            let snapshot = mesos.snapshot().await;
            // During shutdown, there may be no receiver.
            _ = answer.send(Inspection { snapshot, roles });
        });
    }

    fn accept(&mut self, offers: Vec<v1::OfferId>, launches: &[Launch]) {
        let Some(framework) = &self.framework.id else { return };
        let tasks = launches.iter().map(|launch| {
            let token = (self.issue_token)(&launch.worker);
            self.template.task(launch, framework, &token)
        });
        self.mesos.send(calls::accept(offers, vec![calls::launch(tasks.collect())], 0.0));
    }
}

fn task_id(worker: &WorkerId) -> v1::TaskId {
    v1::TaskId { value: worker.as_str().to_owned() }
}
