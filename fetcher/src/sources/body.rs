//! What comes from a source.

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::SourceError;

/// Content being received.
pub(super) struct Body {
    /// Position of its first byte: the requested one, or 0 if the source starts again.
    pub(super) start: u64,
    /// Total bytes from position 0, if the source says.
    pub(super) total: Option<u64>,
    /// Identifies this version of the content, if the source has versions.
    pub(super) version: Option<String>,
    pub(super) bytes: BoxStream<'static, Result<Bytes, SourceError>>,
}
