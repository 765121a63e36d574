//! Why a manifest must not be used, and how large it may be.

use crate::digest::DigestError;
use crate::path::{TreePath, TreePathError};

/// Largest accepted encoding, in bytes: room for about 100 000 files.
pub const MAX_ENCODED: usize = 16 << 20;
/// The most entries and folders in one tree, in total.
pub const MAX_NODES: usize = 200_000;

/// A manifest that must not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A path that could leave the tree.
    #[error(transparent)]
    Path(#[from] TreePathError),
    /// An invalid digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// Two entries for one path.
    #[error("path `{0}` appears twice in the manifest")]
    Duplicate(TreePath),
    /// An entry below something that is not a folder.
    #[error("path `{path}` lies below `{ancestor}`, which is not a folder")]
    NotAFolder {
        /// The lower path.
        path: TreePath,
        /// The file or link above it.
        ancestor: String,
    },
    /// A link that leads to nothing in this tree, through another link, or in a circle.
    #[error("link `{path}` to `{target}` {reason}")]
    Link {
        /// The link.
        path: TreePath,
        /// Its target.
        target: TreePath,
        /// Why it is invalid.
        reason: &'static str,
    },
    /// Sizes and digests that contradict each other.
    #[error("content of `{path}` {reason}")]
    Content {
        /// The entry.
        path: TreePath,
        /// Why it is invalid.
        reason: &'static str,
    },
    /// More entries than a tree may have.
    #[error("the manifest has more than {MAX_NODES} entries and folders")]
    TooMany,
    /// Bytes that are not an encoding of a manifest.
    #[error("manifest line {line}: {reason}")]
    Encoding {
        /// Line from 1; 0 for the encoding as a whole.
        line: usize,
        /// Why it is invalid.
        reason: &'static str,
    },
}
