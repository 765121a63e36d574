//! Whether a master knows a framework that was registered before.
//!
//! Mesos accepts a framework under any id, also one that it never saw: a framework that comes with the state of another cluster
//! would share its id with the tasks there, and believe that they are gone. So the master is asked first. What it is asked for
//! survives its failover: agents keep their ids, they report their frameworks when they register again, and the registry has
//! every agent, away or not. The master's own id and address may change at any time and say nothing.
//!
//! | found | where |
//! | --- | --- |
//! | an agent with tasks of the framework | `/master/slaves`, or, also of those that are away, the registry |
//! | the framework itself, completed or not | `/master/frameworks` |
//!
//! A master that does not answer these questions (an older one, or one that wants other credentials) is believed.

use std::{collections::BTreeMap, time::Duration};

use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::Instant;

use super::subscribe::{Access, leader_of};
use crate::{
    master::HostPort,
    transport::{Connection, Target, read},
};

/// Agents have this long to register with a master that has just been elected, since we asked for the first time.
const SOONEST: Duration = Duration::from_secs(15);
/// The same with a master that has just been started: its agents notice it late.
const STARTED: Duration = Duration::from_secs(90);
/// Redirects that are followed.
const MAX_REDIRECTS: usize = 5;
/// The largest answer, in bytes.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

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
    pub(super) async fn ask(&mut self, master: &HostPort, access: &Access, framework: &str) -> Answer {
        let mut inquiry = Inquiry::new(master, access);
        if self.knows(&mut inquiry, framework).await != Some(false) {
            self.unknown = None;
            return Answer::Known;
        }
        let metrics: BTreeMap<String, f64> = inquiry.get("/metrics/snapshot").await.unwrap_or_default();
        let uptime = metrics.get("master/uptime_secs").and_then(|seconds| Duration::try_from_secs_f64(*seconds).ok());
        let leader = inquiry.target.host;
        let since = match &self.unknown {
            Some((before, since)) if *before == leader => *since,
            _ => Instant::now(),
        };
        let whose = if self.agents.is_empty() { "" } else { " nor any agent that its tasks run on" };
        let neither = if self.agents.is_empty() { "does not know" } else { "knows neither" };
        let reason = format!("the Mesos master {leader} {neither} the framework {framework}{whose}");
        self.unknown = Some((leader, since));
        if is_certain(since.elapsed(), uptime.unwrap_or_default(), !self.agents.is_empty()) {
            Answer::Unknown(reason)
        } else {
            Answer::NotYet(format!("{reason}; they may still register with it"))
        }
    }

    /// Whether the master knows the framework; `None` if it does not say.
    async fn knows(&self, master: &mut Inquiry<'_>, framework: &str) -> Option<bool> {
        // A small question first: it is enough for nearly every framework with tasks.
        if let Some(agent) = self.agents.first() {
            let found: Agents = master.get(&format!("/master/slaves?slave_id={}", encoded(agent))).await?;
            if found.slaves.iter().chain(&found.recovered_slaves).any(|found| found.id == *agent) {
                return Some(true);
            }
        }
        let found: Frameworks = master.get(&format!("/master/frameworks?framework_id={}", encoded(framework))).await?;
        if found.frameworks.iter().chain(&found.completed_frameworks).any(|found| found.id == framework) {
            return Some(true);
        }
        if self.agents.is_empty() {
            return Some(false);
        }
        let registry: Registry = master.get("/registrar(1)/registry").await?;
        Some(registry.agents().any(|agent| self.agents.iter().any(|ours| ours == agent)))
    }
}

/// Whether a master that has not known a framework for this long never will. Without tasks there is less to lose.
fn is_certain(waited: Duration, uptime: Duration, has_tasks: bool) -> bool {
    waited >= SOONEST && (!has_tasks || uptime >= STARTED || waited >= STARTED)
}

/// Questions to one master.
struct Inquiry<'a> {
    target: Target,
    access: &'a Access,
}

