//! Where the application master stores its state.

use std::path::PathBuf;

use flink::{
    config::Configuration,
    options::{flink::HIGH_AVAILABILITY_TYPE, mesos::STATE_DIR},
};
use scheduler::election::ZooKeeperOptions;

use super::{SettingsError, invalid, zookeeper::zookeeper};

/// Where the application master stores its state.
#[derive(Clone, Debug)]
pub enum StateLocation {
    /// In memory: the cluster ends with the application master.
    Memory,
    /// In a local directory.
    Directory(PathBuf),
    /// In ZooKeeper, where one of several application masters leads.
    ZooKeeper(ZooKeeperOptions),
}

/// Where the state is stored.
pub fn state_location(config: &Configuration) -> Result<StateLocation, SettingsError> {
    match config.text(&HIGH_AVAILABILITY_TYPE).to_ascii_lowercase().as_str() {
        "none" | "" => Ok(config
            .get(&STATE_DIR)
            .map_or(StateLocation::Memory, |d| StateLocation::Directory(d.into()))),
        "zookeeper" => Ok(StateLocation::ZooKeeper(zookeeper(config)?)),
        _ => Err(invalid(
            HIGH_AVAILABILITY_TYPE.key(),
            config,
            "allowed on Mesos are NONE and zookeeper".to_owned(),
        )),
    }
}
