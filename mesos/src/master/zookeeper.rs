//! The leader by ZooKeeper's election, as Mesos masters run it.
//!
//! Every master that stands for election has a sequential, ephemeral node `json.info_NNNNNNNNNN`
//! under the path, with its `MasterInfo` as JSON; the lowest number leads (Mesos
//! `src/master/detector/zookeeper.cpp`). Other nodes, such as `log_replicas`, are none of our
//! business.

use std::time::Duration;

use common::backoff::Backoff;
use serde::Deserialize;
use tokio::{sync::watch, time::sleep};
use tokio_util::task::AbortOnDropHandle;
use zookeeper_client::{Client, Error, EventType, OneshotWatcher};

use super::{HostPort, ZooKeeperUrl};

const SESSION_TIMEOUT: Duration = Duration::from_secs(10);
const NODE_PREFIX: &str = "json.info_";

/// Follows one election until it is dropped.
#[derive(Debug)]
pub(super) struct LeaderWatch {
    problem: watch::Receiver<String>,
    _task: AbortOnDropHandle<()>,
}

impl LeaderWatch {
    /// Starts to watch and to publish the leader there. While ZooKeeper is away the last leader
    /// stays: it may well go on.
    pub(super) fn start(
        url: ZooKeeperUrl,
        https: bool,
        leader: watch::Sender<Option<HostPort>>,
    ) -> Self {
        let (problem, problems) = watch::channel("ZooKeeper has not answered yet".to_owned());
        let task = tokio::spawn(Election { url, https, leader, problem }.follow());
        Self { problem: problems, _task: AbortOnDropHandle::new(task) }
    }

    /// Why no leader is known, for people.
    pub(super) fn problem(&self) -> watch::Receiver<String> {
        self.problem.clone()
    }
}

struct Election {
    url: ZooKeeperUrl,
    https: bool,
    leader: watch::Sender<Option<HostPort>>,
    problem: watch::Sender<String>,
}

impl Election {
    async fn follow(self) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            let error = match self.connect().await {
                Ok(client) => {
                    backoff.reset();
                    self.follow_session(&client).await
                }
                Err(error) => error,
            };
            let wait = backoff.next();
            tracing::info!(zookeeper = %self.url, %error, retry_in = ?wait, "ZooKeeper session ended");
            self.problem.send_replace(match error {
                Error::NoHosts => "no server of the ensemble can be reached".to_owned(),
                error => format!("ZooKeeper: {error}"),
            });
            sleep(wait).await;
        }
    }

    async fn connect(&self) -> Result<Client, Error> {
        let mut connector =
            Client::connector().with_session_timeout(SESSION_TIMEOUT).with_fail_eagerly();
        if let Some(digest) = &self.url.digest {
            connector = connector.with_auth("digest", digest.as_bytes());
        }
        connector.connect(&self.url.connect_string()).await
    }

    /// Looks, publishes and waits for the next change, until the session is over.
    async fn follow_session(&self, client: &Client) -> Error {
        loop {
            let watcher = match self.look(client).await {
                Ok(watcher) => watcher,
                Err(error) => return error,
            };
            let event = watcher.changed().await;
            if event.event_type == EventType::Session && event.session_state.is_terminated() {
                return Error::SessionExpired;
            }
        }
    }

    /// Publishes the present leader; the watcher fires when the election may have another outcome.
    async fn look(&self, client: &Client) -> Result<OneshotWatcher, Error> {
        loop {
            let (names, watcher) = match client.list_and_watch_children(&self.url.path).await {
                Ok(found) => found,
                Err(Error::NoNode) => match client.check_and_watch_stat(&self.url.path).await? {
                    (None, watcher) => {
                        self.publish(None, format!("no node {}", self.url.path));
                        return Ok(watcher);
                    }
                    (Some(_), _) => continue,
                },
                Err(error) => return Err(error),
            };
            let Some(name) = first(&names) else {
                self.publish(None, format!("no master in the election under {}", self.url.path));
                return Ok(watcher);
            };
            match client.get_data(&format!("{}/{name}", self.url.path)).await {
                Ok((data, _)) => match address(&data, self.https) {
                    Ok(leader) => self.publish(Some(leader), String::new()),
                    Err(why) => self.publish(
                        None,
                        format!("node {}/{name} is not readable: {why}", self.url.path),
                    ),
                },
                // It lost just now: look again.
                Err(Error::NoNode) => continue,
                Err(error) => return Err(error),
            }
            return Ok(watcher);
        }
    }

    fn publish(&self, leader: Option<HostPort>, problem: String) {
        self.problem.send_replace(problem);
        self.leader.send_if_modified(|known| {
            let modified = *known != leader;
            if modified {
                let shown = leader.as_ref().map(ToString::to_string);
                tracing::info!(zookeeper = %self.url, leader = shown, "The leading master has changed");
                *known = leader;
            }
            modified
        });
    }
}

/// The candidate with the lowest sequence number.
fn first(names: &[String]) -> Option<&String> {
    let sequence = |name: &&String| {
        name.strip_prefix(NODE_PREFIX).and_then(|number| number.parse::<u64>().ok())
    };
    names.iter().filter(|name| sequence(name).is_some()).min_by_key(sequence)
}

/// What we need of a `MasterInfo` in JSON.
#[derive(Deserialize)]
struct MasterJson {
    address: AddressJson,
}

#[derive(Deserialize)]
struct AddressJson {
    hostname: Option<String>,
    ip: Option<String>,
    port: u16,
}

/// The address to connect to: with https the host name, which the certificate has.
fn address(data: &[u8], https: bool) -> Result<HostPort, String> {
    let master: MasterJson = serde_json::from_slice(data).map_err(|error| error.to_string())?;
    let AddressJson { hostname, ip, port } = master.address;
    let host = if https { hostname.or(ip) } else { ip.or(hostname) };
    let host = host.filter(|host| !host.is_empty()).ok_or("neither hostname nor ip in it")?;
    Ok(HostPort { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_sequence_number_leads_and_other_nodes_do_not_count() {
        let names = [
            "log_replicas",
            "json.info_0000000012",
            "info_0000000001",
            "json.info_0000000007",
            "json.info_x",
        ];
        let names = names.map(str::to_owned);
        assert_eq!(first(&names).unwrap(), "json.info_0000000007");
        assert_eq!(first(&names[..1]), None);
    }

    #[test]
    fn a_master_goes_by_its_address_and_with_https_by_its_name() {
        let data = br#"{"address":{"hostname":"m1.example","ip":"10.0.0.1","port":5050},"id":"x","ip":16777226}"#;
        assert_eq!(address(data, false).unwrap().to_string(), "10.0.0.1:5050");
        assert_eq!(address(data, true).unwrap().to_string(), "m1.example:5050");
    }

    #[test]
    fn a_node_without_an_address_is_an_error_that_says_so() {
        assert!(address(b"{}", false).unwrap_err().contains("address"));
        assert!(address(b"\x0a\x03abc", false).is_err());
        assert!(address(br#"{"address":{"port":5050}}"#, false).unwrap_err().contains("neither"));
    }
}
