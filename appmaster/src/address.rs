//! The addresses and ports at which the JobManager and this application master are reached.

mod hosts;
mod ports;

use std::net::IpAddr;

use flink::{
    config::Configuration,
    hosts::is_wildcard,
    options::flink::{REST_ADDRESS, REST_BIND_ADDRESS},
};
use mesos::master::MasterUrl;

pub use self::ports::Ports;
pub(crate) use self::{
    hosts::Hosts,
    ports::{PortInUse, becomes_free},
};
use crate::{environment::Lookup, report::Report};

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
    /// What hosts, ports and options come to.
    pub(crate) fn new(hosts: Hosts, ports: &Ports, config: &Configuration, tls: bool) -> Self {
        let Hosts { host, bind } = hosts;
        let rest_here = config.get(&REST_BIND_ADDRESS).filter(|bind| !is_wildcard(bind));
        let rest_here = rest_here.filter(|bind| **bind != host).map(str::to_owned);
        let rest_host = config.get(&REST_ADDRESS).unwrap_or(&host).to_owned();
        Self { host, rest_host, rest_port: ports.rest(), bind, tls, rest_here }
    }

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

/// Writes the hosts that a start would choose into the configuration, as far as they can be
/// determined, to show the effective values.
pub async fn explain(config: &mut Configuration, master: &MasterUrl, lookup: &Lookup) {
    // A check reports why they cannot be determined.
    Hosts::settle(config, Some(master), lookup, &mut Report::default()).await;
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

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
