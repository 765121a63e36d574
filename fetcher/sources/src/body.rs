//! What comes from a source.

use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::error::SourceError;

/// Content being received.
pub(crate) struct Body {
    /// Position of its first byte: the requested one, or 0 if the source starts again.
    pub(crate) start: u64,
    /// Total bytes from position 0, if the source says.
    pub(crate) total: Option<u64>,
    /// Identifies this version of the content, if the source has versions.
    pub(crate) version: Option<String>,
    pub(crate) bytes: BoxStream<'static, Result<Bytes, SourceError>>,
}
