//! Why a source cannot be used, and who can fix that.

use fetcher_client::{FetchBlame, FetchError};
use fetcher_formats::hashing::HashError;

/// Why a source cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It was not found or could not be downloaded; the error names the URL.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file that cannot be read; the error names it.
    #[error(transparent)]
    File(#[from] HashError),
    /// An object store or file system rejects the request.
    #[error("{uri}: {reason}")]
    Store {
        /// The requested URI.
        uri: String,
        /// The store's error.
        reason: String,
        /// Whether a retry may succeed.
        temporary: bool,
    },
}

impl SourceError {
    /// Who can fix it.
    pub fn blame(&self) -> FetchBlame {
        match self {
            Self::Fetch(error) => error.blame(),
            Self::Store { temporary: true, .. } => FetchBlame::Network,
            Self::Store { .. } | Self::File(_) => FetchBlame::Configuration,
        }
    }
}
