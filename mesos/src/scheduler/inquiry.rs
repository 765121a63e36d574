//! Questions to a master about a framework and its agents.

use std::{collections::BTreeMap, time::Duration};

use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    listing::ListedFramework,
    subscribe::{Access, leader_of},
};
use crate::{
    master::HostPort,
    transport::{Connection, Target, read},
};

/// Redirects that are followed.
const MAX_REDIRECTS: usize = 5;
/// The largest answer, in bytes.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

/// Questions to one master.
pub(super) struct Inquiry<'a> {
    target: Target,
    access: &'a Access,
}

impl<'a> Inquiry<'a> {
    pub(super) fn new(master: &HostPort, access: &'a Access) -> Self {
        Self {
            target: Target { host: master.clone(), tls: access.tls.clone(), socket: None },
            access,
        }
    }

    /// The leader, once one has answered.
    pub(super) fn leader(&self) -> HostPort {
        self.target.host.clone()
    }

    /// What has become of the framework with this id. `None`, here and below: the master does not
    /// say.
    pub(super) async fn framework(&mut self, id: &str) -> Option<KnownFramework> {
        let found: Frameworks =
            self.get(&format!("/master/frameworks?framework_id={}", encoded(id))).await?;
        let is_completed = found.completed_frameworks.iter().any(|found| found.id == id);
        Some(match found.frameworks.into_iter().find(|found| found.id == id) {
            Some(registered) => KnownFramework::Registered(registered),
            None if is_completed => KnownFramework::Completed,
            None => KnownFramework::Unknown,
        })
    }

    /// The registered frameworks.
    pub(super) async fn frameworks(&mut self) -> Option<Vec<ListedFramework>> {
        let found: Listed = self.get("/master/frameworks").await?;
        Some(found.frameworks)
    }

    /// Whether this agent is registered.
    pub(super) async fn lists_agent(&mut self, id: &str) -> Option<bool> {
        let found: Agents = self.get(&format!("/master/slaves?slave_id={}", encoded(id))).await?;
        Some(found.slaves.iter().chain(&found.recovered_slaves).any(|found| found.id == id))
    }

    /// Whether one of these agents is in the registry.
    pub(super) async fn has_seen(&mut self, agents: &[String]) -> Option<bool> {
        if agents.is_empty() {
            return Some(false);
        }
        let registry: Registry = self.get("/registrar(1)/registry").await?;
        Some(registry.agents().any(|agent| agents.iter().any(|ours| ours == agent)))
    }

    /// How long the master has been running; zero if it does not say.
    pub(super) async fn uptime(&mut self) -> Duration {
        let metrics: BTreeMap<String, f64> =
            self.get("/metrics/snapshot").await.unwrap_or_default();
        let seconds = metrics.get("master/uptime_secs").copied().unwrap_or_default();
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// Says that the master does not know a framework with tasks on these agents.
    pub(super) fn unknown(&self, framework: &str, agents: &[String]) -> String {
        let leader = &self.target.host;
        if agents.is_empty() {
            format!("the Mesos master {leader} does not know the framework {framework}")
        } else {
            format!(
                "the Mesos master {leader} knows neither the framework {framework} nor any agent that its tasks run on"
            )
        }
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
                StatusCode::OK => {
                    return serde_json::from_slice(&read(answer.into_body(), MAX_ANSWER).await?)
                        .ok();
                }
                status if status.is_redirection() => {
                    self.target.host = leader_of(&self.target, &answer).ok()?;
                }
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

/// What has become of a framework.
pub(super) enum KnownFramework {
    Registered(RegisteredFramework),
    Completed,
    Unknown,
}

/// A framework as a master has registered it, as far as the master says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RegisteredFramework {
    id: String,
    /// Its user.
    pub user: Option<String>,
    /// Its principal.
    pub principal: Option<String>,
    /// Whether its tasks survive a restart of their agent.
    pub checkpoint: Option<bool>,
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
    frameworks: Vec<RegisteredFramework>,
    completed_frameworks: Vec<Named>,
}

#[derive(Deserialize)]
struct Listed {
    frameworks: Vec<ListedFramework>,
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
