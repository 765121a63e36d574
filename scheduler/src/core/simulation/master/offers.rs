//! Offers and rescinds of the simulated master, and their results.

use super::*;

impl World {
    pub(crate) fn allocate(&mut self) {
        let (Some(link), true) = (self.master.link, self.master.up && !self.master.suppressed)
        else {
            return;
        };
        let mut offers = Vec::new();
        for (i, agent) in self.agents.iter().enumerate() {
            let offered = self.master.offers.values().any(|offered| offered.agent == i);
            let filtered = self.master.filters.get(&i).is_some_and(|until| *until > self.now);
            if offered
                || filtered
                || !agent.reachable()
                || !self.master.agents.contains_key(&agent.id)
            {
                continue;
            }
            // What the master has assigned is not free, even if the agent does not know it yet.
            let free = agent.free();
            let known = &self.master.agents[&agent.id];
            let on_the_way =
                known.iter().any(|(id, state)| is_alive(*state) && !agent.tasks.contains_key(id));
            if free.is_empty() || on_the_way {
                continue;
            }
            self.master.next += 1;
            let id = format!("O{}", self.master.next);
            let unavailability =
                self.master.maintenance.get(&agent.id).map(Maintenance::unavailability);
            let (amounts, unavailable) = (free.clone(), unavailability.is_some());
            self.master.offers.insert(id.clone(), Offered { agent: i, amounts, unavailable });
            offers.push(v1::Offer {
                id: v1::OfferId { value: id },
                agent_id: v1::AgentId { value: agent.id.clone() },
                hostname: format!("host{}", agent.host),
                resources: free.to_resources(),
                unavailability,
                ..Default::default()
            });
        }
        if !offers.is_empty() {
            self.send(link, FromMaster::Offers(offers));
        }
    }

    pub(super) fn accept(&mut self, offers: &[String], launches: Vec<(String, String, Amounts)>) {
        let framework = self.master.framework.clone().expect("a framework that is subscribed");
        let used: Vec<_> = offers.iter().map(|id| self.master.offers.remove(id)).collect();
        let valid = used.iter().all(Option::is_some);
        let mut room = Amounts::default();
        for offered in used.iter().flatten() {
            assert!(
                !offered.unavailable,
                "S14: something is launched on an agent that goes into maintenance"
            );
            room.add(&offered.amounts);
        }
        for (id, agent, taken) in launches {
            let place = self.agents.iter().position(|other| other.id == agent && other.reachable());
            match place {
                Some(place) if valid && self.master.agents.contains_key(&agent) => {
                    assert!(
                        room.take(&taken),
                        "{id} takes more of {offers:?} than was offered: {taken:?}"
                    );
                    self.check_launch(&id);
                    self.master
                        .agents
                        .entry(agent)
                        .or_default()
                        .insert(id.clone(), TaskState::TaskStaging);
                    let delay = self.latency();
                    let registration = self.agents[place].registration;
                    let task = (id, framework.clone(), taken);
                    self.at(delay, Event::Launch { agent: place, registration, task });
                }
                _ => self.send_status(status(&id, &agent, TaskState::TaskDropped)),
            }
        }
        self.changed();
    }

    pub(crate) fn rescind(&mut self, agent: usize) {
        let lost: Vec<_> = self
            .master
            .offers
            .iter()
            .filter(|(_, offered)| offered.agent == agent)
            .map(|(id, _)| id.clone())
            .collect();
        for id in lost {
            self.master.offers.remove(&id);
            if let Some(link) = self.master.link {
                self.send(link, FromMaster::Rescind(id));
            }
        }
    }
}
