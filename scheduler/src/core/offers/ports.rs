//! Chooses the ports of workers from those offered.
//!
//! Mesos offers an agent's ports even if another process listens on one. So ports are drawn at
//! random from all that are offered: two clusters on one host seldom choose the same one, and a
//! taken port is not tried again and again. A port on which a TaskManager could not listen is
//! avoided for a minute. For ten minutes it is used only if there is no other.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use rand::{SeedableRng as _, rngs::SmallRng};

use crate::core::{ids::Moment, resources::Pool, state::AgentProfile, worker::WorkerPorts};

/// How long a port is avoided that a failure named.
const NAMED_FOR: Duration = Duration::from_secs(60);
/// How long a port of a failed launch is used only if there is no other.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);
/// Failed ports remembered per agent; the latest ones.
const PORTS_EACH: usize = 64;
/// Agents remembered.
const AGENTS: usize = 1000;

/// Phrases in messages about a failure to listen on a port, in any case.
const SIGNS: [&str; 6] =
    ["bind", "in use", "any port", "port is taken", "permission denied", "listen"];

/// Draws ports, and remembers those that failed.
#[derive(Debug)]
pub(super) struct Ports {
    chance: SmallRng,
    failed: HashMap<String, FailedPorts>,
}

/// The failed ports of an agent.
#[derive(Debug)]
struct FailedPorts {
    place: Arc<AgentProfile>,
    ports: VecDeque<Failed>,
}

/// A port of a launch that failed.
#[derive(Clone, Copy, Debug)]
struct Failed {
    port: u16,
    at: Moment,
    /// Whether the message named this very port.
    named: bool,
}

impl Ports {
    /// The same seed draws the same ports.
    pub(super) fn new(seed: u64) -> Self {
        Self { chance: SmallRng::seed_from_u64(seed), failed: HashMap::new() }
    }

    /// Draws ports.
    pub(super) fn chance(&mut self) -> &mut SmallRng {
        &mut self.chance
    }

    /// A launch with these ports failed at `place`, with this message.
    pub(super) fn add(
        &mut self,
        now: Moment,
        place: &Arc<AgentProfile>,
        ports: &[u16],
        message: &str,
    ) {
        if ports.is_empty() {
            return;
        }
        self.forget(now);
        let named = named(message, ports);
        let whole = if named.is_empty() { ports } else { &named };
        let failed = self.failed.entry(place.agent.clone());
        let failed = &mut failed
            .or_insert_with(|| FailedPorts { place: Arc::clone(place), ports: VecDeque::new() })
            .ports;
        failed.retain(|one| !whole.contains(&one.port));
        failed.extend(whole.iter().map(|port| Failed {
            port: *port,
            at: now,
            named: !named.is_empty(),
        }));
        while failed.len() > PORTS_EACH {
            failed.pop_front();
        }
    }

    /// Forgets old failures, and the agent with the oldest one if there are too many agents.
    fn forget(&mut self, now: Moment) {
        self.failed.retain(|_, failed| {
            failed.ports.retain(|one| now.since(one.at) < REMEMBERED_FOR);
            !failed.ports.is_empty()
        });
        let last = |(agent, failed): (&String, &FailedPorts)| {
            Some((failed.ports.back()?.at, agent.clone()))
        };
        if self.failed.len() >= AGENTS
            && let Some((_, oldest)) = self.failed.iter().filter_map(last).min()
        {
            self.failed.remove(&oldest);
        }
    }

    /// Forgets the failures on one agent, called by its id or host name, or on all.
    pub(super) fn clear(&mut self, agent: Option<&str>) {
        self.failed.retain(|_, failed| agent.is_some_and(|agent| !failed.place.is_called(agent)));
    }

    /// Removes ports that failed on this agent from its offered ones.
    pub(super) fn avoid(&self, now: Moment, agent: &str, pool: &mut Pool) {
        for one in self.ports_of(agent) {
            match now.since(one.at) {
                since if one.named && since < NAMED_FOR => pool.avoid(one.port, true),
                since if since < REMEMBERED_FOR => pool.avoid(one.port, false),
                _ => {}
            }
        }
    }

    /// How long until this agent's last port named by a failure is usable again.
    pub(super) fn wait(&self, now: Moment, agent: &str) -> Duration {
        let named = self.ports_of(agent).filter(|one| one.named);
        named.map(|one| one.at.after(NAMED_FOR).since(now)).max().unwrap_or_default()
    }

    fn ports_of(&self, agent: &str) -> impl Iterator<Item = &Failed> {
        self.failed.get(agent).into_iter().flat_map(|failed| &failed.ports)
    }
}

/// Those of `ports` that the message says a process could not listen on.
fn named(message: &str, ports: &[u16]) -> WorkerPorts {
    let is_sign = |line: &&str| {
        let line = line.to_ascii_lowercase();
        SIGNS.iter().any(|sign| line.contains(sign))
    };
    let numbers = |line| {
        str::split(line, |c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse::<u16>().ok())
    };
    let named: Vec<u16> = message.lines().filter(is_sign).flat_map(numbers).collect();
    ports.iter().copied().filter(|port| named.contains(port)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_only_ports_of_the_worker_in_lines_about_listening() {
        let ports = [31000, 31001];
        for (message, expected) in [
            (
                "java.net.BindException: Could not start actor system on any port in port range 31001 (exit 239)",
                &[31001][..],
            ),
            ("TASK_FAILED: could not listen on port 31000: Permission denied", &[31000]),
            (
                "Could not start rest endpoint on any port in port range 31000-31001",
                &[31000, 31001],
            ),
            ("java.net.BindException: Address already in use", &[]),
            ("lost akka.tcp://flink@host:31001/user\nport 310010 is in use", &[]),
        ] {
            assert_eq!(&*named(message, &ports), expected, "{message}");
        }
    }

    #[test]
    fn remembered_failures_are_bounded_and_expire() {
        let mut ports = Ports::new(1);
        let place = |agent: &str| {
            Arc::new(AgentProfile {
                agent: agent.into(),
                hostname: format!("host-{agent}"),
                ..AgentProfile::default()
            })
        };
        for i in 0..AGENTS + 10 {
            ports.add(Moment(i as u64), &place(&format!("S{i}")), &[31000], "");
        }
        assert!(ports.failed.len() <= AGENTS && !ports.failed.contains_key("S0"));
        for port in 31000..31200 {
            ports.add(Moment(2000), &place("S500"), &[port], "");
        }
        assert_eq!(
            (ports.failed["S500"].ports.len(), ports.failed["S500"].ports.back().unwrap().port),
            (PORTS_EACH, 31199)
        );
        for name in ["S1", "host-S1"] {
            ports.add(Moment(1_000_000), &place("S1"), &[31000], "");
            assert_eq!(ports.failed.len(), 1);
            ports.clear(Some("host-S2"));
            assert_eq!(ports.failed.len(), 1);
            ports.clear(Some(name));
            assert!(ports.failed.is_empty());
        }
    }
}
