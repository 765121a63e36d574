//! The messages on the socket.

use std::path::PathBuf;

use fetcher_formats::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::error::FetchError;
use crate::fetch::Progress;

/// Request for a tree. No `Debug`, because it contains a token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeRequest {
    /// The manifest's digest.
    pub manifest: Digest,
    /// Base URLs of artifact servers.
    pub urls: Vec<String>,
    /// The token that the servers require.
    pub token: String,
    /// PEM certificates of the authorities to trust; without, those that the sidecar's machine
    /// trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted: Option<String>,
}

/// One line of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
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
pub struct Failure {
    /// Text for people.
    pub message: String,
    /// [`FetchError::kind`].
    pub kind: String,
    /// Who can fix it: [`FetchError::blame`].
    pub blame: String,
}

impl From<&FetchError> for Failure {
    fn from(error: &FetchError) -> Self {
        Self {
            message: error.to_string(),
            kind: error.kind().to_owned(),
            blame: error.blame().name().to_owned(),
        }
    }
}

/// POST an [`TreeRequest`]: gets a tree; [`Reply`] line by line.
pub const FETCH: &str = "/v1/fetch";

/// POST a TaskManager's usage as JSON, for the metrics.
pub const USAGE: &str = "/v1/usage";
