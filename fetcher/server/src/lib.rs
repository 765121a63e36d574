//! Serve artifacts: the application master's server, and the servers of hosts that pass on what
//! they hold.
//!
//! [`build()`] hashes local files into a manifest. [`ArtifactServer`] serves the manifest and every
//! file in it by digest to workers that present their token. [`PeerServer`] serves what is in a
//! host's cache to other hosts; [`peers`] decides which of them the artifact server sends a client
//! to.

mod answer;
mod artifact_server;
pub mod build;
mod connection;
mod error;
mod file;
mod listening;
mod peer_server;
pub mod peers;
mod range;
mod referral;
mod request;
mod routes;
mod tls;
mod transfer;
mod wire;

pub use artifact_server::{ArtifactServer, ServerOptions};
pub use build::{Archive, Artifact, BuildError, BuildOptions, Catalogue, build, build_with};
pub use error::ServerError;
pub use peer_server::{Metrics, PeerOptions, PeerServer};
pub use tls::{Identity, Password, StoreFormat, TlsError, Trust};

/// Entry point for fuzzing: parses bytes as the head of a request.
#[doc(hidden)]
pub fn fuzz_head(bytes: &[u8]) {
    if let request::Parsed::Complete(head, length) = request::parse(bytes) {
        assert!(head.path.starts_with('/') && length <= bytes.len());
        let again = bytes.get(..length).map(request::parse);
        assert_eq!(again, Some(request::Parsed::Complete(head, length)));
    }
}
