//! Putting a file of a shared tree where a task sees it: as a reflink, else a hard link, else a copy.

use std::io::ErrorKind;
use std::os::fd::AsFd as _;
use std::path::Path;

use fs_err::os::unix::fs::OpenOptionsExt as _;
use fs_err::{File, OpenOptions};
use nix::sys::statfs::{EXT4_SUPER_MAGIC, FsType, TMPFS_MAGIC, fstatfs};

use crate::fetch::FetchError;
use crate::sys;

/// How files get from one place to another without being fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Projection {
    /// Own file, shared content: nobody can change anybody else's.
    Reflink,
    /// The same file under another name.
    HardLink,
    /// Every byte once more.
    Copy,
}

/// Projects files from one file system to another, in the way that has shown itself to work there.
pub(crate) struct Projector(Projection);

impl Projector {
    /// Begins with the best way.
    pub(crate) fn new() -> Self {
        Self(Projection::Reflink)
    }

    /// Begins with hard links, for what is to be shared to the last.
    pub(crate) fn linking() -> Self {
        Self(Projection::HardLink)
    }

    /// The way that works, as far as it has been tried.
    pub(crate) fn way(&self) -> Projection {
        self.0
    }

    /// Makes `target` have the content, mode and time of `source`. Blocks.
    pub(crate) fn place(&mut self, source: &Path, target: &Path, size: u64) -> Result<(), FetchError> {
        loop {
            let tried = match self.0 {
                Projection::Reflink => reflink(source, target),
                Projection::HardLink => fs_err::hard_link(source, target),
                Projection::Copy => copy(source, target),
            };
            match tried {
                Ok(()) => return Ok(()),
                Err(error) if is_impossible(&error) && self.0 != Projection::Copy => {
                    self.0 = if self.0 == Projection::Reflink { Projection::HardLink } else { Projection::Copy };
                }
                Err(error) => return Err(FetchError::disk(error, target, size)),
            }
        }
    }
}

/// Whether this way is closed between these two places, whatever the file.
fn is_impossible(error: &std::io::Error) -> bool {
    let kinds =
        [ErrorKind::Unsupported, ErrorKind::CrossesDevices, ErrorKind::PermissionDenied, ErrorKind::TooManyLinks];
    kinds.contains(&error.kind())
}

/// File systems that have no reflinks: to find that out by trying would take a file that is made and removed again.
const WITHOUT_REFLINKS: [FsType; 2] = [EXT4_SUPER_MAGIC, TMPFS_MAGIC];

fn reflink(source: &Path, target: &Path) -> std::io::Result<()> {
    let from = File::open(source)?;
    if WITHOUT_REFLINKS.contains(&fstatfs(&from)?.filesystem_type()) {
        return Err(std::io::Error::from(ErrorKind::Unsupported));
    }
    let to = create(target)?;
    if let Err(error) = sys::reflink(from.file().as_fd(), to.file().as_fd()) {
        fs_err::remove_file(target)?;
        // Which error it is depends on the file system: EOPNOTSUPP, ENOTTY, EINVAL, EXDEV, …
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
        File::options().write(true).open(&source).unwrap().file().set_modified(std::time::UNIX_EPOCH).unwrap();
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
    fn another_file_system_gets_copies() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm"));
        let Ok(there) = there else { return };
        let source = here.path().join("source");
        fs_err::write(&source, "content").unwrap();
        let mut projector = Projector::new();
        projector.place(&source, &there.path().join("target"), 7).unwrap();
        assert_eq!(fs_err::read(there.path().join("target")).unwrap(), b"content");
        let same = fs_err::metadata(here.path()).unwrap().dev() == fs_err::metadata(there.path()).unwrap().dev();
        assert!(same || projector.way() == Projection::Copy);
    }
}
