//! Fetch artifacts: trees of files, verified by digest, through a cache that all workers of a host
//! share.
//!
//! [`materialise`] puts a tree into a folder of this machine, straight from the artifact servers.
//! [`Cache::materialise`] does so through the host's cache, and [`obtain()`] through the host's
//! [`sidecar`] if there is one. A byte that does not match its digest in the manifest is never
//! visible under its final name.

mod blocking;
pub mod cache;
pub mod counters;
mod crash;
mod error;
pub mod fetch;
mod lock;
pub mod obtain;
mod project;
pub mod responses;
pub mod sidecar;
mod space;
mod sys;

pub use blocking::blocking;
pub use cache::{Cache, CacheError, CacheOptions};
pub use error::{FetchBlame, FetchError, Retry};
pub use fetch::{
    FetchOptions, Materialised, Progress, Request, Shared, materialise, materialise_with,
};
pub use lock::{FileLock, Mode};
pub use obtain::{DEFAULT_SOCKET, Ways, obtain};
pub use project::Projection;