impl<'a> Inquiry<'a> {
    fn new(master: &HostPort, access: &'a Access) -> Self {
        Self { target: Target { host: master.clone(), tls: access.tls.clone(), socket: None }, access }
    }

    /// The JSON at a path of the leading master; `None` if there is none.
    async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Option<T> {
        let mut headers = HeaderMap::new();
        if let Some(authorization) = &self.access.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        for _ in 0..=MAX_REDIRECTS {
            let mut connection = Connection::open(&self.target).await.ok()?;
            let answer = connection.get(path, headers.clone()).await.ok()?;
            match answer.status() {
                StatusCode::OK => return serde_json::from_slice(&read(answer.into_body(), MAX_ANSWER).await?).ok(),
                status if status.is_redirection() => self.target.host = leader_of(&self.target, &answer).ok()?,
                status => {
                    tracing::debug!(master = %self.target, path, %status, "The master does not say what it knows.");
                    return None;
                }
            }
        }
        None
    }
}

/// For a query: everything but letters, digits and hyphens in its hexadecimal form.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b if b.is_ascii_alphanumeric() || b == b'-' => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Agents {
    slaves: Vec<Named>,
    recovered_slaves: Vec<Named>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Frameworks {
    frameworks: Vec<Named>,
    completed_frameworks: Vec<Named>,
}

#[derive(Deserialize)]
struct Value {
    value: String,
}

#[derive(Deserialize)]
struct Identified {
    id: Value,
}

#[derive(Deserialize)]
struct Admitted {
    info: Identified,
}

#[derive(Deserialize)]
struct All<T> {
    #[serde(default = "Vec::new")]
    slaves: Vec<T>,
}

impl<T> Default for All<T> {
    fn default() -> Self {
        Self { slaves: Vec::new() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Registry {
    slaves: All<Admitted>,
    unreachable: All<Identified>,
    gone: All<Identified>,
}

impl Registry {
    fn agents(&self) -> impl Iterator<Item = &str> {
        let admitted = self.slaves.slaves.iter().map(|agent| &agent.info);
        let away = self.unreachable.slaves.iter().chain(&self.gone.slaves);
        admitted.chain(away).map(|agent| agent.id.value.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn agents_have_time_to_register_with_a_master_before_a_framework_counts_as_unknown() {
        let seconds = Duration::from_secs;
        let day = seconds(86_400);
        assert!(!is_certain(seconds(14), day, true), "it may have been elected a moment ago");
        assert!(is_certain(seconds(15), day, true));
        assert!(!is_certain(seconds(15), seconds(20), true) && is_certain(seconds(15), seconds(90), true));
        assert!(is_certain(seconds(90), Duration::ZERO, true), "whether or not it says since when it runs");
        assert!(!is_certain(seconds(14), day, false) && is_certain(seconds(15), Duration::ZERO, false));
    }

    #[test]
    fn every_agent_of_a_registry_is_seen_whatever_has_become_of_it() {
        let registry = r#"{"master":{"info":{"id":"m"}},
            "slaves":{"slaves":[{"deactivated":false,"info":{"id":{"value":"m-S0"},"hostname":"h"}}]},
            "unreachable":{"slaves":[{"id":{"value":"m-S1"},"timestamp":{"nanoseconds":1}}]},
            "gone":{"slaves":[{"id":{"value":"m-S2"}}]}}"#;
        let registry: Registry = serde_json::from_str(registry).unwrap();
        assert_eq!(registry.agents().collect::<Vec<_>>(), ["m-S0", "m-S1", "m-S2"]);
        let empty: Registry = serde_json::from_str(r#"{"slaves":{}}"#).unwrap();
        assert_eq!(empty.agents().count(), 0);
    }

    #[test]
    fn an_id_in_a_query_stands_for_itself() {
        assert_eq!(encoded("a-0 b&c=d"), "a-0%20b%26c%3Dd");
    }
}
