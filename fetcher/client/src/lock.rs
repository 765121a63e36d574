//! Locks between processes, on files that their holder may remove.

use std::fs::{Metadata, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::files::check_regular;
use common::trusted_path::check_owner;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use fs_err::{File, OpenOptions};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::blocking::blocking;
use crate::error::FetchError;

/// How often to try for a lock, at first and at most: the kernel can only notify a blocked thread.
const ASK_AGAIN: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(25));

/// Another user may have put a link or a pipe in the place of a lock: neither is followed nor
/// waited for.
const SAFE_FLAGS: libc::c_int = libc::O_NOFOLLOW | libc::O_NONBLOCK;

/// What a lock allows others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Others may share it, and every user may: the tree is in use.
    Shared,
    /// Nobody shares it: the tree is not in use.
    Unshared,
    /// Only one holds it. For files and folders of this user, which no other can open; others' are
    /// refused.
    Exclusive,
}

/// A lock that ends when it is dropped, or with the process.
#[derive(Debug)]
pub struct FileLock {
    file: File,
}

impl FileLock {
    /// Locks the file at `path`, creating it if needed; none if another process has the lock.
    /// Blocks, but never for the lock, nor for a pipe in its place.
    ///
    /// # Errors
    /// The file cannot be opened, is a link or another kind of file, or belongs to another user
    /// though `mode` is exclusive.
    pub fn attempt(path: &Path, mode: Mode) -> io::Result<Option<Self>> {
        loop {
            let file = open(path, mode)?;
            let locked = match mode {
                Mode::Shared => share(&file),
                Mode::Unshared => unshare(&file),
                Mode::Exclusive => file.file().try_lock(),
            };
            match locked {
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
                // The previous holder may have removed or renamed the file; then this is not the
                // lock of that name.
                Ok(()) if is_at(&file, path)? => return Ok(Some(Self { file })),
                Ok(()) => {}
            }
        }
    }

    /// Waits for the lock.
    pub async fn acquire(path: PathBuf, mode: Mode) -> Result<Self, FetchError> {
        Self::acquire_for(path, mode, |lock| lock).await
    }

    /// Waits for the lock with a time limit, for locks that others may hold as long as they like.
    pub async fn acquire_within<T: Send + 'static>(
        path: PathBuf,
        mode: Mode,
        limit: Duration,
        work: impl FnOnce(Self) -> T + Send + 'static,
    ) -> Result<T, FetchError> {
        let place = path.display().to_string();
        tokio::time::timeout(limit, Self::acquire_for(path, mode, work)).await.unwrap_or_else(
            |_| {
                let held = format!(
                    "{place}: another process has held this lock for more than {} s",
                    limit.as_secs()
                );
                Err(FetchError::Disk(io::Error::other(held)))
            },
        )
    }

    /// Waits for the lock and runs the blocking function that it is for, on one thread: each switch
    /// of threads takes as long as looking at a few files.
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
    pub fn file(&self) -> &File {
        &self.file
    }
}

/// Shares the lock by a lock of the open file description. To exclude others by such a lock, one
/// must be able to write to the file, so another user can only share it, too. With `flock` another
/// user could keep all others from the tree; it is there for older programs, and does not decide.
fn share(file: &File) -> Result<(), TryLockError> {
    set_lock(file, libc::F_RDLCK)?;
    file.file().try_lock_shared().ok();
    Ok(())
}

/// Excludes all who share the lock, in one way or the other.
fn unshare(file: &File) -> Result<(), TryLockError> {
    match set_lock(file, libc::F_WRLCK) {
        // Opened for reading only: a user who can look, but not change anything.
        Err(TryLockError::Error(error)) if error.raw_os_error() == Some(libc::EBADF) => {}
        done => done?,
    }
    file.file().try_lock()
}

fn set_lock(file: &File, kind: libc::c_int) -> Result<(), TryLockError> {
    let (l_type, l_whence) = (kind as libc::c_short, libc::SEEK_SET as libc::c_short);
    let lock = libc::flock { l_type, l_whence, l_start: 0, l_len: 0, l_pid: 0 };
    match fcntl(file.file(), FcntlArg::F_OFD_SETLK(&lock)) {
        Ok(_) => Ok(()),
        Err(Errno::EAGAIN | Errno::EACCES) => Err(TryLockError::WouldBlock),
        Err(error) => Err(TryLockError::Error(error.into())),
    }
}

