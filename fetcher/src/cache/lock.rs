//! Locks between processes, on files that may be removed by whoever holds them.

use std::fs::TryLockError;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fs_err::os::unix::fs::OpenOptionsExt as _;
use fs_err::{File, OpenOptions};

use crate::fetch::{FetchError, blocking};

/// How often a lock is asked for that somebody else has: the kernel can tell nobody without holding up a thread.
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
    /// The lock of the file at `path`, which is made when it is not there; none when somebody else has it. Blocks, but
    /// for no lock.
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
                // Whoever had it before may have removed or renamed the file: then this is no lock of that name.
                Ok(()) if is_at(&file, path)? => return Ok(Some(Self { file })),
                Ok(()) => {}
            }
        }
    }

    /// The lock, as soon as nobody else has it.
    pub(super) async fn acquire(path: PathBuf, mode: Mode) -> Result<Self, FetchError> {
        Self::acquire_for(path, mode, |lock| lock).await
    }

    /// The same within a time, for a lock that others may hold for as long as they like.
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

    /// The same, and at once what it is for, which may block: each way to another thread and back takes as long as a look
    /// at a few files.
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

/// Opens for reading, which a lock needs no more of: the file may be a read-only one on its way into its place. What
/// can be shared is for other users, too.
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
    fn many_may_use_and_only_one_may_change() {
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
    async fn a_lock_that_somebody_holds_forever_is_waited_for_within_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let _held = FileLock::attempt(&path, Mode::Exclusive).unwrap().unwrap();
        let limit = Duration::from_secs(10);
        let error = FileLock::acquire_within(path.clone(), Mode::Shared, limit, |_| ()).await.unwrap_err();
        assert!(error.to_string().contains("another process has held this lock for more than 10 s"), "{error}");
    }

    #[test]
    fn a_removed_file_is_no_lock_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let old = FileLock::attempt(&path, Mode::Exclusive).unwrap().unwrap();
        fs_err::remove_file(&path).unwrap();
        let new = FileLock::attempt(&path, Mode::Exclusive).unwrap().unwrap();
        assert!(!is_at(old.file(), &path).unwrap() && is_at(new.file(), &path).unwrap());
    }
}
