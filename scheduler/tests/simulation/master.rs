//! The simulated Mesos master.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use mesos::v1::{self, TaskState, TaskStatus};
use scheduler::core::message::Moment;

use crate::{
    agent::{is_alive, status},
    resources::Amounts,
    world::{Call, Event, FromMaster, World},
};

#[derive(Debug, Default)]
pub(crate) struct Master {
    pub(crate) up: bool,
    /// The framework that is registered, if any, and the link on which it is subscribed.
    pub(crate) framework: Option<String>,
    pub(crate) link: Option<u64>,
    /// Frameworks that were removed; the registry does not keep them, but no id is given twice.
    pub(crate) removed: BTreeSet<String>,
    /// The tasks that it knows, by agent id.
    pub(crate) agents: BTreeMap<String, BTreeMap<String, TaskState>>,
    /// Agents of the registry that have not registered again since the failover.
    recovering: BTreeSet<String>,
    pub(crate) unreachable: BTreeMap<String, BTreeSet<String>>,
    pub(crate) offers: BTreeMap<String, (usize, Amounts)>,
    suppressed: bool,
    /// Agents that go into maintenance, and when.
    pub(crate) wanted_back: BTreeMap<String, Moment>,
    filters: BTreeMap<usize, Moment>,
    next: u64,
}

fn unavailability(start: Moment) -> v1::Unavailability {
    let nanoseconds = i64::try_from(start.0).unwrap() * 1_000_000;
    v1::Unavailability { start: v1::TimeInfo { nanoseconds }, duration: None }
}

