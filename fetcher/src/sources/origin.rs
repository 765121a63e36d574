//! One source, whatever its kind: what it has from some byte on.

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::http::Http;
use super::{Scheme, SourceError, SourceOptions, SourceUri};

pub(super) enum Origin {
    Http(Http),
    #[cfg(feature = "stores")]
    Store(super::store::Store),
}

/// Content on its way.
pub(super) struct Body {
    /// The byte that it begins with: the one asked for, or 0 when the source begins anew.
    pub(super) start: u64,
    /// How many bytes there are from 0 on, if the source says so.
    pub(super) total: Option<u64>,
    /// What tells this content from later ones in the same place, if anything does.
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

    /// Content from byte `from` on, of this version if the source can tell.
    pub(super) async fn open(&self, from: u64, version: Option<&str>) -> Result<Body, SourceError> {
        match self {
            Self::Http(http) => http.open(from, version).await,
            #[cfg(feature = "stores")]
            Self::Store(store) => store.open(from, version).await,
        }
    }
}
