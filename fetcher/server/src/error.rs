//! Why a server does not start.

use std::io;
use std::net::SocketAddr;

use fetcher_formats::manifest::ManifestError;

use crate::tls::TlsError;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Another process listens there.
    #[error("the {server}'s port is in use: {address} (port 0 takes any free one)")]
    PortInUse {
        /// Which server.
        server: &'static str,
        /// The address to listen on.
        address: SocketAddr,
    },
    /// The certificate or the key is unusable.
    #[error("the artifact server's certificate: {0}")]
    Tls(#[from] TlsError),
    /// The secrets cannot be separated from the rest, for example because a link leads to one.
    #[error("the artifact server cannot keep the secrets apart: {0}")]
    Secrets(#[from] ManifestError),
    /// The runtime is shutting down.
    #[error("the artifact server was stopped before it had started")]
    Stopped,
    /// For example, this machine does not have the address, or the port is not allowed.
    #[error("the {server} cannot listen on {address}: {source}")]
    Bind {
        /// Which server.
        server: &'static str,
        /// The address to listen on.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
}
