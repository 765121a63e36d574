//! Files that this program writes: of its own user, never through a link in their place, and not open
//! to others.

use std::{
    fs::{Metadata, Permissions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use fs_err::{File, OpenOptions, os::unix::fs::OpenOptionsExt as _};
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};

use crate::{files::not_regular, trusted_path::check_owner};

/// The right to write of a group and of all.
const OTHERS_WRITE: u32 = 0o022;

/// Opens a regular file of this user's own to write at its end, and creates it if it does not
/// exist. Nobody else may write to it from now on. Never follows a link in its place, nor waits for
/// a pipe. Blocks.
///
/// # Errors
/// It cannot be opened, it belongs to another user, or it is a link or another kind of file.
pub fn append(path: &Path) -> io::Result<File> {
    check_place(path)?;
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK)
        .open(path)?;
    check_own(path, &file.metadata()?)?;
    close_to_others(&file)?;
    Ok(file)
}

/// Checks that a file of this user's own, or nothing, is at a path, and takes the right to write to
/// it from others. Blocks.
///
/// # Errors
/// Like [`check_place`], or its mode cannot be changed.
pub fn claim(path: &Path) -> io::Result<()> {
    check_place(path)?;
    let mut options = OpenOptions::new();
    match options.append(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path) {
        Ok(file) => check_own(path, &file.metadata()?).and_then(|()| close_to_others(&file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Takes the right to write from others, which an earlier run may have left to them.
fn close_to_others(file: &File) -> io::Result<()> {
    let mode = file.metadata()?.mode() & 0o7777;
    let own = mode & !OTHERS_WRITE;
    if own == mode { Ok(()) } else { file.set_permissions(Permissions::from_mode(own)) }
}

/// Checks that a file of this user's own, or nothing, is at a path. Blocks.
///
/// # Errors
/// It belongs to another user, or it is a link or another kind of file.
pub fn check_place(path: &Path) -> io::Result<()> {
    match fs_err::symlink_metadata(path) {
        Ok(found) => check_own(path, &found),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Checks that a file is a regular one of this user's own.
///
/// # Errors
/// It belongs to another user, or it is a link or another kind of file.
pub fn check_own(path: &Path, found: &Metadata) -> io::Result<()> {
    check_owner(path, found)?;
    if found.is_file() { Ok(()) } else { Err(not_regular(path, found)) }
}

/// Writes a file that only its owner may read, in place of what it held before. Blocks.
///
/// # Errors
/// Like [`append`], or it cannot be written.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    check_place(path)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK)
        .open(path)?;
    check_own(path, &file.metadata()?)?;
    // It may have been there with another mode.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(content)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use fs_err as fs;

    use super::*;

    #[test]
    fn what_this_program_writes_to_is_a_regular_file_of_its_own_user_and_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let [file, pipe, link, below] =
            ["file", "pipe", "link", "below"].map(|name| folder.path().join(name));
        append(&file).unwrap().write_all(b"one ").unwrap();
        append(&file).unwrap().write_all(b"two").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "one two");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs_err::os::unix::fs::symlink(&file, &link).unwrap();
        fs::create_dir(&below).unwrap();
        for (path, what) in [(&pipe, "a pipe"), (&link, "a link"), (&below, "a folder")] {
            let expected = format!("{} is {what}: a regular file is required", path.display());
            assert_eq!(append(path).unwrap_err().to_string(), expected);
            assert_eq!(check_place(path).unwrap_err().to_string(), expected);
        }
        check_place(&folder.path().join("none")).unwrap();
        if !nix::unistd::geteuid().is_root() {
            return io::stderr()
                .write_all(b"\nSKIPPED: a file of another user: needs root\n")
                .unwrap();
        }
        for path in [&file, &pipe] {
            nix::unistd::chown(path, Some(65534.into()), None).unwrap();
            let error = append(path).unwrap_err().to_string();
            assert!(
                error.contains("belongs to the user 65534, and this program runs as the user 0"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_private_file_is_for_its_owner_only_whatever_it_was_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "longer than before").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        write_private(&path, b"hush").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"hush");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
