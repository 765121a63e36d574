//! Artifacts: the files that workers need, named by digest, served by the application master, and verified by the
//! receiver.
//!
//! [`build()`] hashes local files into a [`Manifest`], whose digest names the whole tree. [`ArtifactServer`] serves the
//! manifest and every blob in it to workers that present their [`Token`]. [`materialise`] puts the tree into a folder
//! on another machine. [`Cache::materialise`] does so through a cache that all workers of that machine share, and
//! [`obtain()`] through that machine's [`sidecar`] if there is one. A byte that does not match its digest in the
//! manifest is never visible under its final name.

mod blocking;
pub mod build;
pub mod cache;
pub mod counters;
mod crash;
pub mod descriptors;
pub mod digest;
mod error;
pub mod fetch;
mod files;
pub mod hashing;
mod lock;
pub mod manifest;
pub mod obtain;
mod page_cache;
pub mod path;
pub mod peers;
mod project;
pub mod quiet;
pub mod rate;
pub mod server;
pub mod sidecar;
pub mod sources;
mod space;
mod sys;
pub mod token;
pub mod unpack;

pub use build::{Archive, Artifact, BuildError, BuildOptions, Catalogue, build, build_with};
pub use cache::{Cache, CacheError, CacheOptions};
pub use digest::Digest;
pub use error::{Blame, FetchError};
pub use fetch::{FetchOptions, Materialised, Progress, Request, Shared, materialise, materialise_with};
pub use manifest::{Blob, BlobName, Entry, Kind, Manifest, ManifestError};
pub use obtain::{DEFAULT_SOCKET, Ways, obtain};
pub use path::TreePath;
pub use project::Projection;
pub use server::{
    ArtifactServer, Identity, Metrics, Password, PeerOptions, PeerServer, ServerError, ServerOptions, TlsError, Trust,
};
pub use token::Token;
