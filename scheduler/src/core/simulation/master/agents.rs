//! The simulated master's view of agents: they register, disappear, return; and another master
//! takes over.

use super::*;

impl World {
    pub(crate) fn agent_registers(&mut self, agent: usize) {
        let Self { master, agents, .. } = self;
        let Some(place) = agents.get_mut(agent).filter(|place| place.reachable() && master.up)
        else {
            return;
        };
        let id = place.id.clone();
        place.registration += 1;
        // Tasks of a removed framework are ended.
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
            self.send_status(status(&task, &id, state));
        }
        self.changed();
    }

    /// The connection to an agent ends; after a while the agent counts as unreachable.
    pub(crate) fn agent_vanishes(&mut self, agent: usize) {
        let id = self.agents[agent].id.clone();
        self.rescind(agent);
        self.at(20_000, Event::AgentTimeout { agent, id });
    }

    pub(crate) fn agent_timeout(&mut self, agent: usize, id: &str) {
        if !self.master.up || (self.agents[agent].id == id && self.agents[agent].reachable()) {
            return;
        }
        let known = self.master.agents.remove(id);
        let Some(tasks) = known.or_else(|| self.master.recovering.remove(id).then(BTreeMap::new))
        else {
            return;
        };
        self.master.unreachable.insert(id.to_owned(), tasks.keys().cloned().collect());
        for task in tasks.keys() {
            self.send_status(status(task, id, TaskState::TaskUnreachable));
        }
    }

    pub(crate) fn marked_gone(&mut self, id: &str) {
        let Some(tasks) = self.master.unreachable.remove(id) else { return };
        for task in tasks {
            self.send_status(status(&task, id, TaskState::TaskGoneByOperator));
        }
    }

    /// Another master takes over: it knows only the registry's agents.
    pub(crate) fn master_fails_over(&mut self) {
        let known = self
            .master
            .agents
            .keys()
            .cloned()
            .chain(self.master.recovering.iter().cloned())
            .collect();
        let removed = std::mem::take(&mut self.master.removed);
        let unreachable = std::mem::take(&mut self.master.unreachable).into_keys();
        let unreachable = unreachable.map(|id| (id, BTreeSet::new())).collect();
        let next = self.master.next;
        // The registry contains the operators' maintenance schedule.
        let mut maintenance = std::mem::take(&mut self.master.maintenance);
        maintenance.values_mut().for_each(Maintenance::reset);
        if let Some(link) = self.master.link.take() {
            self.break_link(link);
        }
        self.master = Master {
            recovering: known,
            removed,
            unreachable,
            maintenance,
            next,
            ..Master::default()
        };
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
