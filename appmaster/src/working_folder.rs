//! The program's working folder: configuration of the JobManager, secrets, temporary files. Nobody
//! else can read it, whatever the umask. It is removed with the process; the next start removes the
//! folder of a process that was killed, or that kept it for people. A JobManager outlives a killed
//! process for a moment: it holds the lock too, so that its folder stays.
//!
//! ```text
//! <tmp>/flink-mesos-<pid>-<start of the process>-XXXXXX/
//!     lock    locked while the process or its JobManager runs; a folder without it is kept
//! ```

use std::{
    fs::{DirBuilder, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::anyhow;
use common::{
    failures::needs_a_person,
    trusted_path::{check_owner, check_way, refuse},
};
use fs_err::{self as fs, File, OpenOptions, os::unix::fs::OpenOptionsExt as _};
use nix::{
    libc::{O_NOFOLLOW, O_NONBLOCK},
    unistd::geteuid,
};
use tempfile::TempDir;
use tracing::{info, warn};

use crate::{failure::Failure, process::identity::started};

const PREFIX: &str = "flink-mesos-";
const LOCK: &str = "lock";

/// A folder that is removed when dropped, or by the next process.
#[derive(Debug)]
pub(crate) struct WorkingFolder {
    folder: TempDir,
    lock: Arc<File>,
}

impl WorkingFolder {
    /// Creates one below `tmp`, and removes the folders of ended processes there. Blocks.
    ///
    /// # Errors
    /// It cannot be created, or another user could replace it there.
    pub(crate) fn make(tmp: &Path) -> io::Result<Self> {
        check_way(&tmp.join(PREFIX))?;
        remove_leftovers(tmp);
        let pid = std::process::id();
        let prefix = format!("{PREFIX}{pid}-{}-", started(pid).unwrap_or_default());
        let folder = tempfile::Builder::new()
            .prefix(&prefix)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(tmp)?;
        // It is renamed only once locked, because a folder without a lock holder counts as left
        // over.
        let (fresh, path) = (folder.path().join("lock.new"), folder.path().join(LOCK));
        let lock = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
        lock.file().try_lock()?;
        fs::rename(fresh, path)?;
        Ok(Self { folder, lock: Arc::new(lock) })
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Its lock, for a child process that uses the folder: the folder stays while one of both
    /// lives.
    pub(crate) fn lock(&self) -> Arc<File> {
        self.lock.clone()
    }

    /// Keeps it for people until the next start.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

/// Why none could be made in the folder for temporary files.
pub(crate) fn failure(error: io::Error) -> Failure {
    let is_users = needs_a_person(&error);
    let failure = anyhow!(error).context("TMPDIR: cannot create a work folder");
    if is_users { Failure::usage(failure) } else { Failure::other(failure) }
}

/// Checks that [`WorkingFolder::make`] could create one below `tmp`. Blocks.
///
/// # Errors
/// No files can be created there, or another user could replace them.
pub(crate) fn check(tmp: &Path) -> io::Result<()> {
    check_way(&tmp.join(PREFIX))?;
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", tmp.display()));
    tempfile::tempfile_in(tmp).map(drop).map_err(named)
}

/// Creates a user's own working folder and returns its real path. If it exists, it and its content
/// must belong to the user, and from now on nobody else can read it. Blocks.
///
/// # Errors
/// The folder belongs to another user, or another user may have prepared or could replace it: that
/// user could read what is written there.
pub(crate) fn claim(path: &Path) -> io::Result<PathBuf> {
    check_way(path)?;
    if !fs::exists(path)? {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    }
    let path = fs::canonicalize(path)?;
    let found = fs::metadata(&path)?;
    if !found.is_dir() {
        return refuse(&path, "is not a folder");
    }
    check_owner(&path, &found)?;
    check_content(&path, found.mode() & 0o777)?;
    close(&path, found.mode() & 0o777)?;
    Ok(path)
}

/// Closes a folder of this mode to others. From then on, nobody can put anything there.
fn close(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    check_content(path, mode)
}

/// Checks that what is in a folder of this mode is this user's, and was never open to others.
fn check_content(path: &Path, mode: u32) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?.path();
        let owner = fs::symlink_metadata(&entry)?.uid();
        if mode & 0o022 != 0 || owner != geteuid().as_raw() {
            return refuse(&entry, "may have been put there by another user");
        }
        if mode & 0o077 != 0 {
            return refuse(
                path,
                &format!("is not empty, and others may read it (mode {mode:o}, allowed is 700)"),
            );
        }
    }
    Ok(())
}

/// Removes the working folders of this user's ended processes.
fn remove_leftovers(tmp: &Path) {
    let Ok(entries) = fs::read_dir(tmp) else { return };
    for entry in entries.map_while(Result::ok) {
        let path = entry.path();
        if is_leftover(&path) {
            match fs::remove_dir_all(&path) {
                Ok(()) => info!("Removed {}, left by an ended process", path.display()),
                Err(e) => warn!("Cannot remove a folder left by an ended process: {e}"),
            }
        }
    }
}

/// Whether the folder belongs to an ended process of ours: by the process's id and start, and by
/// the lock, which also covers processes that are not visible here (another PID namespace).
fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut parts =
        name.strip_prefix(PREFIX).unwrap_or_default().splitn(3, '-').map(str::parse::<u64>);
    let (Some(Ok(pid)), Some(Ok(start))) = (parts.next(), parts.next()) else { return false };
    let lives = u32::try_from(pid).ok().and_then(started).is_some_and(|found| found == start);
    let own = fs::symlink_metadata(path)
        .is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw());
    if lives || !own {
        return false;
    }
    let mut options = OpenOptions::new();
    let lock = options.write(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path.join(LOCK));
    lock.is_ok_and(|lock| {
        !matches!(lock.file().try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_)))
    })
}

#[cfg(test)]
mod tests;
