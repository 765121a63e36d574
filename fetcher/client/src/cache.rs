//! The host's cache: each content once, each tree at a stable path, however many workers use it.
//!
//! ```text
//! <cache>/blobs/<key>          verified content, read-only; the key says what was verified
//! <cache>/partial/<key>        incomplete content, locked by its writer; the lane follows the key
//! <cache>/trees/<manifest>/    complete trees of hard links to blobs; the modification time is the last use
//! <cache>/manifests/<manifest> the entries of each tree
//! <cache>/archives/<key>       the files of each unpacked archive
//! <cache>/class-data/<key>.jsa archives of class data, written by JVMs
//! <cache>/locks/<manifest>     shared while a tree is in use, exclusive while it is removed
//! <cache>/locks/<manifest>.making  exclusive while a tree is made; the lane precedes the suffix
//! <cache>/locks/gc             exclusive while room is made
//! <cache>/reserved/<random>/   what a running fetch needs: room, and existing contents
//! <cache>/quarantine/<key>     damaged content that `verify` found
//! ```
//!
//! All users of the host can read `trees`, `manifests` and `archives`, so that a sidecar that runs
//! as another user can give trees to their workers. They can lock the trees too, to keep them while
//! in use.
//!
//! Everything gets its name by a rename once it is complete and on the disk. So it is complete or
//! absent at every moment, also after a crash. A fetcher for several users works in lanes: one lane
//! does not wait for the incomplete content of another. All locks are the kernel's, so they end
//! with the process that holds them. Secrets never get here, nor does anything that says more about
//! them than that they exist: they and their manifest go from the server directly into the sandbox
//! of the worker whose token fetched them.

use tokio::sync::watch;

use crate::error::FetchError;
use crate::fetch::{FetchOptions, Progress, Request};

pub use class_data::ClassDataMaking;
pub use eviction::{Removed, Usage};
pub use fetch::{Fetch, Permission};
pub use folders::{Cache, CacheError, CacheOptions};
pub use reading::Shelf;
pub use trees::Tree;
pub use verify::Verified;

mod archives;
mod assembly;
mod blobs;
mod class_data;
mod content;
mod eviction;
mod fetch;
mod files;
mod folders;
mod placing;
mod reading;
mod reservation;
#[cfg(test)]
mod tests;
mod trees;
mod verify;

/// Environment variable with the path of the cache. Operators set it on a host; it overrides the
/// framework's setting.
pub const PATH_VARIABLE: &str = "FLINK_MESOS_CACHE_DIR";

impl Cache {
    /// Fetches what is missing into the cache, for later fetches.
    pub async fn prefetch(
        &self,
        request: Request,
        options: FetchOptions,
        progress: watch::Sender<Progress>,
    ) -> Result<(), FetchError> {
        self.tree(&Fetch::new(request, options, progress)).await.map(drop)
    }
}
