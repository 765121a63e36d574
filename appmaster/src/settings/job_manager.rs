//! Who runs the JobManager, and where it is if that is somebody else.

use common::hosts::is_loopback;
use flink::{
    config::{Configuration, Source},
    hosts,
    options::{
        ConfigOption,
        flink::{
            HIGH_AVAILABILITY_CLUSTER_ID, HIGH_AVAILABILITY_ZOOKEEPER_PATH_ROOT,
            JOBMANAGER_RPC_ADDRESS as RPC_ADDRESS, JOBMANAGER_RPC_PORT as RPC_PORT, REST_ADDRESS,
            REST_PORT,
        },
        mesos::JOB_MANAGER,
    },
};
use scheduler::election::ZooKeeperOptions;

use super::{SettingsError, StateLocation, invalid, state_location};
use crate::address::in_url;

/// Where a JobManager is that somebody else runs.
#[derive(Clone, Debug)]
pub enum External {
    /// At this URL of its REST API.
    At(String),
    /// Where the leading one announces its REST API.
    Elected(LeaderNode),
}

/// The node in which the leading JobManager announces its REST API.
#[derive(Clone, Debug)]
pub struct LeaderNode {
    /// How to reach ZooKeeper.
    pub options: ZooKeeperOptions,
    /// Its path.
    pub path: String,
}

/// Whether somebody else runs the JobManager.
pub(crate) fn is_external(config: &Configuration) -> bool {
    config.read(&JOB_MANAGER).is_ok_and(|who| who == "external")
}

/// Where the JobManager is, if somebody else runs it.
pub(crate) fn external(config: &Configuration) -> Result<Option<External>, SettingsError> {
    if config.read(&JOB_MANAGER)? != "external" {
        return Ok(None);
    }
    if let StateLocation::ZooKeeper(options) = state_location(config)? {
        return Ok(Some(External::Elected(LeaderNode { options, path: leader_path(config) })));
    }
    let hint = "with mesos.jobmanager: external, the host at which TaskManagers reach that JobManager; \
                or set high-availability.type: zookeeper as it does";
    let missing = SettingsError::Missing { key: RPC_ADDRESS.key(), hint };
    let host = chosen(config, RPC_ADDRESS.key()).ok_or(missing)?;
    let rest = chosen(config, REST_ADDRESS.key()).unwrap_or(host);
    let scheme = if flink::tls::rest(config)? { "https" } else { "http" };
    port(config, &RPC_PORT)?;
    Ok(Some(External::At(format!("{scheme}://{}:{}", in_url(rest), port(config, &REST_PORT)?))))
}

/// The host of this key, unless nobody can connect to it, or it may be what Flink's distribution
/// ships.
fn chosen<'a>(config: &'a Configuration, key: &str) -> Option<&'a str> {
    let host = config.get(key).filter(|host| !host.is_empty() && !hosts::is_wildcard(host))?;
    let in_file = matches!(config.source(key), Some(Source::File { .. }));
    (!in_file || !is_loopback(host)).then_some(host)
}

/// The port of this key, to connect to.
fn port(config: &Configuration, option: &ConfigOption<u16>) -> Result<u16, SettingsError> {
    match config.read(option)? {
        0 => {
            let reason = "expected the port of the external JobManager, 1 to 65535";
            Err(invalid(option.key(), config, reason.to_owned()))
        }
        port => Ok(port),
    }
}

/// Where Flink announces the leader of its REST API, below the root and the cluster's id.
fn leader_path(config: &Configuration) -> String {
    let part = |text: &str| match text.trim_matches('/') {
        "" => String::new(),
        text => format!("/{text}"),
    };
    let root = part(config.text(&HIGH_AVAILABILITY_ZOOKEEPER_PATH_ROOT));
    let cluster = part(config.text(&HIGH_AVAILABILITY_CLUSTER_ID));
    format!("{root}{cluster}/leader/rest_server/connection_info")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(options: &[(&str, &str)], source: &Source) -> Result<Option<External>, String> {
        let mut config = Configuration::new();
        config.set(&JOB_MANAGER, "external", Source::DynamicProperty);
        for (key, value) in options {
            config.set(*key, *value, source.clone());
        }
        external(&config).map_err(|error| error.to_string())
    }

    fn at(options: &[(&str, &str)]) -> String {
        match read(options, &Source::DynamicProperty).unwrap().unwrap() {
            External::At(url) => url,
            External::Elected(node) => node.path,
        }
    }

    #[test]
    fn an_external_job_manager_is_where_the_options_of_rest_and_rpc_say() {
        let rpc = ("jobmanager.rpc.address", "jm.example.org");
        assert_eq!(at(&[rpc]), "http://jm.example.org:8081");
        assert_eq!(
            at(&[rpc, ("rest.address", "fd00::1"), ("rest.port", "80")]),
            "http://[fd00::1]:80"
        );
        assert_eq!(
            at(&[rpc, ("security.ssl.rest.enabled", "true")]),
            "https://jm.example.org:8081"
        );
        assert_eq!(at(&[("jobmanager.rpc.address", "localhost")]), "http://localhost:8081");
        let elected = [
            ("high-availability.type", "zookeeper"),
            ("high-availability.zookeeper.quorum", "zk:2181"),
            ("high-availability.cluster-id", "/blue"),
        ];
        assert_eq!(at(&elected), "/flink/blue/leader/rest_server/connection_info");
    }

    #[test]
    fn an_external_job_manager_without_an_address_is_refused_and_the_shipped_one_is_none() {
        let shipped = Source::File { path: "config.yaml".into(), line: None };
        for options in [
            &[][..],
            &[("jobmanager.rpc.address", "localhost")],
            &[("jobmanager.rpc.address", "0.0.0.0")],
        ] {
            let error = read(options, &shipped).unwrap_err();
            assert!(
                error.starts_with("jobmanager.rpc.address")
                    && error.contains("mesos.jobmanager: external"),
                "{error}"
            );
        }
    }

    #[test]
    fn any_free_port_is_none_to_connect_to() {
        let rpc = ("jobmanager.rpc.address", "jm");
        for key in ["rest.port", "jobmanager.rpc.port"] {
            let error = read(&[rpc, (key, "0")], &Source::DynamicProperty).unwrap_err();
            assert!(error.starts_with(&format!("{key}: 0: expected the port")), "{error}");
        }
    }

    #[test]
    fn a_job_manager_of_our_own_is_the_default() {
        assert!(external(&Configuration::new()).unwrap().is_none());
        assert!(!is_external(&Configuration::new()));
    }
}