impl World {
    pub(crate) fn master_call(&mut self, link: u64, call: Call) {
        if !self.master.up {
            return self.break_link(link);
        }
        if let Call::Subscribe(framework) = call {
            return self.subscribe(link, framework);
        }
        // A connection that was taken over is answered with 400.
        if self.master.link != Some(link) {
            return;
        }
        match call {
            Call::Subscribe(_) | Call::Inverse => {}
            Call::Accept { offers, launches } => self.accept(&offers, launches),
            Call::Decline(offers, refuse) => {
                for id in offers {
                    if let Some((agent, _)) = self.master.offers.remove(&id) {
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
                self.changed();
            }
            Call::Kill { task, agent } => self.master_kill(&task, agent),
            Call::Acknowledge { agent, task, uuid } => self.master_acknowledge(&agent, &task, uuid),
            Call::Reconcile(tasks) if tasks.is_empty() => {
                let known: Vec<_> = self
                    .master
                    .agents
                    .iter()
                    .flat_map(|(agent, tasks)| tasks.iter().map(|(id, state)| (id.clone(), agent.clone(), *state)))
                    .collect();
                for (id, agent, state) in known {
                    self.tell(status(&id, &agent, state));
                }
                let unreachable: Vec<_> = self
                    .master
                    .unreachable
                    .iter()
                    .flat_map(|(agent, tasks)| tasks.iter().map(|id| (id.clone(), agent.clone())))
                    .collect();
                for (id, agent) in unreachable {
                    self.tell(status(&id, &agent, TaskState::TaskUnreachable));
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
        self.master.framework = Some(id.clone());
        self.send(link, FromMaster::Subscribed(id));
        self.changed();
    }

    /// Tells the framework of a task, if it is connected.
    pub(crate) fn tell(&mut self, status: TaskStatus) {
        if let Some(link) = self.master.link
            && !self.chance(self.faults.events_lost)
        {
            self.send(link, FromMaster::Update(Box::new(status)));
        }
    }

    /// Asks for an agent, for maintenance.
    pub(crate) fn master_wants_back(&mut self, agent: usize) {
        self.moved = true;
        let id = self.agents[agent].id.clone();
        let soon = self.between(0, 1_200_000);
        let start = self.now.after(Duration::from_millis(soon));
        self.master.next += 1;
        let offer = v1::InverseOffer {
            id: v1::OfferId { value: format!("I{}", self.master.next) },
            agent_id: Some(v1::AgentId { value: id.clone() }),
            unavailability: unavailability(start),
            ..Default::default()
        };
        self.master.wanted_back.insert(id, start);
        if let Some(link) = self.master.link {
            self.send(link, FromMaster::InverseOffer(Box::new(offer.clone())));
            // It is over after a while.
            self.master.wanted_back.clear();
            let end = self.between(1000, 200_000);
            self.push(
                self.now.after(Duration::from_millis(end)),
                Event::FromMaster { link, what: FromMaster::InverseRescinded(offer.id.value) },
            );
        }
    }

    pub(crate) fn allocate(&mut self) {
        let (Some(link), true) = (self.master.link, self.master.up && !self.master.suppressed) else { return };
        let mut offers = Vec::new();
        for (i, agent) in self.agents.iter().enumerate() {
            let offered = self.master.offers.values().any(|(other, _)| *other == i);
            let filtered = self.master.filters.get(&i).is_some_and(|until| *until > self.now);
            if offered || filtered || !agent.reachable() || !self.master.agents.contains_key(&agent.id) {
                continue;
            }
            // What the master has given away and the agent does not know of yet is not free.
            let free = agent.free();
            let known = &self.master.agents[&agent.id];
            let on_the_way = known.iter().any(|(id, state)| is_alive(*state) && !agent.tasks.contains_key(id));
            if free.is_empty() || on_the_way {
                continue;
            }
            self.master.next += 1;
            let id = format!("O{}", self.master.next);
            self.master.offers.insert(id.clone(), (i, free.clone()));
            offers.push(v1::Offer {
                id: v1::OfferId { value: id },
                agent_id: v1::AgentId { value: agent.id.clone() },
                hostname: format!("host{}", agent.host),
                resources: free.to_resources(),
                unavailability: self.master.wanted_back.get(&agent.id).copied().map(unavailability),
                ..Default::default()
            });
        }
        if !offers.is_empty() {
            self.send(link, FromMaster::Offers(offers));
        }
    }

    fn accept(&mut self, offers: &[String], launches: Vec<(String, String, Amounts)>) {
        let framework = self.master.framework.clone().expect("a framework that is subscribed");
        let used: Vec<_> = offers.iter().map(|id| self.master.offers.remove(id)).collect();
        let valid = used.iter().all(Option::is_some);
        let mut room = Amounts::default();
        for (_, amounts) in used.iter().flatten() {
            room.add(amounts);
        }
        for (id, agent, taken) in launches {
            let place = self.agents.iter().position(|other| other.id == agent && other.reachable());
            match place {
                Some(place) if valid && self.master.agents.contains_key(&agent) => {
                    assert!(room.take(&taken), "{id} takes more of {offers:?} than was offered: {taken:?}");
                    self.master.agents.entry(agent).or_default().insert(id.clone(), TaskState::TaskStaging);
                    let delay = self.latency();
                    let registration = self.agents[place].registration;
                    let task = (id, framework.clone(), taken);
                    self.at(delay, Event::Launch { agent: place, registration, task });
                }
                _ => self.tell(status(&id, &agent, TaskState::TaskDropped)),
            }
        }
        self.changed();
    }

    fn master_kill(&mut self, task: &str, agent: Option<String>) {
        let known = self.master.agents.iter().find(|(_, tasks)| tasks.contains_key(task)).map(|(id, _)| id.clone());
        if let Some(id) = known {
            if let Some(place) = self.agents.iter().position(|other| other.id == id && other.reachable()) {
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
        self.tell(status(task, agent, state));
    }

    fn master_acknowledge(&mut self, agent: &str, task: &str, uuid: u64) {
        let Some(place) = self.agents.iter().position(|other| other.id == agent && other.reachable()) else { return };
        if let Some(tasks) = self.master.agents.get_mut(agent)
            && tasks.get(task).is_some_and(|state| !is_alive(*state))
        {
            tasks.remove(task);
        }
        let delay = self.latency();
        self.at(delay, Event::Acknowledged { agent: place, id: task.to_owned(), uuid });
    }

    /// An agent's update on its way to the framework.
    pub(crate) fn master_update(&mut self, agent: usize, status: TaskStatus) {
        let id = self.agents[agent].id.clone();
        if !self.master.up || !self.agents[agent].reachable() {
            return;
        }
        let Some(tasks) = self.master.agents.get_mut(&id) else { return };
        if let Some(state) = tasks.get_mut(&status.task_id.value) {
            *state = TaskState::try_from(status.state).unwrap();
        }
        self.tell(status);
        self.changed();
    }

    pub(crate) fn agent_registers(&mut self, agent: usize) {
        let Self { master, agents, .. } = self;
        let Some(place) = agents.get_mut(agent).filter(|place| place.reachable() && master.up) else { return };
        let id = place.id.clone();
        place.registration += 1;
        // Tasks of a framework that is gone are ended.
        place.tasks.retain(|_, task| !master.removed.contains(&task.framework));
        master.recovering.remove(&id);
        let was_unreachable = master.unreachable.remove(&id).is_some();
        let there = place.tasks.iter().map(|(id, task)| (id.clone(), task.state)).collect();
        let before = master.agents.insert(id.clone(), there).unwrap_or_default();
        let mut news = Vec::new();
        for lost in before.keys().filter(|task| !place.tasks.contains_key(*task)) {
            news.push((lost.clone(), TaskState::TaskDropped));
        }
        if was_unreachable {
            news.extend(place.tasks.iter().map(|(task, of)| (task.clone(), of.state)));
        }
        for (task, state) in news {
            self.tell(status(&task, &id, state));
        }
        self.changed();
    }

    /// The connection to an agent has ended; after a while it counts as unreachable.
    pub(crate) fn agent_vanishes(&mut self, agent: usize) {
        let id = self.agents[agent].id.clone();
        self.rescind(agent);
        self.at(20_000, Event::AgentTimeout { agent, id });
    }

    pub(crate) fn rescind(&mut self, agent: usize) {
        let lost: Vec<_> =
            self.master.offers.iter().filter(|(_, (other, _))| *other == agent).map(|(id, _)| id.clone()).collect();
        for id in lost {
            self.master.offers.remove(&id);
            if let Some(link) = self.master.link {
                self.send(link, FromMaster::Rescind(id));
            }
        }
    }

    pub(crate) fn agent_timeout(&mut self, agent: usize, id: &str) {
        if !self.master.up || (self.agents[agent].id == id && self.agents[agent].reachable()) {
            return;
        }
        let known = self.master.agents.remove(id);
        let Some(tasks) = known.or_else(|| self.master.recovering.remove(id).then(BTreeMap::new)) else { return };
        self.master.unreachable.insert(id.to_owned(), tasks.keys().cloned().collect());
        for task in tasks.keys() {
            self.tell(status(task, id, TaskState::TaskUnreachable));
        }
    }

    pub(crate) fn marked_gone(&mut self, id: &str) {
        let Some(tasks) = self.master.unreachable.remove(id) else { return };
        for task in tasks {
            self.tell(status(&task, id, TaskState::TaskGoneByOperator));
        }
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

    /// Another master takes over: it has the registry's agents and nothing else.
    pub(crate) fn master_fails_over(&mut self) {
        let known = self.master.agents.keys().cloned().chain(self.master.recovering.iter().cloned()).collect();
        let removed = std::mem::take(&mut self.master.removed);
        let unreachable = std::mem::take(&mut self.master.unreachable).into_keys();
        let unreachable = unreachable.map(|id| (id, BTreeSet::new())).collect();
        let next = self.master.next;
        if let Some(link) = self.master.link.take() {
            self.break_link(link);
        }
        self.master = Master { recovering: known, removed, unreachable, next, ..Master::default() };
        let delay = self.between(500, 5000);
        self.at(delay, Event::MasterReturns);
    }

    pub(crate) fn master_returns(&mut self) {
        self.master.up = true;
        for agent in 0..self.agents.len() {
            let delay = self.between(100, 15_000);
            self.at(delay, Event::AgentRegisters { agent });
        }
        for id in self.master.recovering.clone() {
            let agent = self.agents.iter().position(|agent| agent.id == id).unwrap_or(0);
            self.at(60_000, Event::AgentTimeout { agent, id });
        }
    }
}
