//! Project a file of a shared tree into a sandbox: as a reflink, else a hard link, else a copy.

use std::io::ErrorKind;
use std::os::fd::AsFd as _;
use std::path::Path;

use fs_err::os::unix::fs::OpenOptionsExt as _;
use fs_err::{File, OpenOptions};
use nix::sys::statfs::{EXT4_SUPER_MAGIC, FsType, TMPFS_MAGIC, fstatfs};

use crate::error::FetchError;
use crate::sys;

/// How files get from one place to another without being downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projection {
    /// A file of its own that shares the content until one is changed.
    Reflink,
    /// The same file under a second name.
    HardLink,
    /// A full copy.
    Copy,
}

/// Projects files from one folder to another, in the best way that works there.
pub(crate) struct Projector(Projection);

impl Projector {
    /// Starts with the best way.
    pub(crate) fn new() -> Self {
        Self(Projection::Reflink)
    }

    /// Starts with hard links, for files that must share everything.
    pub(crate) fn linking() -> Self {
        Self(Projection::HardLink)
    }

    /// The best way known to work so far.
    pub(crate) fn way(&self) -> Projection {
        self.0
    }

    /// Makes `target` have the content, mode and time of `source`. Blocks.
    pub(crate) fn place(
        &mut self,
        source: &Path,
        target: &Path,
        size: u64,
    ) -> Result<(), FetchError> {
        loop {
            let tried = match self.0 {
                Projection::Reflink => reflink(source, target),
                Projection::HardLink => fs_err::hard_link(source, target),
                Projection::Copy => copy(source, target),
            };
            match tried {
                Ok(()) => return Ok(()),
                Err(error) if is_impossible(&error) && self.0 != Projection::Copy => {
                    self.0 = if self.0 == Projection::Reflink {
                        Projection::HardLink
                    } else {
                        Projection::Copy
                    };
                }
                Err(error) => return Err(FetchError::disk(error, target, size)),
            }
        }
    }
}

/// Whether this way can never work between these two places, whatever the file.
fn is_impossible(error: &std::io::Error) -> bool {
    let kinds = [
        ErrorKind::Unsupported,
        ErrorKind::CrossesDevices,
        ErrorKind::PermissionDenied,
        ErrorKind::TooManyLinks,
    ];
    kinds.contains(&error.kind())
}

/// File systems without reflinks. Trying one there would cost creating and removing a file.
const WITHOUT_REFLINKS: [FsType; 2] = [EXT4_SUPER_MAGIC, TMPFS_MAGIC];

fn reflink(source: &Path, target: &Path) -> std::io::Result<()> {
    let from = File::open(source)?;
    if WITHOUT_REFLINKS.contains(&fstatfs(&from)?.filesystem_type()) {
        return Err(std::io::Error::from(ErrorKind::Unsupported));
    }
    let to = create(target)?;
    if let Err(error) = sys::reflink(from.file().as_fd(), to.file().as_fd()) {
        fs_err::remove_file(target)?;
        // The error depends on the file system: EOPNOTSUPP, ENOTTY, EINVAL, EXDEV, …
        let known = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
        return Err(if known { error } else { std::io::Error::from(ErrorKind::Unsupported) });
    }
    like(&from, &to)
}

fn copy(source: &Path, target: &Path) -> std::io::Result<()> {
    let mut from = File::open(source)?;
    let mut to = create(target)?;
    std::io::copy(&mut from, &mut to)?;
    like(&from, &to)
}

fn create(target: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)
}

fn like(from: &File, to: &File) -> std::io::Result<()> {
    let metadata = from.metadata()?;
    to.file().set_modified(metadata.modified()?)?;
    to.set_permissions(metadata.permissions())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    #[test]
    fn every_way_gives_the_same_content_mode_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        fs_err::write(&source, "content").unwrap();
        File::options()
            .write(true)
            .open(&source)
            .unwrap()
            .file()
            .set_modified(std::time::UNIX_EPOCH)
            .unwrap();
        fs_err::set_permissions(&source, std::fs::Permissions::from_mode(0o555)).unwrap();
        for first in [Projection::Reflink, Projection::HardLink, Projection::Copy] {
            let target = folder.path().join(format!("{first:?}"));
            Projector(first).place(&source, &target, 7).unwrap();
            let metadata = fs_err::metadata(&target).unwrap();
            assert_eq!(fs_err::read(&target).unwrap(), b"content");
            assert_eq!((metadata.mode() & 0o7777, metadata.mtime()), (0o555, 0), "{first:?}");
        }
    }

    #[test]
    fn on_another_file_system_files_are_copied() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm"));
        let Ok(there) = there else { return };
        let source = here.path().join("source");
        fs_err::write(&source, "content").unwrap();
        let mut projector = Projector::new();
        projector.place(&source, &there.path().join("target"), 7).unwrap();
        assert_eq!(fs_err::read(there.path().join("target")).unwrap(), b"content");
        let same = fs_err::metadata(here.path()).unwrap().dev()
            == fs_err::metadata(there.path()).unwrap().dev();
        assert!(same || projector.way() == Projection::Copy);
    }
}
