//! Agents that Mesos wants back for maintenance.

use std::{collections::BTreeMap, time::Duration};

use crate::core::ids::Moment;

/// Workers leave an agent this long before its maintenance begins.
const LEAD: Duration = Duration::from_secs(600);
/// Mesos repeats the inverse offer for an agent every few seconds while it wants the agent back.
/// Only frameworks that did not accept are notified when it stops.
const STILL_WANTED: Duration = Duration::from_secs(60);

/// The agents that Mesos wants back.
#[derive(Debug, Default)]
pub(super) struct Maintenance(BTreeMap<String, WantedBack>);

/// One agent that Mesos wants back.
#[derive(Debug)]
struct WantedBack {
    start: Moment,
    /// The latest inverse offer for it.
    offer: String,
    asked: Moment,
}

impl Maintenance {
    /// Mesos wants an agent back from `start` on, by this inverse offer.
    pub(super) fn add(&mut self, now: Moment, agent: String, start: Moment, offer: String) {
        self.0.insert(agent, WantedBack { start, offer, asked: now });
    }

    /// An inverse offer is no longer valid. Returns whether an agent is no longer wanted back.
    pub(super) fn rescinded(&mut self, offer: &str) -> bool {
        self.keep(|wanted| wanted.offer != offer)
    }

    /// Forgets agents that Mesos no longer asks for. Returns whether there were any.
    pub(super) fn expire(&mut self, now: Moment) -> bool {
        self.keep(|wanted| now < wanted.asked.after(STILL_WANTED))
    }

    fn keep(&mut self, which: impl Fn(&WantedBack) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|_, wanted| which(wanted));
        self.0.len() < before
    }

    /// Forgets all agents.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether Mesos wants no agent back.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether Mesos wants this agent back.
    pub(super) fn concerns(&self, agent: &str) -> bool {
        self.0.contains_key(agent)
    }

    /// Whether workers leave this agent already.
    pub(super) fn is_near(&self, now: Moment, agent: &str) -> bool {
        self.0.get(agent).is_some_and(|wanted| wanted.start <= now.after(LEAD))
    }

    /// When workers start, or no longer need, to leave.
    pub(super) fn wake_at(&self, now: Moment) -> Option<Moment> {
        let lead = u64::try_from(LEAD.as_millis()).unwrap_or(0);
        let moments = |wanted: &WantedBack| {
            [Moment(wanted.start.0.saturating_sub(lead)), wanted.asked.after(STILL_WANTED)]
        };
        self.0.values().flat_map(moments).filter(|at| *at > now).min()
    }
}
