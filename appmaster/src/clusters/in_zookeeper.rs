//! The cluster whose leader announces itself in ZooKeeper.

use scheduler::election::{ZooKeeperOptions, announced};
use serde::{Deserialize, Serialize};

use super::{Cluster, here};
use crate::{control::Token, failure::Failure};

/// What a leader announces. No secret is in it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Announcement {
    /// The framework's name.
    pub(crate) cluster: String,
    /// The control API's URL.
    pub(crate) control: String,
    /// The leader's host.
    pub(crate) host: String,
    /// The JobManager's web page, unless it is found through ZooKeeper, too.
    pub(crate) web: Option<String>,
    /// The user of the application master.
    pub(crate) user: String,
    /// When it began to lead, in milliseconds since 1970.
    pub(crate) since: u64,
}

/// The cluster of these options, if one leads. `token` is the one in the same configuration.
pub(super) async fn leading(
    options: &ZooKeeperOptions,
    token: Option<&Token>,
) -> Result<Option<Cluster>, Failure> {
    let Some(text) = announced(options).await.map_err(Failure::other)? else { return Ok(None) };
    // A standby, or a leader that has not started its control API, announces something else.
    let Ok(found) = serde_json::from_slice::<Announcement>(&text) else { return Ok(None) };
    let is_here = here::is_this_machine(&found.host).await;
    Ok(Some(Cluster {
        control: here::reached(&found.control, &found.host, is_here),
        name: found.cluster,
        framework: None,
        user: Some(found.user),
        web: found.web,
        since: Some(found.since),
        labelled: false,
        disconnected: false,
        running: None,
        token: token.cloned(),
    }))
}
