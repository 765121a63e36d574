//! What a running fetch counts on, seen by all processes.
//!
//! A folder with a hard link to each content that the fetch needs and finds or brings, so that whoever makes room sees
//! that it is in use, and with a locked file whose size is the number of bytes that are still to come. It holds no byte of
//! its own. A process that dies loses the lock; the next who looks removes the folder.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use fs_err::OpenOptions;
use parking_lot::Mutex;

use super::blobs::Content;
use super::lock::{FileLock, Mode};
use super::trees::remove_folder;
use crate::crash;
use crate::fetch::FetchError;
use crate::token::unguessable;

const LOCK: &str = "lock";

/// Removed when it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    folder: PathBuf,
    _lock: FileLock,
    left: Mutex<u64>,
}

impl Reservation {
    /// A reservation of nothing.
    pub(super) fn make(folder: &Path) -> Result<Self, FetchError> {
        loop {
            let folder = folder.join(unguessable());
            // Nobody else may put anything there, whatever the umask.
            let lock = DirBuilder::new().mode(0o700).create(&folder).and_then(|()| {
                crash::point();
                FileLock::attempt(&folder.join(LOCK), Mode::Exclusive)
            });
            match lock {
                Ok(Some(lock)) => return Ok(Self { folder, _lock: lock, left: Mutex::new(0) }),
                // Somebody took it for one whose process has died, before it was locked.
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(FetchError::disk(error, &folder, 0)),
            }
        }
    }

    /// Keeps a content from being removed. False when it has been removed before.
    pub(super) fn hold(&self, path: &Path, content: &Content) -> bool {
        fs_err::hard_link(path, self.folder.join(content.key())).is_ok()
    }

    /// Reserves so many bytes for what is going to come.
    pub(super) fn set(&self, bytes: u64) -> io::Result<()> {
        *self.left.lock() = bytes;
        OpenOptions::new().write(true).open(self.folder.join(LOCK))?.set_len(bytes)
    }

    /// Notes that so many of the bytes are there.
    pub(super) fn use_up(&self, bytes: u64) {
        let left = self.left.lock().saturating_sub(bytes);
        // Without it the cache only counts as fuller than it is, until this fetch ends.
        self.set(left).ok();
    }

    /// The bytes that all running fetches together have reserved.
    pub(super) fn all(folder: &Path) -> io::Result<u64> {
        let mut bytes = 0;
        for reservation in fs_err::read_dir(folder)? {
            let path = reservation?.path();
            let lock = path.join(LOCK);
            match FileLock::attempt(&lock, Mode::Exclusive) {
                Ok(None) => {
                    bytes = u64::saturating_add(bytes, fs_err::metadata(&lock).map_or(0, |metadata| metadata.len()));
                }
                Ok(Some(_ended)) => remove_folder(&path)?,
                // It ends at this moment.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // Without it the next who looks removes it.
        remove_folder(&self.folder).ok();
    }
}
