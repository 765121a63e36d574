//! Small operations on files that several processes share.

use std::fs::Permissions;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use fs_err::{DirEntry, File};

use crate::crash;

/// Writes a file that is complete, and on the disk, once it has its name.
pub(super) fn save(place: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.write_all(bytes)?;
    crash::point();
    file.as_file().sync_all()?;
    file.persist(place)?;
    crash::point();
    Ok(())
}

/// Reads until the buffer is full or the file ends.
pub(super) fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..)
        && !room.is_empty()
    {
        match file.read(room)? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

/// Removes a folder that another process may be removing too.
pub(super) fn remove_folder(path: &Path) -> io::Result<()> {
    match fs_err::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes a file that another process may be removing too.
pub(super) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs_err::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Whether the last change is longer ago than `limit`.
pub(super) fn is_older(path: &Path, limit: Duration) -> bool {
    let changed = fs_err::symlink_metadata(path).and_then(|metadata| metadata.modified());
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > limit))
}

/// The same, of a folder's entry.
pub(super) fn is_old(entry: &DirEntry, limit: Duration) -> bool {
    let changed = entry.metadata().and_then(|metadata| metadata.modified());
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > limit))
}
