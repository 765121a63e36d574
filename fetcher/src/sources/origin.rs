//! A source of any kind: its content from some byte on.

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::http::Http;
use super::{Scheme, SourceError, SourceOptions, SourceUri};

pub(super) enum Origin {
    Http(Http),
    #[cfg(feature = "stores")]
    Store(super::store::Store),
}

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

impl Origin {
    pub(super) fn new(uri: &SourceUri, options: &SourceOptions) -> Result<Self, SourceError> {
        match uri.scheme() {
            Scheme::Http | Scheme::Https => Http::new(uri, options).map(Self::Http),
            #[cfg(feature = "stores")]
            _ => super::store::Store::new(uri, options).map(Self::Store),
            #[cfg(not(feature = "stores"))]
            scheme => Err(SourceError::Absent { uri: uri.to_string(), scheme }),
        }
    }

    /// Content from byte `from` on, of this version if the source has versions.
    pub(super) async fn open(&self, from: u64, version: Option<&str>) -> Result<Body, SourceError> {
        match self {
            Self::Http(http) => http.open(from, version).await,
            #[cfg(feature = "stores")]
            Self::Store(store) => store.open(from, version).await,
        }
    }
}
