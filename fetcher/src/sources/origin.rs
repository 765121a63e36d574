//! A source of any kind: its content from some byte on.

use super::body::Body;
use super::http::Http;
use super::{Scheme, SourceError, SourceOptions, SourceUri};

pub(super) enum Origin {
    Http(Http),
    #[cfg(feature = "stores")]
    Store(super::store::Store),
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
