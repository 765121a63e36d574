//! Files and folders that other users may have tampered with: a sandbox belongs to the task's user,
//! and everyone may write to the host's log folder.
//!
//! Nothing here follows a link, blocks (as opening a pipe does until someone writes to it) or reads
//! without a bound.

use std::{
    fs::File,
    io::{self, Read as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::MetadataExt as _,
    },
    path::{Component, Path, PathBuf},
};

use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use nix::{
    fcntl::{OFlag, openat},
    libc::{O_NOFOLLOW, O_NONBLOCK},
    sys::stat::{FileStat, Mode, SFlag, fstat},
};

/// Flags for opening a file of unknown kind safely.
const SAFE_FLAGS: i32 = O_NOFOLLOW | O_NONBLOCK;

/// Opens a regular file for reading. A link, a pipe or a device in its place is an error.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    open_with(fs::OpenOptions::new().read(true), path)
}

/// Like [`open`], with other options.
pub(crate) fn open_with(options: &mut fs::OpenOptions, path: &Path) -> io::Result<File> {
    match options.custom_flags(SAFE_FLAGS).open(path) {
        Ok(file) => regular(file.into_parts().0, path),
        Err(error) => match fs::symlink_metadata(path) {
            Ok(about) if !about.is_file() => Err(not_regular(path)),
            _ => Err(error),
        },
    }
}

/// The file, or an error if it is not a regular one.
fn regular(file: File, path: &Path) -> io::Result<File> {
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_regular(path)) }
}

/// The whole content of a file, or an error if it has more than `most` bytes.
pub(crate) fn read(file: &File, most: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > most {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {most} bytes"),
        ));
    }
    Ok(content)
}

/// A folder and its owner. A file in it is trusted only if it has the same owner.
#[derive(Debug)]
pub(crate) struct Folder {
    descriptor: OwnedFd,
    path: PathBuf,
    /// User id.
    pub(crate) owner: u32,
}

impl Folder {
    /// Opens the folder at this path. The last component may not be a link.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = SAFE_FLAGS | OFlag::O_DIRECTORY.bits();
        let folder =
            fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?.into_parts().0;
        let owner = folder.metadata()?.uid();
        Ok(Self { descriptor: folder.into(), path: path.to_owned(), owner })
    }

    /// Opens a regular file of the same owner for reading. `name` may lead through folders of the
    /// same owner, but not through links.
    pub(crate) fn file(&self, name: &Path) -> io::Result<File> {
        let path = self.path.join(name);
        let named = |errno: nix::Error| {
            let error = io::Error::from(errno);
            io::Error::new(error.kind(), format!("cannot open {}: {error}", path.display()))
        };
        let mut at = self.descriptor.try_clone()?;
        let mut names = name.components().peekable();
        while let Some(part) = names.next() {
            let Component::Normal(part) = part else {
                return Err(io::ErrorKind::InvalidInput.into());
            };
            let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
            let folder = names.peek().map_or(OFlag::empty(), |_| OFlag::O_DIRECTORY);
            at = openat(at.as_fd(), part, flags | folder, Mode::empty()).map_err(named)?;
            self.believe(&fstat(&at).map_err(named)?, &path)?;
        }
        regular(at.into(), &path)
    }

    fn believe(&self, about: &FileStat, path: &Path) -> io::Result<()> {
        if about.st_uid == self.owner {
            return Ok(());
        }
        let kind = if about.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits() {
            "a folder of it"
        } else {
            "it"
        };
        let why = format!(
            "{} is not read: {kind} belongs to user {}, but {} to user {}",
            path.display(),
            about.st_uid,
            self.path.display(),
            self.owner
        );
        Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
    }
}

fn not_regular(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{} is not a regular file", path.display()))
}

#[cfg(test)]
mod tests {
    use nix::unistd::{Uid, chown, mkfifo};

    use super::*;

    #[test]
    fn pipes_links_and_devices_are_not_opened() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = |name: &str| folder.path().join(name);
        mkfifo(&path("pipe"), Mode::S_IRWXU).unwrap();
        fs::write(path("file"), "content").unwrap();
        fs::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        fs::create_dir(path("below")).unwrap();
        fs::os::unix::fs::symlink(path("below"), path("linked")).unwrap();
        fs::write(path("below/file"), "below").unwrap();
        let opened = Folder::open(folder.path()).unwrap();
        for name in ["pipe", "link", "below", "linked/file", "none", "../file", "/etc/passwd"] {
            assert!(opened.file(Path::new(name)).is_err(), "{name}");
        }
        for name in ["pipe", "link", "below", "none"] {
            assert!(open(&path(name)).is_err(), "{name}");
        }
        assert!(open(Path::new("/dev/zero")).is_err());
        assert!(Folder::open(&path("linked")).is_err());
        for (name, content) in [("file", "content"), ("below/file", "below")] {
            let file = opened.file(Path::new(name)).unwrap();
            assert_eq!(read(&file, 7).unwrap(), content.as_bytes());
        }
    }

    #[test]
    fn a_file_larger_than_the_bound_is_not_read() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 40).unwrap();
        assert_eq!(read(&file, 100).unwrap_err().to_string(), "it has more than 100 bytes");
    }

    #[test]
    fn a_file_of_another_user_than_its_folder_is_not_read() {
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let folder = tempfile::TempDir::new().unwrap();
        fs::create_dir(folder.path().join("log")).unwrap();
        for name in ["file", "log/file"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        chown(folder.path(), Some(Uid::from_raw(65534)), None).unwrap();
        let opened = Folder::open(folder.path()).unwrap();
        for name in ["file", "log/file"] {
            let error = opened.file(Path::new(name)).unwrap_err();
            assert!(error.to_string().contains("belongs to user 0, but"), "{error}");
        }
        chown(&folder.path().join("file"), Some(Uid::from_raw(65534)), None).unwrap();
        assert!(opened.file(Path::new("file")).is_ok());
    }
}
