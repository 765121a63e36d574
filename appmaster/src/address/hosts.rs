//! The host by which workers and clients reach this machine, and the addresses to listen on.

mod reached;
mod warnings;

use std::net::IpAddr;

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

use crate::{
    environment::Lookup,
    report::Report,
    settings::{SettingsError, is_external},
};

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

/// This machine's hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hosts {
    /// The host that workers and clients connect to; an IPv6 address has no brackets.
    pub(crate) host: String,
    /// The address to listen on so that they can connect.
    pub(crate) bind: IpAddr,
}

/// Options with a host that Flink cannot use.
fn unusable(config: &Configuration) -> Vec<SettingsError> {
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

impl Hosts {
    /// Determines the host and writes it, with the options that follow from it, into the configuration.
    /// A user's deliberate choice stays. Without a master, it only checks the options. If somebody
    /// else runs the JobManager, its addresses say nothing of this machine and stay as they are.
    pub(crate) async fn settle(
        config: &mut Configuration,
        master: Option<&MasterUrl>,
        lookup: &Lookup,
        report: &mut Report,
    ) -> Option<Self> {
        let unusable = unusable(config);
        for error in &unusable {
            report.invalid(config, error);
        }
        let master = master.filter(|_| unusable.is_empty())?;
        if is_external(config) {
            let host = report.setting(config, reached::own(master, lookup).await)?;
            let bind = report.setting(config, reached::bind(&host).await)?;
            return Some(Self { host, bind });
        }
        let host = report.setting(config, reached::host(config, master, lookup).await)?;
        warnings::wildcards(config, lookup, report);
        let bind = report.setting(config, reached::bind(&host).await)?;
        write(config, &host, bind);
        warnings::unreachable(config, &host, report);
        warnings::open_rest(config, report);
        Some(Self { host, bind })
    }
}

/// Writes the host, where to listen, and where clients reach REST.
fn write(config: &mut Configuration, host: &str, bind: IpAddr) {
    let computed =
        Source::Computed("the address under which Mesos and the workers reach this machine");
    config.set(&RPC_ADDRESS, host, computed.clone());
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
        config.set(&REST_ADDRESS, only.unwrap_or(host).to_owned(), computed);
    }
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
    ) -> (Hosts, Configuration, Vec<String>) {
        let mut config = config(options);
        let master = "127.0.0.1:1".parse().unwrap();
        let variable = variable.map(str::to_owned);
        let lookup = move |name: &str| variable.clone().filter(|_| name == VARIABLE);
        let mut report = Report::default();
        let hosts = Hosts::settle(&mut config, Some(&master), &lookup, &mut report).await.unwrap();
        (hosts, config, report.warnings())
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
                let (_, config, _) = settled(&[other.clone(), (key, value, source)], None).await;
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
            let (_, config, _) =
                settled(&options.into_iter().flatten().collect::<Vec<_>>(), None).await;
            assert_eq!(config.get(&REST_ADDRESS), Some(expected), "{bind:?} {rest:?}");
        }
    }

    #[tokio::test]
    async fn an_open_rest_api_gives_a_warning_and_a_closed_one_does_not() {
        let other = (RPC_ADDRESS.key(), "10.0.0.1", Source::DynamicProperty);
        let (.., open) = settled(std::slice::from_ref(&other), None).await;
        assert!(
            matches!(open.as_slice(), [one] if one.contains("without authentication")),
            "{open:?}"
        );
        let (.., closed) =
            settled(&[other, (REST_BIND.key(), "127.0.0.1", Source::DynamicProperty)], None).await;
        assert_eq!(closed, Vec::<String>::new());
        assert_eq!(settled(&[], None).await.2, Vec::<String>::new());
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
            let (hosts, config, _) = settled(&options, variable).await;
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
        let (hosts, config, warnings) =
            settled(&[wildcard, ("taskmanager.host", "::", Source::DynamicProperty)], None).await;
        assert_eq!(
            (hosts.host.as_str(), config.get(&RPC_ADDRESS)),
            ("127.0.0.1", Some("127.0.0.1"))
        );
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        let (hosts, _, warnings) = settled(&[], Some("0.0.0.0")).await;
        assert!(hosts.host == "127.0.0.1" && warnings[0].starts_with(VARIABLE), "{warnings:?}");
    }

    #[tokio::test]
    async fn an_invalid_host_is_refused_with_its_key() {
        let master = "127.0.0.1:1".parse().unwrap();
        for key in HOSTS.map(|option| option.key()) {
            for wrong in ["$HOST_IP", "a_b", "a:1"] {
                let mut config = config(&[(key, wrong, Source::DynamicProperty)]);
                let mut report = Report::default();
                let hosts = Hosts::settle(&mut config, Some(&master), &|_| None, &mut report).await;
                let error = report.failure().to_string();
                assert!(
                    hosts.is_none()
                        && error.starts_with(&format!("{key}: {wrong}: "))
                        && error.contains(hosts::FORM),
                    "{error}"
                );
            }
        }
        let worker = config(&[("taskmanager.host", "_TASK_.flink.mesos", Source::DynamicProperty)]);
        assert!(unusable(&worker).is_empty());
    }
}
