//! Resources are offered, refused for a while, taken back.

use std::time::Duration;

use mesos::v1::{
    Address, Filters, Offer as OfferMessage, OfferId, Url,
    framework_info::capability::Type as Capability,
    resource::AllocationInfo,
    scheduler::{
        Event,
        event::{self, Offers},
    },
};

use super::{
    Amount, Core,
    framework::{Filter, Framework},
};

/// The longest filter that is kept to: a year.
const MAX_FILTER: f64 = 365.0 * 24.0 * 3600.0;

#[derive(Debug)]
pub(super) struct Offer {
    pub(super) framework: String,
    pub(super) agent: usize,
    pub(super) role: String,
    pub(super) resources: Amount,
}

impl Core {
    /// Offers each agent's free resources, undivided, to the framework and role with the smallest
    /// share.
    pub(super) fn allocate(&mut self) {
        let now = self.now.uptime;
        for framework in self.frameworks.values_mut() {
            framework.filters.retain(|filter| filter.until > now);
        }
        let mut made: Vec<String> = Vec::new();
        for agent in 0..self.agents.len() {
            let free = self.free(agent);
            if !free.is_allocatable() {
                continue;
            }
            let Some((framework, role)) = self.neediest(agent, &free) else { continue };
            let id = self.ids.offer();
            self.offers.insert(id.clone(), Offer { framework, agent, role, resources: free });
            made.push(id);
        }
        self.send_offers(&made);
    }

    /// What nobody uses and nobody is offered.
    pub(super) fn free(&self, agent: usize) -> Amount {
        let mut free = self.agents[agent].total.clone();
        for offer in self.offers.values().filter(|offer| offer.agent == agent) {
            free.subtract(&offer.resources);
        }
        for executor in self
            .executors
            .iter()
            .filter(|(key, _)| key.agent == agent)
            .map(|(_, executor)| executor)
        {
            free.subtract(&executor.resources);
        }
        let tasks = self.frameworks.values().flat_map(|framework| framework.tasks.values());
        for task in tasks.filter(|task| task.executor.agent == agent && !task.is_terminal()) {
            free.subtract(&task.resources);
        }
        free
    }

