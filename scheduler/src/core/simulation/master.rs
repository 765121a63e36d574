//! The simulated Mesos master.

mod agents;
mod maintenance;
mod offers;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use mesos::v1::{self, TaskState, TaskStatus};

use super::{
    agent::status,
    events::{Call, Event, FromMaster},
    parts::{Maintenance, Master, Offered, is_alive},
    resources::Amounts,
    world::World,
};
use crate::core::ids::Moment;

impl World {
    pub(crate) fn master_call(&mut self, link: u64, call: Call) {
        if matches!(call, Call::HangUp) {
            return self.link_ends(link);
        }
        if !self.master.up {
            return self.break_link(link);
        }
        if let Call::Subscribe(framework) = call {
            return self.subscribe(link, framework);
        }
        // A replaced connection is answered with 400.
        if self.master.link != Some(link) {
            return;
        }
        match call {
            Call::Subscribe(_) | Call::HangUp => {}
            Call::AcceptInverse(offers) => self.inverse_answered(&offers, None),
            Call::DeclineInverse(offers, refuse) => self.inverse_answered(&offers, Some(refuse)),
            Call::Accept { offers, launches } => self.accept(&offers, launches),
            Call::Decline(offers, refuse) => {
                for id in offers {
                    if let Some(Offered { agent, .. }) = self.master.offers.remove(&id) {
                        self.master.filters.insert(agent, self.now.after(refuse));
                        let until = u64::try_from(refuse.as_millis()).unwrap() + 1;
                        self.at(until, Event::Allocate);
                    }
                }
            }
            Call::Suppress => self.master.suppressed = true,
            Call::Revive => {
                self.master.suppressed = false;
                self.master.filters.clear();
                self.master.maintenance.values_mut().for_each(Maintenance::reset);
                self.changed();
            }
            Call::Kill { task, agent } => self.master_kill(&task, agent),
            Call::Shutdown { executor, agent } => {
                if let Some(place) =
                    self.agents.iter().position(|other| other.id == agent && other.reachable())
                {
                    let delay = self.latency();
                    self.at(delay, Event::Shutdown { agent: place, id: executor });
                }
            }
            Call::Acknowledge { agent, task, uuid } => self.master_acknowledge(&agent, &task, uuid),
            Call::Reconcile(tasks) if tasks.is_empty() => {
                let known: Vec<_> = self
                    .master
                    .agents
                    .iter()
                    .flat_map(|(agent, tasks)| {
                        tasks.iter().map(|(id, state)| (id.clone(), agent.clone(), *state))
                    })
                    .collect();
                for (id, agent, state) in known {
                    self.send_status(status(&id, &agent, state));
                }
                let unreachable: Vec<_> = self
                    .master
                    .unreachable
                    .iter()
                    .flat_map(|(agent, tasks)| tasks.iter().map(|id| (id.clone(), agent.clone())))
                    .collect();
                for (id, agent) in unreachable {
                    self.send_status(status(&id, &agent, TaskState::TaskUnreachable));
                }
            }
            Call::Reconcile(tasks) => {
                for (id, agent) in tasks {
                    self.answer(&id, &agent);
                }
            }
            Call::Teardown => self.remove_framework(),
        }
    }

    fn subscribe(&mut self, link: u64, framework: Option<String>) {
        let id = match framework {
            Some(id) if self.master.removed.contains(&id) => {
                return self.send(link, FromMaster::Removed);
            }
            Some(id) => id,
            None => {
                // A framework that nobody remembers ends at its failover timeout.
                self.remove_framework();
                self.next_framework += 1;
                format!("F{}", self.next_framework)
            }
        };
        if let Some(old) = self.master.link.replace(link) {
            self.send(old, FromMaster::FailedOver);
        }
        self.master.offers.clear();
        self.master.suppressed = false;
        self.master.filters.clear();
        self.master.maintenance.values_mut().for_each(Maintenance::reset);
        self.master.framework = Some(id.clone());
        self.send(link, FromMaster::Subscribed(id));
        self.changed();
    }

    fn link_ends(&mut self, link: u64) {
        if self.master.link == Some(link) {
            self.master.link = None;
            self.master.offers.clear();
        }
    }

    /// Sends the framework a task's status, if it is connected.
    pub(crate) fn send_status(&mut self, status: TaskStatus) {
        if let Some(link) = self.master.link
            && !self.chance(self.faults.events_lost)
        {
            self.send(link, FromMaster::Update(Box::new(status)));
        }
    }

    fn master_kill(&mut self, task: &str, agent: Option<String>) {
        let known = self
            .master
            .agents
            .iter()
            .find(|(_, tasks)| tasks.contains_key(task))
            .map(|(id, _)| id.clone());
        if let Some(id) = known {
            if let Some(place) =
                self.agents.iter().position(|other| other.id == id && other.reachable())
            {
                let delay = self.latency();
                self.at(delay, Event::Kill { agent: place, id: task.to_owned() });
            }
        } else if let Some(agent) = agent {
            self.answer(task, &agent);
        }
    }

    /// The answer to an explicit reconciliation.
    fn answer(&mut self, task: &str, agent: &str) {
        let known = self.master.agents.get(agent).and_then(|tasks| tasks.get(task).copied());
        let state = if let Some(state) = known {
            state
        } else if self.master.agents.contains_key(agent) {
            TaskState::TaskGone
        } else if self.master.recovering.contains(agent) {
            return;
        } else if self.master.unreachable.contains_key(agent) {
            TaskState::TaskUnreachable
        } else {
            TaskState::TaskUnknown
        };
        if matches!(state, TaskState::TaskGone | TaskState::TaskUnknown) {
            // The framework may believe that.
            self.excused.insert(task.into());
        }
        self.send_status(status(task, agent, state));
    }

    fn master_acknowledge(&mut self, agent: &str, task: &str, uuid: u64) {
        let Some(place) =
            self.agents.iter().position(|other| other.id == agent && other.reachable())
        else {
            return;
        };
        if let Some(tasks) = self.master.agents.get_mut(agent)
            && tasks.get(task).is_some_and(|state| !is_alive(*state))
        {
            tasks.remove(task);
        }
        let delay = self.latency();
        self.at(delay, Event::Acknowledged { agent: place, id: task.to_owned(), uuid });
    }

    /// Forwards an agent's update to the framework.
    pub(crate) fn master_update(&mut self, agent: usize, status: TaskStatus) {
        let id = self.agents[agent].id.clone();
        if !self.master.up || !self.agents[agent].reachable() {
            return;
        }
        let Some(tasks) = self.master.agents.get_mut(&id) else { return };
        if let Some(state) = tasks.get_mut(&status.task_id.value) {
            *state = TaskState::try_from(status.state).unwrap();
        }
        self.send_status(status);
        self.changed();
    }

    pub(crate) fn remove_framework(&mut self) {
        let Some(id) = self.master.framework.take() else { return };
        self.note(|| format!("framework {id} is removed"));
        self.master.removed.insert(id.clone());
        if let Some(link) = self.master.link.take() {
            self.send(link, FromMaster::Removed);
        }
        self.master.offers.clear();
        self.master.agents.values_mut().for_each(BTreeMap::clear);
        self.master.unreachable.values_mut().for_each(BTreeSet::clear);
        for agent in self.agents.iter_mut().filter(|agent| agent.reachable()) {
            agent.tasks.retain(|_, task| task.framework != id);
        }
    }
}
