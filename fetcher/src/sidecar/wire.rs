//! The messages on the socket.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::FetchError;
use crate::fetch::Progress;

/// Request for a tree. No `Debug`, because it contains a token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TreeRequest {
    /// The manifest's digest.
    pub(super) manifest: Digest,
    /// Base URLs of artifact servers.
    pub(super) urls: Vec<String>,
    /// The token that the servers require.
    pub(super) token: String,
    /// PEM certificates of the authorities to trust; without, those that the sidecar's machine trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trusted: Option<String>,
}

/// One line of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply {
    /// Progress of the fetch; sent at least once every second while it runs.
    Progress(Progress),
    /// The tree is ready, and stays in the cache while the connection is open.
    Ready {
        /// The cache's folder.
        cache: PathBuf,
        /// The tree's folder in it.
        tree: PathBuf,
        /// Whether it was in the cache before the request.
        was_there: bool,
    },
    /// The tree cannot be fetched.
    Failed(Failure),
}

/// Why the tree cannot be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// Text for people.
    pub(crate) message: String,
    /// [`FetchError::kind`].
    pub(crate) kind: String,
    /// Who can fix it: [`FetchError::blame`].
    pub(crate) blame: String,
}

impl From<&FetchError> for Failure {
    fn from(error: &FetchError) -> Self {
        Self { message: error.to_string(), kind: error.kind().to_owned(), blame: error.blame().name().to_owned() }
    }
}

/// POST an [`TreeRequest`]: gets a tree; [`Reply`] line by line.
pub(super) const FETCH: &str = "/v1/fetch";

/// POST a TaskManager's usage as JSON, for the metrics.
pub(super) const USAGE: &str = "/v1/usage";

#[cfg(feature = "sidecar")]
pub(super) use administration::{GC, HEALTH, Keep, STATUS, VERIFY};

/// Requests of people.
#[cfg(feature = "sidecar")]
mod administration {
    use serde::{Deserialize, Serialize};

    /// GET the state.
    pub(in crate::sidecar) const STATUS: &str = "/v1/status";
    /// GET the daemon's health.
    pub(in crate::sidecar) const HEALTH: &str = "/healthz";
    /// POST a [`Keep`]: make room.
    pub(in crate::sidecar) const GC: &str = "/v1/gc";
    /// POST: read and check all contents.
    pub(in crate::sidecar) const VERIFY: &str = "/v1/verify";

    /// How much to keep when making room.
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(in crate::sidecar) struct Keep {
        /// None: as much as the budget.
        pub(in crate::sidecar) bytes: Option<u64>,
    }
}
