//! The running clusters that a command can find: those of this user on this machine, by their run
//! files; the one whose leader announces itself in ZooKeeper; and those that a Mesos master has
//! registered, by a label of their framework.
//!
//! Mesos does not verify labels. So the token in a run file is sent only to the address in the
//! same file, and that of a configuration only where its ZooKeeper says. An address that only a
//! label has is not used for more than `list`, which shows no token, unless a certificate proves it.

mod at_master;
mod choice;
mod client;
mod configured;
mod here;
mod in_zookeeper;
mod listing;

use mesos::master::MasterUrl;

use self::configured::Configured;
pub use self::{
    client::client,
    listing::{Listed, Listing, State, list},
};
pub(crate) use self::{here::is_this_machine, in_zookeeper::Announcement};
use crate::{
    control::{
        Token,
        run_file::{self, RunFolderError, Running},
    },
    environment::Lookup,
    failure::Failure,
};

/// The label of a framework with the URL of its control API. No secret is in it.
pub(crate) const LABEL: &str = "flink-mesos-control";

/// A running cluster, as far as it is known.
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    /// The framework's name.
    name: String,
    /// The framework's id, if Mesos was asked.
    framework: Option<String>,
    user: Option<String>,
    web: Option<String>,
    /// Milliseconds since 1970.
    since: Option<u64>,
    /// The control API's URL, or why it cannot be used from this machine.
    control: Result<String, String>,
    /// Whether only a label at the Mesos master says where it is: anybody may register one.
    labelled: bool,
    /// Whether the Mesos master has lost its scheduler.
    disconnected: bool,
    /// Its run file, if it is one of this user's on this machine.
    running: Option<Running>,
    /// The token in the configuration that led to it.
    token: Option<Token>,
}

impl From<Running> for Cluster {
    fn from(running: Running) -> Self {
        Self {
            name: running.cluster.clone(),
            framework: None,
            user: running.user.clone(),
            web: running.web.clone(),
            since: running.since,
            control: Ok(running.address.clone()),
            labelled: false,
            disconnected: false,
            running: Some(running),
            token: None,
        }
    }
}

impl Cluster {
    /// Whether both are one cluster, found in two places: its web page shows it, or its name if no web
    /// page is known.
    fn is(&self, other: &Self) -> bool {
        self.web == other.web && (self.web.is_some() || self.name == other.name)
    }
}

/// Which clusters were found, and where they were looked for.
#[derive(Debug, Default)]
pub(crate) struct Search {
    clusters: Vec<Cluster>,
    /// The sources, for people.
    places: Vec<String>,
    /// Why a run file of this user may be missing.
    obstacle: Option<RunFolderError>,
}

impl Search {
    /// Looks for clusters of this user on this machine. Blocks.
    fn here(lookup: &Lookup) -> Self {
        Self {
            clusters: run_file::running(lookup).into_iter().map(Cluster::from).collect(),
            places: vec!["this user's run files on this machine".to_owned()],
            obstacle: run_file::obstacle(lookup),
        }
    }

    /// Adds the one whose leader announces itself in the configured ZooKeeper.
    async fn add_zookeeper(&mut self, configured: &Configured) -> Result<(), Failure> {
        let Some(options) = &configured.zookeeper else { return Ok(()) };
        let found = in_zookeeper::leading(options, configured.token.as_ref()).await?;
        let is_known = |found: &Cluster| self.clusters.iter().any(|own| own.is(found));
        self.clusters.extend(found.filter(|found| !is_known(found)));
        self.places.push(format!("ZooKeeper at {}", options.base));
        Ok(())
    }

    /// Adds those of a Mesos master.
    async fn add_master(&mut self, master: &at_master::Master) -> Result<(), Failure> {
        let found = at_master::registered(master).await?;
        let own = std::mem::take(&mut self.clusters);
        self.clusters = at_master::merge(own, found);
        self.places.push(format!("the Mesos master {}", master.url));
        Ok(())
    }
}

/// The master that a command names.
fn master(text: &str) -> Result<MasterUrl, Failure> {
    text.parse().map_err(|error| Failure::usage(anyhow::anyhow!("--master: {error}")))
}