/// Opens the file for reading, which is enough for most locks: it may be a read-only file on its
/// way into its place. Files of shared locks are open to other users too.
fn open_or_create(path: &Path, mode: Mode) -> io::Result<File> {
    let permissions = if mode == Mode::Exclusive { 0o600 } else { 0o644 };
    loop {
        let opened = match mode {
            Mode::Unshared => {
                OpenOptions::new().read(true).write(true).custom_flags(SAFE_FLAGS).open(path)
            }
            Mode::Shared | Mode::Exclusive => read_only(path),
        };
        match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied && mode == Mode::Unshared =>
            {
                return read_only(path);
            }
            opened => return opened,
        }
        match OpenOptions::new().write(true).create_new(true).mode(permissions).open(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
}

fn read_only(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(SAFE_FLAGS).open(path)
}

/// Opens the file and checks it. If it cannot be opened, a link or a file of another user in its
/// place is the better reason.
fn open(path: &Path, mode: Mode) -> io::Result<File> {
    let opened = open_or_create(path, mode);
    let found = match &opened {
        Ok(file) => file.metadata(),
        Err(_) => fs_err::symlink_metadata(path),
    };
    match found {
        Ok(found) => check(path, &found, mode).and(opened),
        Err(error) => opened.and(Err(error)),
    }
}

/// What may be locked: a regular file or a folder, for an exclusive lock of this user's own.
fn check(path: &Path, found: &Metadata, mode: Mode) -> io::Result<()> {
    if mode == Mode::Exclusive {
        check_owner(path, found)?;
    }
    if found.is_dir() { Ok(()) } else { check_regular(path, found) }
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
    use std::io::Write as _;

    use super::*;

    #[test]
    fn many_may_share_a_lock_and_only_one_may_hold_it_exclusively() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let (one, other) = (
            FileLock::attempt(&path, Mode::Shared).unwrap(),
            FileLock::attempt(&path, Mode::Shared).unwrap(),
        );
        assert!(one.is_some() && other.is_some());
        assert!(FileLock::attempt(&path, Mode::Unshared).unwrap().is_none());
        drop((one, other));
        let alone = FileLock::attempt(&path, Mode::Unshared).unwrap();
        assert!(alone.is_some() && FileLock::attempt(&path, Mode::Shared).unwrap().is_none());
    }

    #[test]
    fn who_can_only_read_a_lock_can_share_it_and_keep_nobody_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        drop(FileLock::attempt(&path, Mode::Shared).unwrap());
        let theirs = File::open(&path).unwrap();
        theirs.file().try_lock().unwrap();
        let write_lock = set_lock(&theirs, libc::F_WRLCK);
        assert!(
            matches!(&write_lock, Err(TryLockError::Error(error)) if error.raw_os_error() == Some(libc::EBADF))
        );
        assert!(FileLock::attempt(&path, Mode::Shared).unwrap().is_some());
        // As if they used the tree.
        assert!(FileLock::attempt(&path, Mode::Unshared).unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_lock_that_is_held_forever_has_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let _held = FileLock::attempt(&path, Mode::Unshared).unwrap().unwrap();
        let limit = Duration::from_secs(10);
        let error =
            FileLock::acquire_within(path.clone(), Mode::Shared, limit, |_| ()).await.unwrap_err();
        assert!(
            error.to_string().contains("another process has held this lock for more than 10 s"),
            "{error}"
        );
    }

    #[test]
    fn a_link_or_a_pipe_in_the_place_of_a_lock_is_refused_and_neither_followed_nor_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let [link, pipe, target] = ["link", "pipe", "target"].map(|name| folder.path().join(name));
        fs_err::os::unix::fs::symlink(&target, &link).unwrap();
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for mode in [Mode::Shared, Mode::Unshared, Mode::Exclusive] {
            for (path, what) in [(&link, "a link"), (&pipe, "a pipe")] {
                let error = FileLock::attempt(path, mode).unwrap_err().to_string();
                assert_eq!(
                    error,
                    format!("{} is {what}: a regular file is required", path.display())
                );
            }
        }
        assert!(!target.exists());
    }

    #[test]
    fn an_exclusive_lock_of_another_user_is_refused_whether_it_is_held_or_not() {
        if !nix::unistd::geteuid().is_root() {
            return io::stderr()
                .write_all(b"\nSKIPPED: a lock of another user: needs root\n")
                .unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = FileLock::attempt(&path, Mode::Exclusive).unwrap().unwrap();
        nix::unistd::chown(&path, Some(65534.into()), None).unwrap();
        let refused = || FileLock::attempt(&path, Mode::Exclusive).unwrap_err().to_string();
        assert!(
            refused().contains("belongs to the user 65534, and this program runs as the user 0"),
            "{}",
            refused()
        );
        drop(held);
        assert!(refused().contains("belongs to the user 65534"), "{}", refused());
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
