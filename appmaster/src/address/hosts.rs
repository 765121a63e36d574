//! The host by which workers and clients reach this machine, and the addresses to listen on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use common::{addresses::masked, hosts::is_loopback};
use flink::{
    config::{Configuration, Source},
    hosts,
    options::{
        ConfigOption,
        flink::{
            JOBMANAGER_BIND_HOST as RPC_BIND, JOBMANAGER_RPC_ADDRESS as RPC_ADDRESS, REST_ADDRESS,
            REST_BIND_ADDRESS as REST_BIND, TASKMANAGER_BIND_HOST, TASKMANAGER_HOST,
        },
        mesos::TASKS_HOSTNAME,
    },
};
use mesos::master::MasterUrl;
use tokio::net::UdpSocket;

use crate::settings::SettingsError;

/// The variable with which upstream's application master got its address.
const VARIABLE: &str = "LIBPROCESS_IP";

/// Options whose values are hosts, to connect to or to listen on.
const HOSTS: [ConfigOption<Option<String>>; 7] = [
    RPC_ADDRESS,
    REST_ADDRESS,
    RPC_BIND,
    REST_BIND,
    TASKMANAGER_HOST,
    TASKMANAGER_BIND_HOST,
    TASKS_HOSTNAME,
];
/// Those to connect to.
const REACHED: [ConfigOption<Option<String>>; 3] = [RPC_ADDRESS, REST_ADDRESS, TASKMANAGER_HOST];

/// This machine's hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hosts {
    /// The host that workers and clients connect to; an IPv6 address has no brackets.
    pub(crate) host: String,
    /// The address to listen on so that they can connect.
    pub(crate) bind: IpAddr,
    /// Warnings about the options.
    pub(crate) warnings: Vec<String>,
}

/// Options with a host that Flink cannot use.
pub(super) fn problems(config: &Configuration) -> Vec<SettingsError> {
    let wrong = |option: ConfigOption<_>| {
        let text = config.get(&option).filter(|text| !text.is_empty())?;
        // A worker's host may contain the task's id.
        hosts::checked(&text.replace("_TASK_", "task"))
            .is_none()
            .then(|| refused(option.key(), text))
    };
    HOSTS.into_iter().filter_map(wrong).collect()
}

fn refused(key: &'static str, host: &str) -> SettingsError {
    let reason = format!("it cannot be a host for Flink: expected {}", hosts::FORM);
    SettingsError::Value {
        key,
        value: Configuration::shown(key, &masked(host)).into_owned(),
        reason,
    }
}

