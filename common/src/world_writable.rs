//! Files that every user of this machine may change, or replace with another one.

use std::{
    collections::BTreeSet,
    fmt,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use fs_err as fs;
use nix::sys::statvfs::{FsFlags, statvfs};

const ALL_WRITE: u32 = 0o002;
const STICKY: u32 = 0o1000;

/// A file or a folder that every user may write to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Writable {
    /// Its path, without links.
    pub path: PathBuf,
    /// Its permissions.
    pub mode: u32,
}

impl fmt::Display for Writable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (mode {:o})", self.path.display(), self.mode)
    }
}

/// The regular file at this path if every user may change what is in it. A link is judged by the
/// file that it leads to, as its own mode means nothing. Nobody can write where a file system is
/// read-only, such as that of a `ConfigMap`. Blocks.
pub fn file_at(path: &Path) -> Option<Writable> {
    let path = fs::canonicalize(path).ok()?;
    let found = fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
    let mode = found.mode() & 0o7777;
    let is_open = mode & ALL_WRITE != 0 && !is_read_only(&path);
    is_open.then_some(Writable { path, mode })
}

/// The folders in which every user could put another file in the place of this one: those on the
/// way to it, and on the way to where its link leads. A sticky folder such as `/tmp` is none, as
/// only the owner of a file can move it there. Blocks.
pub fn folders_above(path: &Path) -> BTreeSet<Writable> {
    let ways = [std::path::absolute(path).ok(), fs::canonicalize(path).ok()];
    let folders = ways.iter().flatten().flat_map(|way| way.ancestors().skip(1));
    folders.filter_map(|folder| open_folder(folder, STICKY)).collect()
}

/// The folder if every user may add files to it. Blocks.
pub fn folder_at(folder: &Path) -> Option<Writable> {
    open_folder(folder, 0)
}

fn open_folder(folder: &Path, excused_by: u32) -> Option<Writable> {
    let mode = fs::metadata(folder).ok().filter(std::fs::Metadata::is_dir)?.mode() & 0o7777;
    let is_open = mode & ALL_WRITE != 0 && mode & excused_by == 0 && !is_read_only(folder);
    let path = is_open.then(|| fs::canonicalize(folder).ok())?;
    path.map(|path| Writable { path, mode })
}

fn is_read_only(path: &Path) -> bool {
    statvfs(path).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt as _};

    use fs_err::os::unix::fs::symlink;

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// A file in a folder of its own, both without links in their paths.
    fn conf() -> (tempfile::TempDir, PathBuf) {
        let tmp = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(tmp.path()).unwrap().join("conf");
        fs::create_dir(&folder).unwrap();
        chmod(&folder, 0o755);
        let file = folder.join("config.yaml");
        fs::write(&file, "a: b").unwrap();
        chmod(&file, 0o664);
        (tmp, file)
    }

    #[test]
    fn a_file_that_everybody_may_write_to_is_found_through_its_links_and_what_is_no_file_is_not() {
        let (_tmp, file) = conf();
        let link = file.with_file_name("link");
        symlink(&file, &link).unwrap();
        assert_eq!((file_at(&file), file_at(&link)), (None, None), "a link's mode is 777");
        chmod(&file, 0o666);
        let expected = Some(Writable { path: file.clone(), mode: 0o666 });
        assert_eq!((file_at(&file), file_at(&link)), (expected.clone(), expected));
        assert_eq!(file_at(Path::new("/dev/null")), None);
        assert_eq!(file_at(&file.with_file_name("missing")), None);
    }

    #[test]
    fn folders_in_which_everybody_could_replace_a_file_or_its_link_are_found() {
        let (tmp, file) = conf();
        let folder = file.parent().unwrap();
        assert_eq!(folders_above(&file), BTreeSet::new(), "below /tmp, which is sticky");
        chmod(folder, 0o777);
        let expected = BTreeSet::from([Writable { path: folder.to_owned(), mode: 0o777 }]);
        assert_eq!(folders_above(&file), expected);
        let link = tmp.path().join("link");
        symlink(&file, &link).unwrap();
        assert_eq!(folders_above(&link), expected);
        chmod(folder, 0o1777);
        assert_eq!(folders_above(&file), BTreeSet::new());
        let expected = Writable { path: folder.to_owned(), mode: 0o1777 };
        assert_eq!(folder_at(folder), Some(expected), "others can still add files");
        chmod(folder, 0o775);
        assert_eq!(folder_at(folder), None);
    }

    #[test]
    fn nobody_writes_to_a_file_system_that_is_read_only() {
        // Of the kernel, whose mode does not matter here.
        let read_only = ["/sys/firmware", "/sys", "/proc/sys"].map(Path::new);
        for path in read_only.into_iter().filter(|path| is_read_only(path)) {
            assert_eq!(open_folder(path, 0), None);
        }
        assert!(!is_read_only(tempfile::tempdir().unwrap().path()));
    }
}
