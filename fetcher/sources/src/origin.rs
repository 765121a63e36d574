//! A source of any kind: its content from some byte on.

use crate::body::Body;
use crate::error::SourceError;
use crate::http::Http;
use crate::options::SourceOptions;
use crate::store::Store;
use crate::uri::{Scheme, SourceUri};

pub(crate) enum Origin {
    Http(Http),
    Store(Store),
}

impl Origin {
    pub(crate) fn new(uri: &SourceUri, options: &SourceOptions) -> Result<Self, SourceError> {
        match uri.scheme() {
            Scheme::Http | Scheme::Https => Http::new(uri, options).map(Self::Http),
            _ => Store::new(uri, options).map(Self::Store),
        }
    }

    /// Content from byte `from` on, of this version if the source has versions.
    pub(crate) async fn open(&self, from: u64, version: Option<&str>) -> Result<Body, SourceError> {
        match self {
            Self::Http(http) => http.open(from, version).await,
            Self::Store(store) => store.open(from, version).await,
        }
    }
}
