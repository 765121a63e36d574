//! Whether a master knows a framework that was registered before.
//!
//! Mesos accepts a framework under any id, also one that it never saw: a framework that comes with
//! the state of another cluster would share its id with the tasks there, and believe that they are
//! gone. So the master is asked first. What it is asked for survives its failover: agents keep
//! their ids, they report their frameworks when they register again, and the registry has every
//! agent, away or not. The master's own id and address may change at any time and say nothing.
//!
//! | found | where |
//! | --- | --- |
//! | an agent with tasks of the framework | `/master/slaves`, or, also of those that are away, the registry |
//! | the framework itself, completed or not | `/master/frameworks` |
//!
//! A master that does not answer these questions (an older one, or one that wants other
//! credentials) is believed.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    inquiry::{Inquiry, KnownFramework},
    subscribe::Access,
};
use crate::master::HostPort;

/// Agents have this long to register with a master that has just been elected, since we asked for
/// the first time.
const SOONEST: Duration = Duration::from_secs(15);
/// The same with a master that has just been started: its agents notice it late.
pub(super) const STARTED: Duration = Duration::from_secs(90);

/// What is known of a framework beside its id.
pub(super) struct Recognition {
    agents: Vec<String>,
    /// The master that does not know it, and since when.
    unknown: Option<(HostPort, Instant)>,
}

/// What a master says of a framework.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It knows it, or does not say.
    Known,
    /// It does not know it yet.
    NotYet(String),
    /// It is not the master of this framework, or has lost its registry.
    Unknown(String),
}

impl Recognition {
    /// Of a framework with tasks on these agents.
    pub(super) fn new(agents: Vec<String>) -> Self {
        Self { agents, unknown: None }
    }

    /// Asks this master, or the one that it redirects to.
    pub(super) async fn ask(
        &mut self,
        master: &HostPort,
        access: &Access,
        framework: &str,
    ) -> Answer {
        let mut inquiry = Inquiry::new(master, access);
        if self.knows(&mut inquiry, framework).await != Some(false) {
            self.unknown = None;
            return Answer::Known;
        }
        let (uptime, reason) = (inquiry.uptime().await, inquiry.unknown(framework, &self.agents));
        let leader = inquiry.leader();
        let since = match &self.unknown {
            Some((before, since)) if *before == leader => *since,
            _ => Instant::now(),
        };
        self.unknown = Some((leader, since));
        if is_certain(since.elapsed(), uptime, !self.agents.is_empty()) {
            Answer::Unknown(reason)
        } else {
            Answer::NotYet(format!("{reason}; they may still register with it"))
        }
    }

    /// Whether the master knows the framework; `None` if it does not say.
    async fn knows(&self, master: &mut Inquiry<'_>, framework: &str) -> Option<bool> {
        // A small question first: it is enough for nearly every framework with tasks.
        if let Some(agent) = self.agents.first()
            && master.lists_agent(agent).await?
        {
            return Some(true);
        }
        match master.framework(framework).await? {
            KnownFramework::Registered(_) | KnownFramework::Completed => Some(true),
            KnownFramework::Unknown => master.has_seen(&self.agents).await,
        }
    }
}

/// Whether a master that has not known a framework for this long never will. Without tasks there is
/// less to lose.
fn is_certain(waited: Duration, uptime: Duration, has_tasks: bool) -> bool {
    waited >= SOONEST && (!has_tasks || uptime >= STARTED || waited >= STARTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_have_time_to_register_with_a_master_before_a_framework_counts_as_unknown() {
        let seconds = Duration::from_secs;
        let day = seconds(86_400);
        assert!(!is_certain(seconds(14), day, true), "it may have been elected a moment ago");
        assert!(is_certain(seconds(15), day, true));
        assert!(
            !is_certain(seconds(15), seconds(20), true)
                && is_certain(seconds(15), seconds(90), true)
        );
        assert!(
            is_certain(seconds(90), Duration::ZERO, true),
            "whether or not it says since when it runs"
        );
        assert!(
            !is_certain(seconds(14), day, false) && is_certain(seconds(15), Duration::ZERO, false)
        );
    }
}