    /// The framework and role that wants this and has the smallest share of the cluster.
    fn neediest(&self, agent: usize, free: &Amount) -> Option<(String, String)> {
        let connected = self.frameworks.iter().filter(|(_, framework)| framework.stream.is_some());
        let wants = |framework: &Framework, role: &String| {
            let refused = |filter: &Filter| {
                filter.agent == agent && filter.role == *role && filter.resources.contains(free)
            };
            !framework.suppressed.contains(role)
                && framework.finds_enough(role, free)
                && !framework.filters.iter().any(refused)
        };
        let candidates = connected.flat_map(|(id, framework)| {
            framework
                .roles()
                .into_iter()
                .filter(move |role| wants(framework, role))
                .map(move |role| (id, role))
        });
        let with_share = candidates.map(|(id, role)| (self.share(id, &role), id.clone(), role));
        with_share.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, id, role)| (id, role))
    }

    /// The dominant share of what a framework has and is offered in a role.
    fn share(&self, framework: &str, role: &str) -> f64 {
        let mut has = Amount::default();
        for offer in
            self.offers.values().filter(|offer| offer.framework == framework && offer.role == role)
        {
            has.add(&offer.resources);
        }
        let tasks = self
            .frameworks
            .get(framework)
            .into_iter()
            .flat_map(|framework| framework.tasks.values());
        for task in tasks.filter(|task| task.role == role && !task.is_terminal()) {
            has.add(&task.resources);
        }
        let mut whole = Amount::default();
        for agent in &self.agents {
            whole.add(&agent.total);
        }
        has.share_of(&whole)
    }

    /// One OFFERS event for each framework that got some.
    fn send_offers(&mut self, made: &[String]) {
        let ids: Vec<String> = self.frameworks.keys().cloned().collect();
        for id in ids {
            let Some(framework) = self.frameworks.get(&id) else { continue };
            let Some(stream) = framework.stream else { continue };
            let mine = made.iter().filter_map(|offer| self.offers.get_key_value(offer));
            let offers: Vec<OfferMessage> = mine
                .filter(|(_, offer)| offer.framework == id)
                .map(|(offer_id, offer)| self.offer_message(framework, offer_id, offer))
                .collect();
            if !offers.is_empty() {
                let event = Event {
                    r#type: Some(event::Type::Offers.into()),
                    offers: Some(Offers { offers }),
                    ..Event::default()
                };
                self.send(stream, event);
            }
        }
    }

    fn offer_message(&self, framework: &Framework, id: &str, offer: &Offer) -> OfferMessage {
        let multi_role = framework.is_capable(Capability::MultiRole);
        let mut resources = offer.resources.to_list(multi_role.then_some(&offer.role));
        if !framework.is_capable(Capability::ReservationRefinement) {
            for resource in &mut resources {
                resource.role = Some("*".into());
            }
        }
        let host = self.address.ip().to_string();
        let address = Address {
            hostname: Some(host.clone()),
            ip: Some(host.clone()),
            port: self.address.port().into(),
        };
        let path = Some(format!("/slave({})", offer.agent + 1));
        let executors = self
            .executors
            .keys()
            .filter(|key| key.agent == offer.agent && key.framework == offer.framework);
        OfferMessage {
            id: id.into(),
            framework_id: offer.framework.as_str().into(),
            agent_id: self.agents[offer.agent].id.as_str().into(),
            hostname: host,
            url: Some(Url { scheme: "http".into(), address, path, ..Url::default() }),
            resources,
            executor_ids: executors.map(|key| key.executor.as_str().into()).collect(),
            allocation_info: multi_role.then(|| AllocationInfo { role: Some(offer.role.clone()) }),
            ..OfferMessage::default()
        }
    }

    /// DECLINE: what is declined is not offered again for a while. Offers that are no more do not
    /// matter.
    pub(super) fn decline(
        &mut self,
        framework: &str,
        offers: &[OfferId],
        filters: Option<&Filters>,
    ) {
        for id in offers {
            if self.offers.get(&id.value).is_some_and(|offer| offer.framework == framework)
                && let Some(offer) = self.offers.remove(&id.value)
            {
                self.refuse(framework, offer.agent, &offer.role, offer.resources, filters);
            }
        }
    }

    /// Notes that a framework does not want these resources for as long as the filter says.
    pub(super) fn refuse(
        &mut self,
        framework: &str,
        agent: usize,
        role: &str,
        resources: Amount,
        filters: Option<&Filters>,
    ) {
        let default = Filters::default().refuse_seconds();
        let seconds = filters.map_or(default, Filters::refuse_seconds);
        let seconds =
            if seconds < 0.0 || seconds.is_nan() { default } else { seconds.min(MAX_FILTER) };
        if seconds == 0.0 || resources.is_empty() {
            return;
        }
        let until =
            self.now.uptime + Duration::from_secs_f64(seconds).max(self.options.offer_interval);
        if let Some(framework) = self.frameworks.get_mut(framework) {
            framework.filters.push(Filter { agent, role: role.to_owned(), resources, until });
        }
    }

    /// REVIVE: forgets filters and suppression of these roles, of all of them when none is named.
    pub(super) fn revive(&mut self, framework: &str, roles: &[String]) {
        if let Some(framework) = self.frameworks.get_mut(framework) {
            let meant = |role: &String| roles.is_empty() || roles.contains(role);
            framework.suppressed.retain(|role| !meant(role));
            framework.filters.retain(|filter| !meant(&filter.role));
        }
        self.allocate();
    }

    /// SUPPRESS: no more offers for these roles, for all of them when none is named. Offers already
    /// made stay good.
    pub(super) fn suppress(&mut self, framework: &str, roles: Vec<String>) {
        if let Some(framework) = self.frameworks.get_mut(framework) {
            let roles = if roles.is_empty() { framework.roles() } else { roles };
            framework.suppressed.extend(roles);
        }
    }

    pub(super) fn take_back_offers(&mut self, framework: &str) {
        self.offers.retain(|_, offer| offer.framework != framework);
    }
}
