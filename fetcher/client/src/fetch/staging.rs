//! An incomplete tree: a folder beside its final place, renamed once everything in it is complete.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fetcher_formats::digest::Digest;
use fetcher_formats::files::{finish_file, named, set_mode};
use fetcher_formats::manifest::{Entry, Format, Kind, new_folders};
use fetcher_formats::path::TreePath;
use fetcher_formats::unpack::{Limits, unpack};
use fs_err::OpenOptions;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use tempfile::TempDir;

use super::download::{Store, Target};
use super::frontier::{Feed, Frontier, Growing};
use crate::crash;
use crate::error::FetchError;
use crate::project::Projector;
use crate::space::{BLOCK, Space, in_blocks};

/// Smallest file, in bytes, whose disk space is allocated before the download.
const PREALLOCATED_FROM: u64 = 1 << 20;

/// The folder; dropping it before [`Staging::publish`] removes it with its content.
pub(crate) struct Staging {
    folder: TempDir,
    place: PathBuf,
}

/// An archive that is going to be downloaded.
pub(crate) struct Unpacking {
    path: TreePath,
    format: Format,
    source: Growing,
}

impl Staging {
    /// Creates the folders and links of a tree that is going to be at `place`. Blocks.
    pub(crate) fn create(place: PathBuf, entries: &[Entry]) -> Result<Self, FetchError> {
        if fs_err::symlink_metadata(&place).is_ok() {
            return Err(FetchError::Exists(place));
        }
        let parent = parent(&place);
        let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = tempfile::Builder::new()
            .prefix(&format!(".{name}."))
            .suffix(".partial")
            .tempdir_in(&parent)
            .map_err(|error| FetchError::disk(error, &parent, BLOCK))?;
        let staging = Self { folder, place };
        staging.make_folders(entries)?;
        Ok(staging)
    }

    fn make_folders(&self, entries: &[Entry]) -> Result<(), FetchError> {
        let root = self.folder.path();
        set_mode(root, 0o755).map_err(|error| FetchError::disk(error, root, 0))?;
        let mut folders = BTreeSet::new();
        let mut before = None;
        for entry in entries {
            folders.extend(new_folders(before.replace(entry), entry));
        }
        for folder in folders {
            let path = root.join(folder);
            crash::point();
            fs_err::create_dir(&path).map_err(|error| FetchError::disk(error, &path, BLOCK))?;
            set_mode(&path, 0o755).map_err(|error| FetchError::disk(error, &path, 0))?;
        }
        for entry in entries {
            if let Kind::Link(target) = &entry.kind {
                let path = entry.path.under(root);
                fs_err::os::unix::fs::symlink(entry.path.link_text(target), &path)
                    .map_err(|error| FetchError::disk(error, &path, BLOCK))?;
            }
        }
        Ok(())
    }

    /// Creates an empty file for each content of `entries`, readable only by the owner until it is
    /// complete, and returns the archives to unpack during the download. Blocks.
    pub(crate) fn make_files(
        &self,
        entries: &[Entry],
    ) -> Result<(Vec<Target>, Vec<Unpacking>), FetchError> {
        let parent = parent(&self.place);
        let needed = entries
            .iter()
            .map(|entry| in_blocks(entry.size()).saturating_add(BLOCK))
            .fold(0, u64::saturating_add);
        if let Some(Space { bytes: available, .. }) = Space::free(&parent)
            && available < needed
        {
            return Err(FetchError::NoSpace { path: parent, needed, available });
        }
        let frontiers = Self::frontiers(entries);
        let mut targets: HashMap<Digest, Target> = HashMap::new();
        for entry in entries {
            if let Some(blob) = entry.blob()
                && !targets.contains_key(&blob.digest)
            {
                let path = self.file(entry);
                make_file(&path, blob.size)?;
                let feed = frontiers.get(&blob.digest).map(Feed::new);
                if let Some(feed) = &feed {
                    feed.begin(fs_err::File::open(&path).map_err(FetchError::Disk)?, blob, |_| {
                        false
                    });
                }
                targets.insert(
                    blob.digest,
                    Target::empty(path, blob.clone()).feeding(feed).named(entry),
                );
            }
        }
        let unpackings = entries.iter().filter_map(|entry| {
            let Kind::Archive(format, blob) = &entry.kind else { return None };
            let source = Growing::new(frontiers.get(&blob.digest)?);
            Some(Unpacking { path: entry.path.clone(), format: *format, source })
        });
        Ok((targets.into_values().collect(), unpackings.collect()))
    }

