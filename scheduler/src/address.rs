//! Which addresses and ports the JobManager and we are reached at.

mod hosts;
mod ports;

use std::net::{IpAddr, Ipv4Addr};

use mesos::master::MasterUrl;
use overlays::config::Configuration;
use tokio::net::TcpSocket;

pub(crate) use self::hosts::host;
pub use self::ports::{becomes_free, until_free};
use crate::settings::{SettingsError, rest_tls};

/// Where the JobManager is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The host that workers connect to; an IPv6 address stands without brackets.
    pub host: String,
    /// The host at which clients and browsers reach the REST API.
    pub rest_host: String,
    /// The port of its REST API and web page.
    pub rest_port: u16,
    /// The address to listen on.
    pub bind: IpAddr,
    /// Whether its REST API speaks TLS.
    pub tls: bool,
    /// The host at which its REST API is reached from this machine, where that is another one.
    pub rest_here: Option<String>,
}

impl Addresses {
    /// The address of the web page.
    pub fn web(&self) -> String {
        self.url(&self.rest_host)
    }

    /// Where the REST API is reached from this machine.
    pub fn web_here(&self) -> String {
        self.url(self.rest_here.as_deref().unwrap_or(&self.host))
    }

    fn url(&self, host: &str) -> String {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{host}:{}", self.rest_port)
    }
}

/// What to do when somebody else listens on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortInUse {
    /// Say so.
    Refuse,
    /// Take any free one, unless the command line asks for this one.
    TakeAnother,
    /// Nothing yet: until we lead it may be the leader's. See [`until_free`].
    Later,
}

/// A port that the system chose. As long as this lives it gives the port to nobody else, but a server that reuses addresses,
/// as those of Java do, may listen on it: the socket here is bound and does not listen.
#[derive(Debug)]
pub struct Reservation(#[expect(dead_code, reason = "held for its drop")] TcpSocket);

const RPC_ADDRESS: &str = "jobmanager.rpc.address";
pub(crate) const RPC_PORT: &str = "jobmanager.rpc.port";
pub(crate) const RPC_BIND_PORT: &str = "jobmanager.rpc.bind-port";
const REST_PORT: &str = "rest.port";
const REST_BIND_PORT: &str = "rest.bind-port";

/// Settles host and ports and writes them into the JobManager's configuration.
///
/// The file that Flink ships says `localhost` everywhere. That is kept only where Mesos itself is on this machine; else this
/// machine's address as the master sees it takes its place. What a user has chosen stays. Ports that the system chose are ours
/// for as long as the reservations live.
pub async fn settle(
    config: &mut Configuration,
    master: &MasterUrl,
    lookup: &dyn Fn(&str) -> Option<String>,
    in_use: PortInUse,
) -> Result<(Addresses, Vec<Reservation>), SettingsError> {
    let hosts::Hosts { host, bind, .. } = hosts::settle(config, master, lookup).await?;
    let (rest_port, reservations) = ports::settle(config, in_use, bind).await?;
    let rest_here = config.get("rest.bind-address").filter(|bind| !overlays::hosts::is_wildcard(bind));
    let rest_here = rest_here.filter(|bind| **bind != host).map(str::to_owned);
    let rest_host = config.get("rest.address").unwrap_or(&host).to_owned();
    let addresses = Addresses { host, rest_host, rest_port, bind, tls: rest_tls(config)?, rest_here };
    Ok((addresses, reservations))
}

/// Writes the hosts that [`settle`] would choose into the configuration, where they can be known, so that a person is told
/// what takes effect.
pub async fn explain(config: &mut Configuration, master: &MasterUrl, lookup: &dyn Fn(&str) -> Option<String>) {
    // What keeps them from being known is the business of a check.
    _ = hosts::settle(config, master, lookup).await;
}

/// What [`problems`] found.
#[derive(Debug, Default)]
pub struct Found {
    /// What would keep [`settle`] or the artifact server from working.
    pub problems: Vec<SettingsError>,
    /// What is only odd.
    pub warnings: Vec<String>,
}

/// What would keep [`settle`] or the artifact server from working: ports in use, a host that nobody knows; and what is only
/// odd. Without a master the host is not looked for.
pub async fn problems(
    config: &Configuration,
    master: Option<&MasterUrl>,
    lookup: &dyn Fn(&str) -> Option<String>,
    in_use: PortInUse,
) -> Found {
    let mut config = config.clone();
    let mut found = Found { problems: hosts::problems(&config), warnings: Vec::new() };
    let mut bind = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    if let Some(master) = master.filter(|_| found.problems.is_empty()) {
        match hosts::settle(&mut config, master, lookup).await {
            Ok(hosts) => (bind, found.warnings) = (hosts.bind, hosts.warnings),
            Err(problem) => found.problems.push(problem),
        }
    }
    ports::problems(&config, bind, in_use, &mut found).await;
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_stands_in_brackets_in_a_url() {
        let addresses = Addresses {
            host: "fd00::2".to_owned(),
            rest_host: "fd00::1".to_owned(),
            rest_port: 8081,
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            tls: false,
            rest_here: Some("127.0.0.1".to_owned()),
        };
        assert_eq!(addresses.web(), "http://[fd00::1]:8081");
        assert_eq!(addresses.web_here(), "http://127.0.0.1:8081");
    }
}
