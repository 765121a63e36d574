//! The agents that have made an offer.

use std::collections::{HashMap, HashSet};

use mesos::v1::Offer;

use super::Driver;

/// Agents by id, with their host names.
#[derive(Debug, Default)]
pub(super) struct Agents {
    ids: HashMap<String, String>,
    names: HashSet<String>,
}

/// Number of remembered agents; further ones are ignored.
const MOST: usize = 100_000;

impl Agents {
    pub(super) fn see(&mut self, offers: &[Offer]) {
        for offer in offers {
            let (id, name) = (&offer.agent_id.value, &offer.hostname);
            if self.ids.get(id).is_some_and(|known| known == name) || self.ids.len() >= MOST {
                continue;
            }
            self.ids.insert(id.clone(), name.clone());
            self.names.insert(name.clone());
        }
    }

    /// The ids and host names of all agents.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.ids.keys().chain(&self.names).map(String::as_str)
    }

    /// Whether an agent has this id or host name.
    pub(super) fn has(&self, agent: &str) -> bool {
        self.ids.contains_key(agent) || self.names.contains(agent)
    }
}

impl Driver {
    /// Finds `host:port` of an agent's API, as far as the master shows it.
    pub fn agent_address(&self, agent: &str) -> impl Future<Output = Option<String>> + use<> {
        let (mesos, agent) = (self.mesos.clone(), agent.to_owned());
        async move {
            let known = mesos.snapshot().await.agents?;
            let found = known.agents.into_iter().map(|known| known.agent_info);
            let found = found
                .into_iter()
                .find(|info| info.id.as_ref().is_some_and(|id| id.value == agent))?;
            Some(place(&found.hostname, found.port()))
        }
    }
}

/// `host:port`; an IPv6 address has brackets.
fn place(host: &str, port: i32) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_whose_host_is_an_ipv6_address_is_reached_in_brackets() {
        assert_eq!(place("fd00::7", 5051), "[fd00::7]:5051");
        assert_eq!(place("agent-1", 5051), "agent-1:5051");
    }

    #[test]
    fn an_agent_is_known_by_its_id_and_its_host_name_once_an_offer_has_come() {
        let mut agents = Agents::default();
        assert!(!agents.has("S1"));
        agents.see(&[Offer {
            agent_id: "S1".into(),
            hostname: "agent-1".into(),
            ..Offer::default()
        }]);
        assert!(agents.has("S1") && agents.has("agent-1") && !agents.has("agent-2"));
    }
}
