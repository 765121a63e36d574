//! What the configuration that the environment names says about running clusters.

use std::path::PathBuf;

use flink::{config::Configuration, home::FlinkHome};
use scheduler::election::ZooKeeperOptions;
use tracing::debug;

use super::at_master::Master;
use crate::{
    control::Token,
    environment::Lookup,
    settings::{self, StateLocation},
};

/// Where a cluster with this configuration can be found.
#[derive(Debug, Default)]
pub(super) struct Configured {
    pub(super) zookeeper: Option<ZooKeeperOptions>,
    pub(super) master: Option<Master>,
    /// The control API's token.
    pub(super) token: Option<Token>,
}

impl Configured {
    /// Reads the configuration of `FLINK_CONF_DIR`, or of `conf` in `FLINK_HOME`. Nothing if
    /// neither can be read. Blocks.
    pub(super) fn read(lookup: &Lookup) -> Self {
        let Some(config) = configuration(lookup) else { return Self::default() };
        let zookeeper = match settings::state_location(&config) {
            Ok(StateLocation::ZooKeeper(options)) => Some(options),
            _ => None,
        };
        let credential = settings::credential(&config).ok().flatten();
        let master = settings::master(&config).ok().map(|url| Master { url, credential });
        let token = settings::control_token(&config).ok().flatten();
        Self { zookeeper, master, token }
    }
}

fn configuration(lookup: &Lookup) -> Option<Configuration> {
    let folder = lookup("FLINK_CONF_DIR").map(PathBuf::from);
    let home = FlinkHome::open(lookup("FLINK_HOME")?.as_ref(), folder.as_deref());
    let home = home.inspect_err(|error| debug!(%error, "No configuration to look for clusters"));
    let home = home.ok()?;
    let read = Configuration::load(&home.conf_dir, &home.version);
    read.inspect_err(|error| debug!(%error, "No configuration to look for clusters")).ok()
}
