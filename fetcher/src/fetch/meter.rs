//! Counting what has arrived, for those who watch and for telling progress from its absence.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

/// How far a fetch has come. Files of the same content count once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Files that are complete and verified.
    pub files_done: usize,
    /// Files to fetch; 0 until the manifest is there.
    pub files: usize,
    /// Bytes that have come; goes back when they turn out to be wrong.
    pub bytes_done: u64,
    /// Bytes to fetch; 0 until the manifest is there.
    pub bytes: u64,
}

pub(crate) struct Meter {
    progress: watch::Sender<Progress>,
    /// When bytes came last.
    moved: Mutex<Instant>,
}

impl Meter {
    pub(crate) fn new(progress: watch::Sender<Progress>) -> Self {
        Self { progress, moved: Mutex::new(Instant::now()) }
    }

    pub(crate) fn expect(&self, files: usize, bytes: u64) {
        self.progress.send_modify(|progress| (progress.files, progress.bytes) = (files, bytes));
    }

    /// Expects so much on top.
    pub(crate) fn expect_more(&self, files: usize, bytes: u64) {
        self.progress.send_modify(|progress| {
            progress.files += files;
            progress.bytes += bytes;
        });
    }

    /// Notes files that did not have to be fetched.
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

    /// Takes back bytes that were wrong.
    pub(crate) fn take_back(&self, bytes: u64) {
        self.progress.send_modify(|progress| progress.bytes_done = progress.bytes_done.saturating_sub(bytes));
    }

    pub(crate) fn file_done(&self) {
        self.progress.send_modify(|progress| progress.files_done += 1);
    }

    /// When bytes came last, from anywhere.
    pub(crate) fn last_moved(&self) -> Instant {
        *self.moved.lock()
    }
}
