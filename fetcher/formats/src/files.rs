//! How every file of a tree looks on the disk, no matter which part of the program has made it.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

/// Modification time of every file, in seconds since 1970 (2000-01-01). Java compares it to check
/// whether an archive of class data still fits the jars, so it must be the same after every fetch.
pub const MODIFIED: i64 = 946_684_800;

/// Gives a complete file its final mode and time.
pub fn finish_file(path: &Path, mode: u32) -> io::Result<()> {
    set_mode(path, mode)?;
    let time = TimeSpec::new(MODIFIED, 0);
    utimensat(AT_FDCWD, path, &time, &time, UtimensatFlags::FollowSymlink)
        .map_err(|errno| named(errno, path))
}

/// Sets the permissions of a file or folder.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs_err::set_permissions(path, Permissions::from_mode(mode))
}

/// The error of a system call, with the path that it is about.
pub fn named(errno: Errno, path: &Path) -> io::Error {
    let error = io::Error::from(errno);
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
