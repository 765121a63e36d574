//! What is said over the socket.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::fetch::{FetchError, Progress};

/// Asks for a tree. No `Debug`: it holds a token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    /// The manifest's digest.
    pub(super) manifest: Digest,
    /// Base addresses of artifact servers.
    pub(super) urls: Vec<String>,
    /// What the servers want to see.
    pub(super) token: String,
    /// Certificates in PEM of those who may vouch for the servers; without: those that the sidecar's machine trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trusted: Option<String>,
}

/// One line of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// How far the fetch is; at least one every second while it goes on.
    Progress(Progress),
    /// The tree is there, and stays there while the connection is open.
    Ready {
        /// The cache's folder.
        cache: PathBuf,
        /// The tree's folder in it.
        tree: PathBuf,
        /// Whether it was there before it was asked for.
        was_there: bool,
    },
    /// The tree cannot be fetched.
    Failed(Failure),
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    /// For people.
    pub(crate) message: String,
    /// [`FetchError::kind`].
    pub(crate) kind: String,
    /// Whose it is to mend: [`FetchError::blame`].
    pub(crate) blame: String,
}

impl From<&FetchError> for Failure {
    fn from(error: &FetchError) -> Self {
        Self { message: error.to_string(), kind: error.kind().to_owned(), blame: error.blame().name().to_owned() }
    }
}

/// POST an [`Ask`]: gets a tree; [`Told`] line by line.
pub(super) const FETCH: &str = "/v1/fetch";

/// POST what a TaskManager uses, as JSON: for the metrics.
pub(super) const USAGE: &str = "/v1/usage";

#[cfg(feature = "sidecar")]
pub(super) use administration::{GC, HEALTH, Keep, STATUS, VERIFY};

/// What people ask.
#[cfg(feature = "sidecar")]
mod administration {
    use serde::{Deserialize, Serialize};

    /// GET: what is the case.
    pub(in crate::sidecar) const STATUS: &str = "/v1/status";
    /// GET: whether the daemon is well.
    pub(in crate::sidecar) const HEALTH: &str = "/healthz";
    /// POST a [`Keep`]: makes room.
    pub(in crate::sidecar) const GC: &str = "/v1/gc";
    /// POST: reads and checks everything.
    pub(in crate::sidecar) const VERIFY: &str = "/v1/verify";

    /// How much is kept when room is made.
    #[derive(Debug, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(in crate::sidecar) struct Keep {
        /// None: the budget.
        pub(in crate::sidecar) bytes: Option<u64>,
    }
}
