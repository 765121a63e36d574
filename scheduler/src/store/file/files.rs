//! The files in a state directory. Nobody else can read or write them, whatever the umask, and none
//! is opened through a link.

use std::{
    fs::{DirBuilder, Permissions, TryLockError},
    io::{self, ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use common::{
    own_files::check_place,
    trusted_path::{check_way, is_trusted_group, of_another_user, refuse},
};
use fs_err::{self as fs, File, OpenOptions, os::unix::fs::OpenOptionsExt as _};
use nix::{
    libc::{O_NOFOLLOW, O_NONBLOCK},
    unistd::geteuid,
};
use tracing::warn;

use crate::store::StoreError;

/// Largest state, in bytes: a hundred thousand workers take a tenth of it.
const LARGEST: u64 = 256 << 20;
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o022;
const ALL_WRITE: u32 = 0o002;
const GROUP_WRITE: u32 = 0o020;

/// Checks, without changing anything, that nobody else could change the state or has put something
/// in the place of its lock.
pub(super) fn check(directory: &Path, lock: &str) -> Result<(), StoreError> {
    let checked = check_way(directory).and_then(|()| check_owner(directory));
    let place = directory.join(lock);
    let is_free = |()| if directory.is_dir() { check_place(&place) } else { Ok(()) };
    checked.and_then(is_free).map_err(StoreError::Untrusted)
}

/// Creates the directory and its parents. If it exists and is ours, removes write access of others.
///
/// # Errors
/// Another user owns the directory, may write to it or could replace it.
pub(super) fn make_directory(directory: &Path) -> Result<(), StoreError> {
    check_way(directory).and_then(|()| check_owner(directory)).map_err(StoreError::Untrusted)?;
    let make = || {
        let Ok(there) = fs::metadata(directory) else {
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            return fs::set_permissions(directory, Permissions::from_mode(0o700));
        };
        let mode = there.mode() & 0o7777;
        if there.uid() == geteuid().as_raw() && mode & OTHERS_WRITE != 0 {
            warn!("Removed write permission of other users from {}", directory.display());
            fs::set_permissions(directory, Permissions::from_mode(mode & !OTHERS_WRITE))?;
        }
        Ok(())
    };
    make().map_err(|e| failed("create", directory, e))
}

fn check_owner(directory: &Path) -> io::Result<()> {
    let Ok(found) = fs::metadata(directory) else { return Ok(()) };
    let (owner, own) = (found.uid(), geteuid().as_raw());
    if owner != 0 && owner != own {
        return refuse(directory, &of_another_user(owner));
    }
    match shared_with(found.mode(), owner == own, || is_trusted_group(found.gid())) {
        Some(others) => refuse(directory, &format!("is a folder that {others} may write to")),
        None => Ok(()),
    }
}

/// Who else may write to a folder of this mode, root's or our own. From our own, that right is taken
/// away, unless the folder is meant to be shared.
fn shared_with(
    mode: u32,
    is_own: bool,
    is_group_trusted: impl FnOnce() -> bool,
) -> Option<&'static str> {
    if mode & ALL_WRITE != 0 && (mode & STICKY != 0 || !is_own) {
        return Some("all users");
    }
    (!is_own && mode & GROUP_WRITE != 0 && !is_group_trusted()).then_some("its group")
}

/// Takes the lock at `path` if it is free.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    check_place(path).map_err(StoreError::Untrusted)?;
    let mut options = OpenOptions::new();
    options
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK);
    let file = options.open(path).map_err(|e| failed("open", path, e))?;
    match file.file().try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::Locked(path.to_owned())),
        Err(TryLockError::Error(e)) => return Err(failed("lock", path, e)),
    }
    file.set_permissions(Permissions::from_mode(0o600))
        .map_err(|e| failed("set the mode of", path, e))?;
    Ok(file)
}

/// The content of a file, if it exists.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let corrupt = |reason: String| StoreError::Corrupt { path: path.to_owned(), reason };
    let file = match OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path)
    {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(_) if path.is_symlink() => return Err(corrupt("it is a link".to_owned())),
        Err(e) => return Err(failed("read", path, e)),
    };
    let found = file.metadata().map_err(|e| failed("read", path, e))?;
    if !found.is_file() {
        return Err(corrupt("it is not a regular file".to_owned()));
    }
    if found.uid() != geteuid().as_raw() {
        return Err(corrupt(format!("it {}", of_another_user(found.uid()))));
    }
    if found.len() > LARGEST {
        return Err(corrupt(format!(
            "it has {} bytes, a state has at most {LARGEST}",
            found.len()
        )));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|e| failed("read", path, e))?;
    Ok(Some(bytes))
}

/// Replaces a file atomically. With `before`, the old file is kept under that name.
pub(super) fn replace(path: &Path, bytes: &[u8], before: Option<&Path>) -> Result<(), StoreError> {
    let fresh = path.with_extension("new");
    let write = || {
        ignore_missing(fs::remove_file(&fresh))?;
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        if let Some(before) = before {
            ignore_missing(fs::rename(path, before))?;
        }
        fs::rename(&fresh, path)?;
        sync_directory(path)
    };
    write().map_err(|e| failed("write", path, e))
}

/// Removes a file, if it exists.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    let removed = ignore_missing(fs::remove_file(path)).and_then(|()| sync_directory(path));
    removed.map_err(|e| failed("remove", path, e))
}

fn ignore_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// Why something could not be done with a file.
pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::shared_with;

    #[test]
    fn roots_folder_is_refused_if_others_could_replace_the_state_in_it() {
        for (mode, is_own, is_group_trusted, expected) in [
            (0o755, false, false, None),
            (0o2770, false, false, Some("its group")),
            (0o2770, false, true, None),
            (0o2770, true, false, None),
            (0o777, false, true, Some("all users")),
            (0o777, true, false, None),
            (0o1777, true, false, Some("all users")),
        ] {
            assert_eq!(shared_with(mode, is_own, || is_group_trusted), expected, "{mode:o}");
        }
    }
}
