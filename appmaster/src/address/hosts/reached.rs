//! The host by which others reach this machine, and where to listen to be reached there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use common::hosts::is_loopback;
use flink::{
    config::{Configuration, Source},
    hosts,
    options::flink::JOBMANAGER_RPC_ADDRESS as RPC_ADDRESS,
};
use mesos::master::MasterUrl;
use tokio::net::UdpSocket;

use super::{VARIABLE, refused};
use crate::{environment::Lookup, settings::SettingsError};

/// The host that workers and clients connect to.
pub(super) async fn host(
    config: &Configuration,
    master: &MasterUrl,
    lookup: &Lookup,
) -> Result<String, SettingsError> {
    let configured = config.get(&RPC_ADDRESS).filter(|host| is_usable(host));
    let deliberate = !matches!(config.source(&RPC_ADDRESS), Some(Source::File { .. }));
    if let Some(host) = configured.filter(|host| deliberate || !is_loopback(host)) {
        return hosts::checked(host)
            .map(str::to_owned)
            .ok_or_else(|| refused(RPC_ADDRESS.key(), host));
    }
    own(master, lookup).await
}

/// The host by which workers reach this machine, whatever the options of the JobManager say.
pub(super) async fn own(master: &MasterUrl, lookup: &Lookup) -> Result<String, SettingsError> {
    if let Some(address) = lookup(VARIABLE).filter(|address| is_usable(address)) {
        return hosts::checked(&address)
            .map(str::to_owned)
            .ok_or_else(|| refused(VARIABLE, &address));
    }
    Ok(match facing(master).await {
        Some(address) if !address.is_loopback() => address.to_string(),
        Some(IpAddr::V6(_)) => Ipv6Addr::LOCALHOST.to_string(),
        _ => Ipv4Addr::LOCALHOST.to_string(),
    })
}

/// Whether others can connect to it.
fn is_usable(host: &str) -> bool {
    !host.is_empty() && !hosts::is_wildcard(host)
}

/// Where to listen to be reached at this host. Loopback addresses are used as they are. Everything
/// else means all addresses: a name may resolve differently elsewhere, and an address may be
/// translated on the way.
pub(super) async fn bind(host: &str) -> Result<IpAddr, SettingsError> {
    const ANY_V4: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    const ANY_V6: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    match host.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() => return Ok(address),
        Ok(IpAddr::V4(_)) => return Ok(ANY_V4),
        Ok(IpAddr::V6(_)) => return Ok(ANY_V6),
        Err(_) => {}
    }
    let found = tokio::net::lookup_host((host, 0)).await;
    let found = found.map_err(|e| SettingsError::Value {
        key: RPC_ADDRESS.key(),
        value: host.to_owned(),
        reason: format!("no address is known for this name: {e}"),
    })?;
    let found: Vec<_> = found.map(|address| address.ip()).collect();
    let is_v4 = found.iter().any(IpAddr::is_ipv4);
    Ok(match (host == "localhost", is_v4) {
        (true, true) => Ipv4Addr::LOCALHOST.into(),
        (true, false) => Ipv6Addr::LOCALHOST.into(),
        (false, true) => ANY_V4,
        (false, false) => ANY_V6,
    })
}

/// The source address of packets to the master, or to its ZooKeeper.
async fn facing(master: &MasterUrl) -> Option<IpAddr> {
    let there = match master {
        MasterUrl::Hosts(hosts) => hosts.first()?,
        MasterUrl::ZooKeeper(zookeeper) => zookeeper.servers.first()?,
        MasterUrl::File(_) => return None,
    };
    let target = (there.host.as_str(), there.port);
    let there = tokio::net::lookup_host(target).await.ok()?.next()?;
    let any: IpAddr =
        if there.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    // Connecting a datagram socket sends nothing; it only looks up the route.
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect(there).await.ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}
