//! Where the application master keeps what it must not forget.

use std::{path::PathBuf, time::Duration};

use overlays::config::Configuration;

use super::{SettingsError, invalid};
use crate::election::ZooKeeperOptions;

/// Where the application master's state is kept.
#[derive(Clone, Debug)]
pub enum StateLocation {
    /// In memory: the cluster ends with the application master.
    Memory,
    /// In a local directory.
    Directory(PathBuf),
    /// In ZooKeeper, where one of several application masters leads.
    ZooKeeper(ZooKeeperOptions),
}

/// Where the state is kept.
pub fn state_location(config: &Configuration) -> Result<StateLocation, SettingsError> {
    let key = "high-availability.type";
    // The name before Flink 1.17.
    let mode = config.get(key).or_else(|| config.get("high-availability")).unwrap_or("NONE");
    match mode.to_ascii_lowercase().as_str() {
        "none" | "" => {
            Ok(config.get("mesos.state.dir").map_or(StateLocation::Memory, |d| StateLocation::Directory(d.into())))
        }
        "zookeeper" => Ok(StateLocation::ZooKeeper(zookeeper(config)?)),
        _ => Err(invalid(key, config, "on Mesos it is NONE or zookeeper".to_owned())),
    }
}

fn zookeeper(config: &Configuration) -> Result<ZooKeeperOptions, SettingsError> {
    let quorum = "high-availability.zookeeper.quorum";
    let hint = "with high-availability.type: zookeeper, e.g. zk1:2181,zk2:2181,zk3:2181";
    let part = |key: &str, default: &str| {
        let text = config.get(key).unwrap_or(default).trim_matches('/').to_owned();
        if text.is_empty() { text } else { format!("/{text}") }
    };
    let root = part("high-availability.zookeeper.path.root", "/flink");
    let cluster = part("high-availability.cluster-id", "/default");
    let workers = part("high-availability.zookeeper.path.mesos-workers", "/mesos-workers");
    let timeout = config.get_duration("high-availability.zookeeper.client.session-timeout")?;
    let acl = "high-availability.zookeeper.client.acl";
    let creator_only = match config.get(acl).unwrap_or("open") {
        "open" => false,
        "creator" => true,
        _ => return Err(invalid(acl, config, "it is open or creator".to_owned())),
    };
    Ok(ZooKeeperOptions {
        quorum: config.get(quorum).ok_or(SettingsError::Missing { key: quorum, hint })?.to_owned(),
        base: format!("{root}{workers}{cluster}"),
        upstream: format!("{root}{cluster}{workers}"),
        session_timeout: timeout.unwrap_or(Duration::from_secs(60)),
        digest: config.get("mesos.state.zookeeper.secret").map(str::to_owned),
        creator_only,
    })
}
