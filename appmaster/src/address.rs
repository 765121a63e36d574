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
use crate::{environment::Lookup, report::Report, settings::is_external};

/// This machine's addresses, and those of its JobManager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The host by which workers reach this machine; an IPv6 address has no brackets.
    pub host: String,
    /// The address to listen on.
    pub bind: IpAddr,
    /// The REST API of the JobManager on this machine; `None` if somebody else runs it.
    pub rest: Option<RestAddress>,
}

/// The REST API of a JobManager on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestAddress {
    /// The URL of the web page.
    pub web: String,
    /// The URL at which this machine reaches it.
    pub here: String,
    /// The port on which it listens.
    pub port: u16,
}

impl Addresses {
    /// What hosts, ports and options come to.
    pub(crate) fn new(hosts: Hosts, ports: &Ports, config: &Configuration, tls: bool) -> Self {
        let Hosts { host, bind } = hosts;
        let rest = ports.rest().map(|port| {
            let here = config.get(&REST_BIND_ADDRESS).filter(|bind| !is_wildcard(bind));
            let scheme = if tls { "https" } else { "http" };
            let url = |host: &str, port: u16| format!("{scheme}://{}:{port}", in_url(host));
            RestAddress {
                web: url(config.get(&REST_ADDRESS).unwrap_or(&host), ports.advertised_rest(port)),
                here: url(here.unwrap_or(&host), port),
                port,
            }
        });
        Self { host, bind, rest }
    }
}

/// In a URL, an IPv6 address has brackets.
pub(crate) fn in_url(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}

/// Writes the hosts that a start would choose into the configuration, as far as they can be
/// determined, to show the effective values.
pub async fn explain(config: &mut Configuration, master: &MasterUrl, lookup: &Lookup) {
    // A check reports why they cannot be determined.
    if is_external(config) {
        return;
    }
    Hosts::settle(config, Some(master), lookup, &mut Report::default()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_stands_in_brackets_in_a_url() {
        for (host, expected) in
            [("fd00::1", "[fd00::1]"), ("[::1]", "[::1]"), ("127.0.0.1", "127.0.0.1"), ("a", "a")]
        {
            assert_eq!(in_url(host), expected);
        }
    }
}
