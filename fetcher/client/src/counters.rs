//! The counters of a process that fetches: bytes by source, cache hits, evictions, errors.
//!
//! They only grow. The current state, such as the cache's size, is not counted here.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::error::FetchError;

/// Where bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An artifact server.
    Server,
    /// Another host that has the content.
    Peer,
}

/// The counters of one process. Fetches add to them; [`Counters::counts`] reads them.
#[derive(Debug, Default)]
pub struct Counters(Mutex<Counts>);

/// The counts at one instant, since the start of the process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Bytes of bodies from artifact servers, including wrong ones.
    pub bytes_from_servers: u64,
    /// Bytes of bodies from other hosts, including wrong ones.
    pub bytes_from_peers: u64,
    /// Requested trees that were in the cache.
    pub hits: u64,
    /// Requested trees that were not.
    pub misses: u64,
    /// Contents removed to make room.
    pub evictions: u64,
    /// Bytes of those contents.
    pub evicted_bytes: u64,
    /// Failed requests, including those that succeeded when repeated.
    pub request_errors: Vec<Errors>,
    /// Fetches that failed for good.
    pub failed_fetches: Vec<Errors>,
}

/// A count of one kind of error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors {
    /// The kind: [`FetchError::kind`].
    pub kind: String,
    /// Who can fix it: [`FetchError::blame`].
    pub blame: String,
    /// The count.
    pub count: u64,
}

impl Counters {
    /// The current counts.
    pub fn counts(&self) -> Counts {
        self.0.lock().clone()
    }

    pub(crate) fn received(&self, from: Source, bytes: u64) {
        let mut counts = self.0.lock();
        match from {
            Source::Server => counts.bytes_from_servers += bytes,
            Source::Peer => counts.bytes_from_peers += bytes,
        }
    }

    /// Counts a requested tree that was in the cache.
    pub fn hit(&self) {
        self.0.lock().hits += 1;
    }

    pub(crate) fn missed(&self) {
        self.0.lock().misses += 1;
    }

    /// Counts contents that were removed to make room, and their bytes.
    pub(crate) fn evicted(&self, contents: usize, bytes: u64) {
        let mut counts = self.0.lock();
        counts.evictions += contents as u64;
        counts.evicted_bytes += bytes;
    }

    pub(crate) fn request_failed(&self, error: &FetchError) {
        add(&mut self.0.lock().request_errors, error);
    }

    /// Counts a fetch that failed for good.
    pub fn fetch_failed(&self, error: &FetchError) {
        add(&mut self.0.lock().failed_fetches, error);
    }
}

fn add(errors: &mut Vec<Errors>, error: &FetchError) {
    let (kind, blame) = (error.kind(), error.blame().name());
    match errors.iter_mut().find(|errors| errors.kind == kind && errors.blame == blame) {
        Some(errors) => errors.count += 1,
        None => errors.push(Errors { kind: kind.to_owned(), blame: blame.to_owned(), count: 1 }),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn errors_are_counted_by_kind_and_blame() {
        let counters = Counters::default();
        counters.fetch_failed(&FetchError::Exists(PathBuf::from("/a")));
        counters.fetch_failed(&FetchError::Stopped);
        counters.fetch_failed(&FetchError::Exists(PathBuf::from("/b")));
        let failed: Vec<_> = counters
            .counts()
            .failed_fetches
            .into_iter()
            .map(|e| (e.kind, e.blame, e.count))
            .collect();
        let expected = [("exists", "configuration", 2), ("stopped", "host", 1)];
        assert_eq!(
            failed,
            expected.map(|(kind, blame, count)| (kind.to_owned(), blame.to_owned(), count))
        );
    }
}
