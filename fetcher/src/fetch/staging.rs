//! The tree before it is complete: a folder beside its final place, renamed when everything in it is verified.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err::OpenOptions;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FallocateFlags, fallocate};
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;
use tempfile::TempDir;

use super::error::{FetchError, available};
use crate::digest::Digest;
use crate::manifest::{Blob, Entry, Kind, Manifest};

/// Files from this size on get their room on the disk before the first byte comes.
const PREALLOCATED_FROM: u64 = 1 << 20;
/// Room that a small file or folder takes, in bytes.
const BLOCK: u64 = 4096;
/// Every file's time of change, in seconds since 1970 (the first of January 2000). Java compares it when it looks
/// whether an archive of preloaded classes still fits its jars: the same tree must look the same on every fetch.
const MODIFIED: i64 = 946_684_800;

/// A file to be filled: the first of those with its content.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    pub(super) blob: Arc<Blob>,
}

/// The folder; removed with everything in it when dropped before [`Staging::publish`].
pub(super) struct Staging {
    folder: TempDir,
    place: PathBuf,
    manifest: Manifest,
}

impl Staging {
    /// Makes folders and empty files, private until they are published. Blocks.
    pub(super) fn create(place: PathBuf, manifest: Manifest) -> Result<(Self, Vec<Target>), FetchError> {
        let parent = parent(&place);
        if fs_err::symlink_metadata(&place).is_ok() {
            return Err(FetchError::Exists(place));
        }
        let needed = manifest.size() + BLOCK * manifest.entries().len() as u64;
        if let Some(available) = available(&parent)
            && available < needed
        {
            return Err(FetchError::NoSpace { path: parent, needed, available });
        }
        let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".partial")
            .tempdir_in(&parent)
            .map_err(|error| FetchError::disk(error, &parent, needed))?;
        let staging = Self { folder, place, manifest };
        let targets = staging.make_targets()?;
        Ok((staging, targets))
    }

    fn make_targets(&self) -> Result<Vec<Target>, FetchError> {
        let root = self.folder.path();
        let mut targets: HashMap<Digest, Target> = HashMap::new();
        for entry in self.manifest.entries() {
            if let Some(folder) = entry.path.under(root).parent() {
                fs_err::create_dir_all(folder).map_err(|error| FetchError::disk(error, folder, BLOCK))?;
            }
            if let Some(blob) = entry.blob()
                && !targets.contains_key(&blob.digest)
            {
                let path = entry.path.under(root);
                make_file(&path, blob.size)?;
                targets.insert(blob.digest, Target { path, blob: Arc::new(blob.clone()) });
            }
        }
        Ok(targets.into_values().collect())
    }

    /// Gives every entry its content, its mode and its time, and the tree its name. Blocks.
    pub(super) fn publish(self) -> Result<(PathBuf, Manifest), FetchError> {
        let root = self.folder.path();
        let mut first: HashMap<Digest, PathBuf> = HashMap::new();
        for entry in self.manifest.entries() {
            let path = entry.path.under(root);
            match &entry.kind {
                Kind::Link(target) => fs_err::os::unix::fs::symlink(entry.path.link_text(target), &path)
                    .map_err(|error| FetchError::disk(error, &path, BLOCK))?,
                Kind::File(blob) | Kind::Executable(blob) => match first.get(&blob.digest) {
                    Some(source) => copy(source, &path, blob.size)?,
                    None => drop(first.insert(blob.digest, path)),
                },
            }
        }
        // Only now: a mode for reading by all must not come before the copies of a secret.
        for entry in self.manifest.entries() {
            finish(root, entry)?;
        }
        set_mode(root, 0o755)?;
        fs_err::rename(root, &self.place).map_err(|error| FetchError::disk(error, &self.place, BLOCK))?;
        // It has another name now, under which it stays.
        drop(self.folder.keep());
        Ok((self.place, self.manifest))
    }
}

fn parent(place: &Path) -> PathBuf {
    match place.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn make_file(path: &Path, size: u64) -> Result<(), FetchError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| FetchError::disk(error, path, size))?;
    if size < PREALLOCATED_FROM {
        return Ok(());
    }
    match fallocate(file.file(), FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, i64::try_from(size).unwrap_or(i64::MAX)) {
        // Some file systems cannot; writing will tell.
        Ok(()) | Err(Errno::EOPNOTSUPP) => Ok(()),
        Err(errno) => Err(FetchError::disk(named(errno, path), path, size)),
    }
}

fn copy(source: &Path, path: &Path, size: u64) -> Result<(), FetchError> {
    fs_err::copy(source, path).map(drop).map_err(|error| FetchError::disk(error, path, size))
}

fn finish(root: &Path, entry: &Entry) -> Result<(), FetchError> {
    for folder in entry.path.ancestors() {
        set_mode(&root.join(folder), 0o755)?;
    }
    let path = entry.path.under(root);
    if !matches!(entry.kind, Kind::Link(_)) {
        set_mode(&path, entry.mode())?;
    }
    let time = TimeSpec::new(MODIFIED, 0);
    utimensat(AT_FDCWD, &path, &time, &time, UtimensatFlags::NoFollowSymlink)
        .map_err(|errno| FetchError::disk(named(errno, &path), &path, 0))
}

fn set_mode(path: &Path, mode: u32) -> Result<(), FetchError> {
    let permissions = std::fs::Permissions::from_mode(mode);
    fs_err::set_permissions(path, permissions).map_err(|error| FetchError::disk(error, path, 0))
}

fn named(errno: Errno, path: &Path) -> io::Error {
    let error = io::Error::from(errno);
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
