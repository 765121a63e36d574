//! Count what has arrived, for progress reports and to detect a lack of progress.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

/// The progress of a fetch. Files with the same content count once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Files that are complete and verified.
    pub files_done: usize,
    /// Files to fetch; 0 until the manifest is known.
    pub files: usize,
    /// Bytes received; it decreases if they turn out to be wrong.
    pub bytes_done: u64,
    /// Bytes to fetch; 0 until the manifest is known.
    pub bytes: u64,
}

pub(crate) struct Meter {
    progress: watch::Sender<Progress>,
    /// When bytes last arrived.
    moved: Mutex<Instant>,
}

impl Meter {
    pub(crate) fn new(progress: watch::Sender<Progress>) -> Self {
        Self { progress, moved: Mutex::new(Instant::now()) }
    }

    pub(crate) fn expect(&self, files: usize, bytes: u64) {
        self.progress.send_modify(|progress| (progress.files, progress.bytes) = (files, bytes));
    }

    /// Adds to what is expected.
    pub(crate) fn expect_more(&self, files: usize, bytes: u64) {
        self.progress.send_modify(|progress| {
            progress.files += files;
            progress.bytes += bytes;
        });
    }

    /// Counts files that did not have to be fetched.
    pub(crate) fn there(&self, files: usize, bytes: u64) {
        self.progress.send_modify(|progress| {
            progress.files_done += files;
            progress.bytes_done += bytes;
        });
    }

    pub(crate) fn add(&self, bytes: u64) {
        *self.moved.lock() = Instant::now();
        self.progress.send_modify(|progress| progress.bytes_done += bytes);
    }

    /// Subtracts bytes that were wrong.
    pub(crate) fn take_back(&self, bytes: u64) {
        self.progress.send_modify(|progress| {
            progress.bytes_done = progress.bytes_done.saturating_sub(bytes);
        });
    }

    pub(crate) fn file_done(&self) {
        self.progress.send_modify(|progress| progress.files_done += 1);
    }

    /// When bytes last arrived, from any source.
    pub(crate) fn last_moved(&self) -> Instant {
        *self.moved.lock()
    }
}
