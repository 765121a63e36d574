//! The addresses and ports at which the JobManager and this application master are reached.

mod hosts;
mod ports;

use std::net::{IpAddr, Ipv4Addr};

use flink::{
    config::Configuration,
    options::flink::{REST_ADDRESS, REST_BIND_ADDRESS},
};
use mesos::master::MasterUrl;
use tokio::net::TcpSocket;

pub(crate) use self::hosts::host;
pub use self::ports::{becomes_free, until_free};
use crate::settings::{SettingsError, rest_tls};

/// The JobManager's addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The host that workers connect to; an IPv6 address has no brackets.
    pub host: String,
    /// The host at which clients and browsers reach the REST API.
    pub rest_host: String,
    /// The port of its REST API and web page.
    pub rest_port: u16,
    /// The address to listen on.
    pub bind: IpAddr,
    /// Whether the REST API speaks TLS.
    pub tls: bool,
    /// The host at which this machine reaches the REST API, if it differs.
    pub rest_here: Option<String>,
}

impl Addresses {
    /// The URL of the web page.
    pub fn web(&self) -> String {
        self.url(&self.rest_host)
    }

    /// The URL at which this machine reaches the REST API.
    pub fn web_here(&self) -> String {
        self.url(self.rest_here.as_deref().unwrap_or(&self.host))
    }

    fn url(&self, host: &str) -> String {
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{host}:{}", self.rest_port)
    }
}

/// What to do about a port on which another process listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortInUse {
    /// Refuse to start.
    Refuse,
    /// Use any free port, unless the command line sets this one.
    TakeAnother,
    /// Nothing yet: it may be the current leader's until we lead. See [`until_free`].
    Later,
}

/// A port chosen by the system. While this lives, the system gives the port to no other process. A
/// server that reuses addresses, as Java's do, can still listen on it: this socket is bound but
/// does not listen.
#[derive(Debug)]
pub struct Reservation(#[expect(dead_code, reason = "held for its drop")] TcpSocket);

/// Determines host and ports and writes them into the JobManager's configuration.
///
/// The file that Flink ships sets `localhost` everywhere. That is kept only if Mesos itself is on
/// this machine; otherwise it is replaced by this machine's address as the master sees it. Values
/// that a user has chosen stay. Ports chosen by the system stay ours while the reservations live.
pub async fn settle(
    config: &mut Configuration,
    master: &MasterUrl,
    lookup: &dyn Fn(&str) -> Option<String>,
    in_use: PortInUse,
) -> Result<(Addresses, Vec<Reservation>), SettingsError> {
    let hosts::Hosts { host, bind, .. } = hosts::settle(config, master, lookup).await?;
    let (rest_port, reservations) = ports::settle(config, in_use, bind).await?;
    let rest_here = config.get(&REST_BIND_ADDRESS).filter(|bind| !flink::hosts::is_wildcard(bind));
    let rest_here = rest_here.filter(|bind| **bind != host).map(str::to_owned);
    let rest_host = config.get(&REST_ADDRESS).unwrap_or(&host).to_owned();
    let addresses =
        Addresses { host, rest_host, rest_port, bind, tls: rest_tls(config)?, rest_here };
    Ok((addresses, reservations))
}

/// Writes the hosts that [`settle`] would choose into the configuration, as far as they can be
/// determined, to show the effective values.
pub async fn explain(
    config: &mut Configuration,
    master: &MasterUrl,
    lookup: &dyn Fn(&str) -> Option<String>,
) {
    // A check reports why they cannot be determined.
    _ = hosts::settle(config, master, lookup).await;
}

/// The result of [`problems`].
#[derive(Debug, Default)]
pub struct Found {
    /// Errors: [`settle`] or the artifact server would fail.
    pub problems: Vec<SettingsError>,
    /// Warnings.
    pub warnings: Vec<String>,
}

/// Finds what would make [`settle`] or the artifact server fail (ports in use, an unknown host),
/// and warnings. Without a master, the host is not determined.
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
