//! Which addresses and ports the JobManager and we are reached at.

use std::{
    io::ErrorKind,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use mesos::master::MasterUrl;
use overlays::config::{Configuration, Source};
use tokio::{
    net::{TcpListener, TcpSocket, UdpSocket},
    time::{Instant, sleep},
};

use crate::settings::{ARTIFACT_PORT, CONTROL_PORT, EXECUTOR_PORT, SettingsError, artifact_server, port, rest_tls};

/// Where the JobManager is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The host that workers and clients connect to.
    pub host: String,
    /// The port of its REST API and web page.
    pub rest_port: u16,
    /// The address to listen on.
    pub bind: IpAddr,
    /// Whether its REST API speaks TLS.
    pub tls: bool,
}

impl Addresses {
    /// The address of the web page.
    pub fn web(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
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
const POLL: Duration = Duration::from_millis(100);
const RPC_PORT: &str = "jobmanager.rpc.port";
const REST_PORT: &str = "rest.port";

/// Settles host and ports and writes them into the JobManager's configuration.
///
/// The file that Flink ships says `localhost` everywhere. That is kept only where Mesos itself is on this machine; else this
/// machine's address as the master sees it takes its place. Ports that the system chose are ours for as long as the reservations
/// live.
pub async fn settle(
    config: &mut Configuration,
    master: &MasterUrl,
    lookup: &dyn Fn(&str) -> Option<String>,
    in_use: PortInUse,
) -> Result<(Addresses, Vec<Reservation>), SettingsError> {
    let host = host(config, master, lookup).await;
    let loopback = is_loopback(&host);
    let bind = if loopback { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let computed = Source::Computed("the address under which Mesos and the workers reach this machine");
    config.set(RPC_ADDRESS, host.clone(), computed.clone());
    for key in ["jobmanager.bind-host", "rest.bind-address"] {
        if config.get(key).is_none_or(is_loopback) {
            config.set(key, bind.to_string(), computed.clone());
        }
    }
    if config.get("rest.address").is_none_or(is_loopback) {
        config.set("rest.address", host.clone(), computed);
    }
    let (rpc_port, rpc) = free_port(config, RPC_PORT, 6123, in_use, bind).await?;
    config.set(RPC_PORT, rpc_port.to_string(), Source::Computed("a free port"));
    let (rest_port, rest) = free_port(config, REST_PORT, 8081, in_use, bind).await?;
    config.set(REST_PORT, rest_port.to_string(), Source::Computed("a free port"));
    if config.get("rest.bind-port").is_none() {
        config.set("rest.bind-port", rest_port.to_string(), Source::Computed("rest.port"));
    }
    let addresses = Addresses { host, rest_port, bind, tls: rest_tls(config)? };
    Ok((addresses, [rpc, rest].into_iter().flatten().collect()))
}

/// What would keep [`settle`] or the artifact server from working: ports in use, a host that nobody knows. Without a
/// master the host is not looked at.
pub async fn problems(
    config: &Configuration,
    master: Option<&MasterUrl>,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Vec<SettingsError> {
    let mut problems = Vec::new();
    let mut bind = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    if let Some(master) = master {
        let host = host(config, master, lookup).await;
        if is_loopback(&host) {
            bind = IpAddr::V4(Ipv4Addr::LOCALHOST);
        }
        let found = tokio::net::lookup_host((host.as_str(), 0)).await.map(drop);
        if let Err(e) = found {
            problems.push(SettingsError::Value { key: RPC_ADDRESS, value: host, reason: e.to_string() });
        }
    }
    let all = all_ports(config, bind);
    for (key, usual, bind) in all {
        problems.extend(free_port(config, key, usual, PortInUse::Refuse, bind).await.err());
    }
    problems.extend(wanted_twice(config, &all.map(|(key, usual, _)| (key, usual))));
    problems
}

/// Waits until nobody listens on the ports that we are to have: those who led before us on this machine, and their JobManager,
/// take a moment to end. Some other program's port is a mistake after `patience`.
pub async fn until_free(config: &Configuration, bind: IpAddr, patience: Duration) -> Result<(), SettingsError> {
    let deadline = Instant::now() + patience;
    for (key, usual, bind) in all_ports(config, bind) {
        let number = port(config, key)?.unwrap_or(usual);
        while let Err(error) = listen(bind, number).await {
            if error.kind() != ErrorKind::AddrInUse || Instant::now() >= deadline {
                return Err(in_use_by_others(key, number, bind, &error));
            }
            sleep(POLL).await;
        }
    }
    Ok(())
}

/// The options that name ports of ours, with the usual port and the address on which we listen there. 0 is no port.
fn all_ports(config: &Configuration, bind: IpAddr) -> [(&'static str, u16, IpAddr); 5] {
    let served = artifact_server(config).map_or(bind, |wanted| wanted.listen(bind).ip());
    let operators = if config.contains("mesos.control.token") { bind } else { Ipv4Addr::LOCALHOST.into() };
    [
        (RPC_PORT, 6123, bind),
        (REST_PORT, 8081, bind),
        (ARTIFACT_PORT, 0, served),
        (EXECUTOR_PORT, 0, served),
        (CONTROL_PORT, 0, operators),
    ]
}

/// Ports that more than one of these options asks for; 0 is no port.
fn wanted_twice(config: &Configuration, all: &[(&'static str, u16)]) -> Vec<SettingsError> {
    let number = |(key, usual): &(&'static str, u16)| port(config, key).ok().flatten().unwrap_or(*usual);
    let mut problems = Vec::new();
    for (at, later) in all.iter().enumerate() {
        let earlier = all.iter().take(at).find(|earlier| number(earlier) > 0 && number(earlier) == number(later));
        problems.extend(earlier.map(|(key, _)| SettingsError::Value {
            key: later.0,
            value: number(later).to_string(),
            reason: format!("{key} has this port"),
        }));
    }
    problems
}

/// The host that workers and clients connect to.
pub(crate) async fn host(
    config: &Configuration,
    master: &MasterUrl,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> String {
    let configured = config.get(RPC_ADDRESS).filter(|host| !host.is_empty());
    let deliberate = matches!(config.source(RPC_ADDRESS), Some(Source::DynamicProperty));
    if let Some(host) = configured.filter(|host| deliberate || !is_loopback(host)) {
        return host.to_owned();
    }
    // The variable by which upstream's application master was told its address.
    if let Some(address) = lookup("LIBPROCESS_IP").filter(|address| !address.is_empty()) {
        return address;
    }
    match facing(master).await {
        Some(address) if !address.is_loopback() => address.to_string(),
        _ => Ipv4Addr::LOCALHOST.to_string(),
    }
}

/// The address of this machine that packets to the master (or its ZooKeeper) leave from.
async fn facing(master: &MasterUrl) -> Option<IpAddr> {
    let there = match master {
        MasterUrl::Hosts(hosts) => hosts.first()?,
        MasterUrl::ZooKeeper(zookeeper) => zookeeper.servers.first()?,
        MasterUrl::File(_) => return None,
    };
    let target = (there.host.as_str(), there.port);
    let there = tokio::net::lookup_host(target).await.ok()?.next()?;
    let any: IpAddr =
        if there.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    // Connecting a datagram socket sends nothing; it only looks up the route.
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect(there).await.ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

async fn free_port(
    config: &Configuration,
    key: &'static str,
    usual: u16,
    in_use: PortInUse,
    bind: IpAddr,
) -> Result<(u16, Option<Reservation>), SettingsError> {
    let number = port(config, key)?.unwrap_or(usual);
    let deliberate = matches!(config.source(key), Some(Source::DynamicProperty));
    if in_use == PortInUse::Later && number > 0 {
        return Ok((number, None));
    }
    let error = match listen(bind, number).await {
        Ok(found) => return Ok(found),
        Err(e) => e,
    };
    if in_use == PortInUse::TakeAnother
        && !deliberate
        && let Ok(found) = listen(bind, 0).await
    {
        return Ok(found);
    }
    Err(in_use_by_others(key, number, bind, &error))
}

fn in_use_by_others(key: &'static str, number: u16, bind: IpAddr, error: &std::io::Error) -> SettingsError {
    let hint = format!("choose another with -D{key}=…, 0 is any free one");
    let reason = format!("cannot listen on {bind}:{number}: {error}; {hint}");
    SettingsError::Value { key, value: number.to_string(), reason }
}

/// The port, if it is free: that may change as soon as this returns. For 0, one that stays free.
async fn listen(bind: IpAddr, port: u16) -> std::io::Result<(u16, Option<Reservation>)> {
    let address = SocketAddr::new(bind, port);
    if port > 0 {
        return Ok((TcpListener::bind(address).await?.local_addr()?.port(), None));
    }
    let socket = if bind.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(address)?;
    // Only now: before, the system might have chosen a port that somebody else has reserved.
    socket.set_reuseaddr(true)?;
    Ok((socket.local_addr()?.port(), Some(Reservation(socket))))
}