/// Determines the host and writes it, with the options that follow from it, into the configuration.
/// A user's deliberate choice stays.
pub(crate) async fn settle(
    config: &mut Configuration,
    master: &MasterUrl,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Hosts, SettingsError> {
    if let Some(problem) = problems(config).into_iter().next() {
        return Err(problem);
    }
    let host = host(config, master, lookup).await?;
    let mut warnings = wildcards(config, lookup);
    let bind = bind(&host).await?;
    let computed =
        Source::Computed("the address under which Mesos and the workers reach this machine");
    config.set(&RPC_ADDRESS, host.clone(), computed.clone());
    for option in [RPC_BIND, REST_BIND] {
        if config.get(&option).is_none_or(str::is_empty) || hosts::is_as_shipped(config, &option) {
            config.set(&option, bind.to_string(), computed.clone());
        }
    }
    let rest = config.get(&REST_ADDRESS).unwrap_or_default();
    if rest.is_empty() || hosts::is_wildcard(rest) || is_loopback(rest) {
        // A REST API that listens on one address can only be reached there.
        let only = config
            .get(&REST_BIND)
            .filter(|only| !hosts::is_wildcard(only) && **only != bind.to_string());
        config.set(&REST_ADDRESS, only.unwrap_or(&host).to_owned(), computed);
    }
    warnings.extend(unreachable(config, &host));
    warnings.extend(open_rest(config));
    Ok(Hosts { host, bind, warnings })
}

/// A wildcard address, which others cannot connect to.
fn wildcards(config: &Configuration, lookup: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let configured = REACHED
        .into_iter()
        .filter_map(|option| Some((option.key(), config.get(&option)?.to_owned())));
    let all = configured.chain(lookup(VARIABLE).map(|text| (VARIABLE, text)));
    let all = all.filter(|(_, text)| hosts::is_wildcard(text));
    all.map(|(key, text)| {
        format!("{key}: {text} is not an address that others can reach; it counts as not set")
    })
    .collect()
}

/// A JobManager that listens only on this machine, although workers elsewhere must reach it.
fn unreachable(config: &Configuration, host: &str) -> Option<String> {
    let bind = config.get(&RPC_BIND).filter(|bind| is_loopback(bind) && !is_loopback(host))?;
    Some(format!(
        "{RPC_BIND}: {bind} can be reached only from this machine, but workers are sent to {host}"
    ))
}

/// Flink's REST API has no authentication that flink-mesos could use: anyone who reaches it can run
/// code.
fn open_rest(config: &Configuration) -> Option<String> {
    let bind = config.get(&REST_BIND).filter(|bind| !is_loopback(bind))?;
    Some(format!(
        "{REST_BIND}: Flink's REST API listens on {bind} without authentication: anyone who reaches it can run code as this user. \
         Protect the port with a firewall, or set {REST_BIND}: 127.0.0.1 (TaskManagers do not need it) and put a proxy in front"
    ))
}

/// The host that workers and clients connect to.
pub(crate) async fn host(
    config: &Configuration,
    master: &MasterUrl,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<String, SettingsError> {
    let usable = |host: &&str| !host.is_empty() && !hosts::is_wildcard(host);
    let configured = config.get(&RPC_ADDRESS).filter(usable);
    let deliberate = !matches!(config.source(&RPC_ADDRESS), Some(Source::File { .. }));
    if let Some(host) = configured.filter(|host| deliberate || !is_loopback(host)) {
        return hosts::checked(host)
            .map(str::to_owned)
            .ok_or_else(|| refused(RPC_ADDRESS.key(), host));
    }
    if let Some(address) = lookup(VARIABLE).filter(|address| usable(&address.as_str())) {
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

/// Where to listen to be reached at this host. Loopback addresses are used as they are. Everything
/// else means all addresses: a name may resolve differently elsewhere, and an address may be
/// translated on the way.
async fn bind(host: &str) -> Result<IpAddr, SettingsError> {
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn config(options: &[(&str, &str, Source)]) -> Configuration {
        let mut config = Configuration::new();
        for (key, value, source) in options {
            config.set(*key, *value, source.clone());
        }
        config
    }

    fn shipped() -> Source {
        Source::File { path: "config.yaml".into(), line: None }
    }

    async fn settled(
        options: &[(&str, &str, Source)],
        variable: Option<&str>,
    ) -> (Hosts, Configuration) {
        let mut config = config(options);
        let master = "127.0.0.1:1".parse().unwrap();
        let lookup = |name: &str| variable.filter(|_| name == VARIABLE).map(str::to_owned);
        let hosts = settle(&mut config, &master, &lookup).await.unwrap();
        (hosts, config)
    }

    #[tokio::test]
    async fn a_deliberate_address_to_listen_on_is_kept() {
        let other = (RPC_ADDRESS.key(), "10.0.0.1", Source::DynamicProperty);
        for key in [RPC_BIND.key(), REST_BIND.key()] {
            for (value, source, expected) in [
                ("127.0.0.1", Source::DynamicProperty, "127.0.0.1"),
                ("localhost", Source::Environment("FLINK_PROPERTIES".to_owned()), "localhost"),
                ("127.0.0.1", shipped(), "127.0.0.1"),
                ("10.0.0.1", shipped(), "10.0.0.1"),
                ("localhost", shipped(), "0.0.0.0"),
            ] {
                let (_, config) = settled(&[other.clone(), (key, value, source)], None).await;
                assert_eq!(config.get(key), Some(expected), "{key}: {value}");
            }
        }
    }

    #[tokio::test]
    async fn clients_are_sent_to_the_address_that_rest_listens_on() {
        let rpc = (RPC_ADDRESS.key(), "10.0.0.1", Source::DynamicProperty);
        for (bind, rest, expected) in [
            (None, None, "10.0.0.1"),
            (Some("127.0.0.1"), None, "127.0.0.1"),
            (Some("10.0.0.2"), None, "10.0.0.2"),
            (Some("0.0.0.0"), None, "10.0.0.1"),
            (Some("127.0.0.1"), Some("proxy.example.org"), "proxy.example.org"),
        ] {
            let set = |key, value: Option<&'static str>| {
                value.map(|value| (key, value, Source::DynamicProperty))
            };
            let options =
                [Some(rpc.clone()), set(REST_BIND.key(), bind), set(REST_ADDRESS.key(), rest)];
            let (_, config) =
                settled(&options.into_iter().flatten().collect::<Vec<_>>(), None).await;
            assert_eq!(config.get(&REST_ADDRESS), Some(expected), "{bind:?} {rest:?}");
        }
    }

    #[tokio::test]
    async fn an_open_rest_api_gives_a_warning_and_a_closed_one_does_not() {
        let other = (RPC_ADDRESS.key(), "10.0.0.1", Source::DynamicProperty);
        let (open, _) = settled(std::slice::from_ref(&other), None).await;
        assert!(
            matches!(open.warnings.as_slice(), [one] if one.contains("without authentication")),
            "{open:?}"
        );
        let (closed, _) =
            settled(&[other, (REST_BIND.key(), "127.0.0.1", Source::DynamicProperty)], None).await;
        assert_eq!(closed.warnings, Vec::<String>::new());
        assert_eq!(settled(&[], None).await.0.warnings, Vec::<String>::new());
    }

    #[tokio::test]
    async fn we_listen_at_the_advertised_address() {
        for (address, variable, host, bind) in [
            (None, None, "127.0.0.1", "127.0.0.1"),
            (Some("127.0.1.1"), None, "127.0.1.1", "127.0.1.1"),
            (Some("::1"), None, "::1", "::1"),
            (Some("[::1]"), None, "::1", "::1"),
            (Some("fd00::1"), None, "fd00::1", "::"),
            (Some("10.0.0.1"), None, "10.0.0.1", "0.0.0.0"),
            (Some("localhost"), None, "localhost", "127.0.0.1"),
            (None, Some("127.0.0.2"), "127.0.0.2", "127.0.0.2"),
            (None, Some("10.0.0.1"), "10.0.0.1", "0.0.0.0"),
        ] {
            let options: Vec<_> = address
                .map(|host| (RPC_ADDRESS.key(), host, Source::DynamicProperty))
                .into_iter()
                .collect();
            let (hosts, config) = settled(&options, variable).await;
            assert_eq!(
                (hosts.host.as_str(), hosts.bind.to_string().as_str()),
                (host, bind),
                "{address:?}"
            );
            assert_eq!(config.get(&RPC_BIND), Some(bind));
            assert_eq!(config.get(&REST_ADDRESS), Some(host));
        }
    }

    #[tokio::test]
    async fn a_wildcard_address_is_ignored_with_one_warning() {
        let wildcard = (RPC_ADDRESS.key(), "0.0.0.0", Source::DynamicProperty);
        let (hosts, config) =
            settled(&[wildcard, ("taskmanager.host", "::", Source::DynamicProperty)], None).await;
        assert_eq!(
            (hosts.host.as_str(), config.get(&RPC_ADDRESS)),
            ("127.0.0.1", Some("127.0.0.1"))
        );
        assert_eq!(hosts.warnings.len(), 2, "{hosts:?}");
        let (hosts, _) = settled(&[], Some("0.0.0.0")).await;
        assert!(hosts.host == "127.0.0.1" && hosts.warnings[0].starts_with(VARIABLE), "{hosts:?}");
    }

    #[tokio::test]
    async fn an_invalid_host_is_refused_with_its_key() {
        let master = "127.0.0.1:1".parse().unwrap();
        for key in HOSTS.map(|option| option.key()) {
            for wrong in ["$HOST_IP", "a_b", "a:1"] {
                let mut config = config(&[(key, wrong, Source::DynamicProperty)]);
                let error = settle(&mut config, &master, &|_| None).await.unwrap_err().to_string();
                assert!(
                    error.starts_with(&format!("{key}: {wrong}: ")) && error.contains(hosts::FORM),
                    "{error}"
                );
            }
        }
        let worker = config(&[("taskmanager.host", "_TASK_.flink.mesos", Source::DynamicProperty)]);
        assert!(problems(&worker).is_empty());
    }
}
