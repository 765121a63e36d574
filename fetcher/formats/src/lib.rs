//! What artifacts are and how they are written down: digests, paths, manifests, archives, tokens.
//!
//! A [`Manifest`] lists a tree of files by digest, and its own digest names the whole tree.
//! [`unpack`](unpack::unpack) turns an archive into such a tree. [`hashing`], [`files`] and
//! [`page_cache`] are for every program that hashes, makes or serves the files of a tree. Nothing
//! here opens a connection.

pub mod digest;
pub mod files;
pub mod hashing;
pub mod headers;
pub mod manifest;
pub mod page_cache;
pub mod path;
mod sys;
pub mod token;
pub mod unpack;

pub use digest::Digest;
pub use manifest::{Blob, BlobName, Entry, Format, Kind, Manifest, ManifestError};
pub use path::TreePath;
pub use token::Token;
