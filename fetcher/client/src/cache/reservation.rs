//! What a running fetch needs of the cache, visible to all processes.
//!
//! A reservation is a folder. It has a hard link to each content that the fetch uses, so that
//! nobody removes it as unused. It also has a locked file whose size is the number of bytes still
//! to come, without using that space. If the process dies, the lock ends, and the next process that
//! looks removes the folder.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use fetcher_formats::token::unguessable;
use fs_err::OpenOptions;
use parking_lot::Mutex;

use super::content::Content;
use super::files::remove_folder;
use crate::crash;
use crate::error::FetchError;
use crate::lock::{FileLock, Mode};

const LOCK: &str = "lock";

/// A reservation; dropping it removes the folder.
#[derive(Debug)]
pub(super) struct Reservation {
    folder: PathBuf,
    _lock: FileLock,
    left: Mutex<u64>,
}

impl Reservation {
    /// Makes an empty reservation.
    pub(super) fn make(folder: &Path) -> Result<Self, FetchError> {
        loop {
            let folder = folder.join(unguessable());
            // No other user may put anything there, whatever the umask.
            let lock = DirBuilder::new().mode(0o700).create(&folder).and_then(|()| {
                crash::point();
                FileLock::attempt(&folder.join(LOCK), Mode::Exclusive)
            });
            match lock {
                Ok(Some(lock)) => return Ok(Self { folder, _lock: lock, left: Mutex::new(0) }),
                // Before the lock, another process took it for a leftover and removed it.
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(FetchError::disk(error, &folder, 0)),
            }
        }
    }

    /// Keeps a content from being removed. False if it was removed already.
    pub(super) fn hold(&self, path: &Path, content: &Content) -> bool {
        fs_err::hard_link(path, self.folder.join(content.key())).is_ok()
    }

    /// Reserves this many bytes for content still to come.
    pub(super) fn set(&self, bytes: u64) -> io::Result<()> {
        *self.left.lock() = bytes;
        OpenOptions::new().write(true).open(self.folder.join(LOCK))?.set_len(bytes)
    }

    /// Reduces the reservation by bytes that have arrived.
    pub(super) fn use_up(&self, bytes: u64) {
        let left = self.left.lock().saturating_sub(bytes);
        // If this fails, the cache counts as fuller than it is until this fetch ends.
        self.set(left).ok();
    }

    /// The bytes that all running fetches have reserved.
    pub(super) fn all(folder: &Path) -> io::Result<u64> {
        let mut bytes = 0;
        for reservation in fs_err::read_dir(folder)? {
            let path = reservation?.path();
            let lock = path.join(LOCK);
            match FileLock::attempt(&lock, Mode::Exclusive) {
                Ok(None) => {
                    bytes = u64::saturating_add(
                        bytes,
                        fs_err::metadata(&lock).map_or(0, |metadata| metadata.len()),
                    );
                }
                Ok(Some(_ended)) => remove_folder(&path)?,
                // Its fetch is just ending.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(bytes)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // If this fails, the next process that looks removes it.
        remove_folder(&self.folder).ok();
    }
}
