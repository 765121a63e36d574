//! Why an archive was not unpacked.

use std::io;

use crate::manifest::{Format, ManifestError};

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// An entry that must not be unpacked.
    #[error("archive entry `{name}` {reason}")]
    Entry {
        /// Its name, made printable.
        name: String,
        /// Why it must not be unpacked.
        reason: String,
    },
    /// A limit is exceeded.
    #[error("the archive has more than {limit} {what}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Names that cannot be in one tree.
    #[error("the archive is not a valid tree: {0}")]
    Tree(#[from] ManifestError),
    /// It is not such an archive, it is damaged, or it cannot be read.
    #[error("the archive cannot be read as {format}: {error}")]
    Damaged {
        /// The expected format.
        format: Format,
        /// The error of reading it.
        error: io::Error,
    },
    /// A disk error; the error names the path.
    #[error(transparent)]
    Disk(io::Error),
}
