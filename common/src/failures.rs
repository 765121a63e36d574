//! Which errors of files stay until a person does something.

use std::io::{self, ErrorKind};

use nix::libc::ELOOP;

/// Whether a person must change the path, or what is there, before this can succeed. Other errors
/// may pass, such as a full disk.
pub fn needs_a_person(error: &io::Error) -> bool {
    let is_loop = error.kind() == io::Error::from_raw_os_error(ELOOP).kind();
    is_loop
        || matches!(
            error.kind(),
            ErrorKind::AlreadyExists
                | ErrorKind::InvalidFilename
                | ErrorKind::InvalidInput
                | ErrorKind::IsADirectory
                | ErrorKind::NotADirectory
                | ErrorKind::NotFound
                | ErrorKind::PermissionDenied
                | ErrorKind::ReadOnlyFilesystem
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_path_needs_a_person_and_a_full_disk_does_not() {
        use nix::libc::{EACCES, EIO, EISDIR, EMFILE, ENOENT, ENOSPC, ENOTDIR, EROFS};
        for code in [EACCES, EISDIR, ELOOP, ENOENT, ENOTDIR, EROFS] {
            assert!(needs_a_person(&io::Error::from_raw_os_error(code)), "{code}");
        }
        for code in [EIO, EMFILE, ENOSPC] {
            assert!(!needs_a_person(&io::Error::from_raw_os_error(code)), "{code}");
        }
    }
}