    fn frontiers(entries: &[Entry]) -> HashMap<Digest, Arc<Frontier>> {
        let archives = entries.iter().filter(|entry| matches!(entry.kind, Kind::Archive(..)));
        archives.filter_map(|entry| Some((entry.digest()?, Arc::default()))).collect()
    }

    /// Gives the files of [`Staging::make_files`] their modes and times, and copies or links those
    /// with the same content. Blocks.
    pub(crate) fn finish_files(&self, entries: &[Entry]) -> Result<(), FetchError> {
        let mut first: HashMap<Digest, PathBuf> = HashMap::new();
        for entry in entries {
            let Some(digest) = entry.digest() else { continue };
            let path = self.file(entry);
            match first.get(&digest) {
                Some(source) => copy(source, &path, entry.size())?,
                None => drop(first.insert(digest, path)),
            }
        }
        // Not earlier: a file must not be readable by all before the secret copies of it exist.
        for entry in entries {
            match &entry.kind {
                Kind::Link(_) => {}
                Kind::File(_) | Kind::Executable(_) => finish(&self.file(entry), entry.mode())?,
                // The archive is unpacked by now.
                Kind::Archive(..) => {
                    fs_err::remove_file(self.file(entry)).map_err(FetchError::Disk)?;
                }
            }
        }
        Ok(())
    }

    /// Where an entry's content is stored: a file at its path, an archive beside the folder that it
    /// is unpacked into.
    fn file(&self, entry: &Entry) -> PathBuf {
        let place = entry.path.under(self.folder.path());
        match (&entry.kind, place.file_name()) {
            (Kind::Archive(..), Some(name)) => {
                place.with_file_name(format!(".{}.archive", name.to_string_lossy()))
            }
            _ => place,
        }
    }

    /// Unpacks an archive while it is being downloaded. Blocks until the download ends.
    pub(crate) fn unpack(&self, unpacking: Unpacking) -> Result<(), FetchError> {
        let Unpacking { path, format, source } = unpacking;
        let place = path.under(self.folder.path());
        fs_err::create_dir(&place).map_err(|error| FetchError::disk(error, &place, BLOCK))?;
        set_mode(&place, 0o755).map_err(|error| FetchError::disk(error, &place, 0))?;
        unpack(source, format, &place, Limits::default())
            .map_err(|error| FetchError::archive(error, &path, &place))?;
        Ok(())
    }

    /// Takes over files that are complete elsewhere. Blocks.
    pub(crate) fn project<'a>(
        &self,
        entries: impl IntoIterator<Item = &'a Entry>,
        source: impl Fn(&Entry) -> PathBuf,
        projector: &mut Projector,
    ) -> Result<(), FetchError> {
        for entry in entries {
            if entry.blob().is_some() {
                projector.place(
                    &source(entry),
                    &entry.path.under(self.folder.path()),
                    entry.size(),
                )?;
                crash::point();
            }
        }
        Ok(())
    }

    /// Gives the tree its name. Blocks.
    pub(crate) fn publish(self) -> Result<PathBuf, FetchError> {
        let root = self.folder.path();
        fs_err::rename(root, &self.place)
            .map_err(|error| FetchError::disk(error, &self.place, BLOCK))?;
        // The folder now has its final name and must stay.
        drop(self.folder.keep());
        crash::point();
        Ok(self.place)
    }
}

impl Store for Staging {
    fn complete(&self, _target: &Target) -> Result<(), FetchError> {
        // Everything becomes visible at once, in `publish`.
        Ok(())
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
    preallocate(&file, size)
}

/// Allocates disk space for a file of this size.
pub(crate) fn preallocate(file: &fs_err::File, size: u64) -> Result<(), FetchError> {
    if size < PREALLOCATED_FROM {
        return Ok(());
    }
    match fallocate(
        file.file(),
        FallocateFlags::FALLOC_FL_KEEP_SIZE,
        0,
        i64::try_from(size).unwrap_or(i64::MAX),
    ) {
        // Some file systems cannot allocate; then writing shows whether there is space.
        Ok(()) | Err(Errno::EOPNOTSUPP) => Ok(()),
        Err(errno) => Err(FetchError::disk(named(errno, file.path()), file.path(), size)),
    }
}

fn copy(source: &Path, path: &Path, size: u64) -> Result<(), FetchError> {
    fs_err::copy(source, path).map(drop).map_err(|error| FetchError::disk(error, path, size))
}

/// Gives a complete file its final mode and time.
fn finish(path: &Path, mode: u32) -> Result<(), FetchError> {
    finish_file(path, mode).map_err(|error| FetchError::disk(error, path, 0))
}
