//! Locks between processes, on files that their holder may remove.

use std::fs::TryLockError;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err::os::unix::fs::OpenOptionsExt as _;
use fs_err::{File, OpenOptions};

use crate::fetch::{FetchError, blocking};

/// How often to try for a lock, at first and at most: the kernel can only notify a blocked thread.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(25));

/// Shared or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Shared,
    Exclusive,
}

/// A lock that ends when it is dropped, or with the process.
#[derive(Debug)]
pub(crate) struct FileLock {
    file: File,
}

impl FileLock {
    /// Locks the file at `path`, creating it if needed; none if another process has the lock. Blocks, but never for the
    /// lock.
    pub(crate) fn attempt(path: &Path, mode: Mode) -> io::Result<Option<Self>> {
        loop {
            let file = open(path, mode)?;
            let locked = match mode {
                Mode::Shared => file.file().try_lock_shared(),
                Mode::Exclusive => file.file().try_lock(),
            };
            match locked {
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
                // The previous holder may have removed or renamed the file; then this is not the lock of that name.
                Ok(()) if is_at(&file, path)? => return Ok(Some(Self { file })),
                Ok(()) => {}
            }
        }
    }

    /// Waits for the lock.
    pub(super) async fn acquire(path: PathBuf, mode: Mode) -> Result<Self, FetchError> {
        Self::acquire_for(path, mode, |lock| lock).await
    }

    /// Waits for the lock with a time limit, for locks that others may hold as long as they like.
    pub(super) async fn acquire_within<T: Send + 'static>(
        path: PathBuf,
        mode: Mode,
        limit: Duration,
        work: impl FnOnce(Self) -> T + Send + 'static,
    ) -> Result<T, FetchError> {
        let place = path.display().to_string();
        tokio::time::timeout(limit, Self::acquire_for(path, mode, work)).await.unwrap_or_else(|_| {
            let held = format!("{place}: another process has held this lock for more than {} s", limit.as_secs());
            Err(FetchError::Disk(io::Error::other(held)))
        })
    }

    /// Waits for the lock and runs the blocking function that it is for, on one thread: each switch of threads takes as
    /// long as looking at a few files.
    async fn acquire_for<T: Send + 'static>(
        path: PathBuf,
        mode: Mode,
        work: impl FnOnce(Self) -> T + Send + 'static,
    ) -> Result<T, FetchError> {
        let (mut wait, mut work) = (ASK_AGAIN.0, work);
        loop {
            let asked = path.clone();
            let attempt = move || match Self::attempt(&asked, mode) {
                Ok(Some(lock)) => Ok(Ok(work(lock))),
                Ok(None) => Ok(Err(work)),
                Err(error) => Err(FetchError::disk(error, &asked, 0)),
            };
            match blocking(attempt).await? {
                Ok(done) => return Ok(done),
                Err(unused) => work = unused,
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(ASK_AGAIN.1);
        }
    }

    /// The locked file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }
}

/// Opens the file for reading only, which is enough to lock it: it may be a read-only file on its way into its place.
/// Files of shared locks are open to other users too.
fn open(path: &Path, mode: Mode) -> io::Result<File> {
    let permissions = if mode == Mode::Shared { 0o644 } else { 0o600 };
    loop {
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        match OpenOptions::new().write(true).create_new(true).mode(permissions).open(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match fs_err::metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn many_may_share_a_lock_and_only_one_may_hold_it_exclusively() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let (one, other) =
            (FileLock::attempt(&path, Mode::Shared).unwrap(), FileLock::attempt(&path, Mode::Shared).unwrap());
        assert!(one.is_some() && other.is_some());
        assert!(FileLock::attempt(&path, Mode::Exclusive).unwrap().is_none());
        drop((one, other));
        let alone = FileLock::attempt(&path, Mode::Exclusive).unwrap();
        assert!(alone.is_some() && FileLock::attempt(&path, Mode::Shared).unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_lock_that_is_held_forever_has_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let _held = FileLock::attempt(&path, Mode::Exclusive).unwrap().unwrap();
        let limit = Duration::from_secs(10);
        let error = FileLock::acquire_within(path.clone(), Mode::Shared, limit, |_| ()).await.unwrap_err();
        assert!(error.to_string().contains("another process has held this lock for more than 10 s"), "{error}");
    }

    #[test]
    fn a_lock_on_a_removed_file_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let old = FileLock::attempt(&path, Mode::Exclusive).unwrap().unwrap();
        fs_err::remove_file(&path).unwrap();
        let new = FileLock::attempt(&path, Mode::Exclusive).unwrap().unwrap();
        assert!(!is_at(old.file(), &path).unwrap() && is_at(new.file(), &path).unwrap());
    }
}
