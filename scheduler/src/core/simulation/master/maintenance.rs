//! Agents that the operators of Mesos take into maintenance: the master sends inverse offers for
//! them.

use super::*;

/// The filter of an answer without one.
const FILTER: Duration = Duration::from_secs(5);
const ROUND: u64 = 1000;

impl World {
    pub(crate) fn goes_into_maintenance(&mut self, agent: usize) {
        self.moved = true;
        let id = self.agents[agent].id.clone();
        let start = self.between(0, 1_200_000);
        let start = self.now.after(Duration::from_millis(start));
        let maintenance = Maintenance { start, outstanding: None, again: Moment(0) };
        if self.master.maintenance.insert(id.clone(), maintenance).is_none() {
            self.at(1, Event::AskBack { id: id.clone() });
            let end = self.between(1000, 400_000);
            self.at(end, Event::CalledOff { id });
        }
    }

    /// Like the allocator: a framework with tasks on the agent gets an inverse offer, unless it got
    /// one a moment ago.
    pub(crate) fn asks_back(&mut self, id: String) {
        let now = self.now;
        let Master { maintenance, agents, link, up, next, .. } = &mut self.master;
        let Some(wanted) = maintenance.get_mut(&id) else { return };
        let used =
            agents.get(&id).is_some_and(|tasks| tasks.values().any(|state| is_alive(*state)));
        if let Some(link) =
            link.filter(|_| *up && used && wanted.outstanding.is_none() && wanted.again <= now)
        {
            *next += 1;
            let offer = format!("I{next}");
            wanted.outstanding = Some(offer.clone());
            let offer = v1::InverseOffer {
                id: v1::OfferId { value: offer },
                agent_id: Some(v1::AgentId { value: id.clone() }),
                unavailability: wanted.unavailability(),
                ..Default::default()
            };
            self.send(link, FromMaster::InverseOffer(Box::new(offer)));
        }
        self.at(ROUND, Event::AskBack { id });
    }

    pub(super) fn inverse_answered(&mut self, offers: &[String], refuse: Option<Duration>) {
        for wanted in self.master.maintenance.values_mut() {
            if wanted.outstanding.take_if(|offer| offers.contains(offer)).is_some() {
                wanted.again = self.now.after(refuse.unwrap_or(FILTER));
            }
        }
    }

    /// Only frameworks that have not answered are notified.
    pub(crate) fn calls_off(&mut self, id: &str) {
        let Some(wanted) = self.master.maintenance.remove(id) else { return };
        if let (Some(link), Some(offer)) = (self.master.link, wanted.outstanding) {
            self.send(link, FromMaster::InverseRescinded(offer));
        }
    }
}
