//! Make room: remove the least recently used first, and nothing that is in use.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, UNIX_EPOCH};

use fetcher_formats::digest::Digest;
use fs_err::DirEntry;
use serde::{Deserialize, Serialize};

use super::archives::UNPACKING;
use super::content::Content;
use super::files::{is_old, is_older, remove_folder, remove_if_there};
use super::folders::Cache;
use super::reservation::Reservation;
use super::trees::{REMOVED, remove_tree};
use crate::blocking::blocking;
use crate::crash;
use crate::error::FetchError;
use crate::lock::{FileLock, Mode};
use crate::space::Space;

/// How long incomplete files and trees are kept for a fetch that resumes them.
const PARTIAL_FOR: Duration = Duration::from_secs(24 * 3600);

/// Younger folders may belong to a process that has not locked them yet.
const YOUNG: Duration = Duration::from_secs(2);

/// How long the list of an archive's files is kept. Later, the archive is unpacked again if needed.
/// The list takes almost no space, but some day nobody uses the archive.
const LISTING_FOR: Duration = Duration::from_secs(90 * 24 * 3600);

/// The contents of the cache, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Number of complete trees.
    pub trees: usize,
    /// Number of trees in use.
    pub trees_in_use: usize,
    /// Number of contents.
    pub contents: usize,
    /// Bytes of all contents.
    pub bytes: u64,
    /// Bytes of incomplete contents.
    #[serde(rename = "partial_bytes")]
    pub partial: u64,
    /// Bytes of archives of class data.
    #[serde(rename = "class_data_bytes")]
    pub class_data: u64,
    /// Bytes that running fetches still need.
    #[serde(rename = "reserved_bytes")]
    pub reserved: u64,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Removed {
    /// Number of trees.
    pub trees: usize,
    /// Number of contents.
    pub contents: usize,
    /// Bytes of those contents and of incomplete files.
    pub bytes: u64,
}

impl Cache {
    /// Counts what the cache holds now. Blocks.
    pub fn usage(&self) -> io::Result<Usage> {
        let mut usage = Usage::default();
        for tree in self.list("trees")? {
            usage.trees += 1;
            let name = tree.file_name().to_string_lossy().into_owned();
            usage.trees_in_use +=
                usize::from(FileLock::attempt(&self.lock(&name), Mode::Unshared)?.is_none());
        }
        for blob in self.list("blobs")? {
            usage.contents += 1;
            usage.bytes += size(&blob);
        }
        (_, usage.class_data) = self.class_data_usage()?;
        usage.partial = self.list("partial")?.iter().map(allocated).sum();
        usage.reserved = Reservation::all(&self.root().join("reserved"))?;
        Ok(usage)
    }

    /// Removes the least recently used until at most `budget` bytes are left or the rest is in use,
    /// and abandoned incomplete files.
    pub async fn collect_garbage(&self, budget: u64) -> Result<Removed, FetchError> {
        let _room = FileLock::acquire(self.lock("gc"), Mode::Exclusive).await?;
        let cache = self.clone();
        blocking(move || {
            let collect = || {
                let mut removed = cache.remove_old_parts()?;
                let Usage { bytes, class_data, .. } = cache.usage()?;
                let over = bytes.saturating_add(class_data).saturating_sub(budget);
                cache.remove_least_used(over, &|removed| removed.bytes >= over, &mut removed)?;
                cache.counters.evicted(removed.contents, removed.bytes);
                Ok(removed)
            };
            collect().map_err(FetchError::Disk)
        })
        .await
    }

    /// Holds those of `contents` that exist. Makes and reserves room for the others, which are
    /// returned.
    pub(super) async fn reserve(
        &self,
        contents: Vec<Content>,
        nodes: u64,
    ) -> Result<(Reservation, Vec<Content>), FetchError> {
        let _room = FileLock::acquire(self.lock("gc"), Mode::Exclusive).await?;
        let cache = self.clone();
        blocking(move || {
            let root = cache.root();
            let reservation = Reservation::make(&root.join("reserved"))?;
            let mut missing = Vec::new();
            for content in contents {
                if !(cache.has(&content) && reservation.hold(&cache.blob(&content.key()), &content))
                {
                    missing.push(content);
                }
            }
            let bytes =
                missing.iter().map(|content| content.blob.size).fold(0, u64::saturating_add);
            let needed = Space { bytes, inodes: nodes.saturating_add(missing.len() as u64) };
            cache.make_room(needed).map_err(FetchError::Disk)?;
            let free = cache.free();
            if free.bytes < needed.bytes {
                return Err(FetchError::NoSpace {
                    path: root.to_owned(),
                    needed: bytes,
                    available: free.bytes,
                });
            }
            if free.inodes < needed.inodes {
                let (needed, available) = (needed.inodes, free.inodes);
                return Err(FetchError::NoInodes { path: root.to_owned(), needed, available });
            }
            reservation.set(bytes).map_err(|error| FetchError::disk(error, root, bytes))?;
            Ok((reservation, missing))
        })
        .await
    }

    /// What may still be written to the file system of the cache.
    fn free(&self) -> Space {
        let root = self.root();
        let free = if self.leaves_spare { Space::free_to_share(root) } else { Space::free(root) };
        free.unwrap_or(Space::UNLIMITED)
    }

    fn make_room(&self, needed: Space) -> io::Result<()> {
        let usage = self.usage()?;
        let kept = usage
            .bytes
            .saturating_add(usage.class_data)
            .saturating_add(usage.reserved.max(usage.partial));
        let over = kept.saturating_add(needed.bytes).saturating_sub(self.options.budget);
        let short = needed.bytes.saturating_sub(self.free().bytes);
        let mut removed = Removed::default();
        let is_enough = |removed: &Removed| removed.bytes >= over && self.free().holds(needed);
        if !is_enough(&removed) {
            removed = self.remove_old_parts()?;
            self.remove_least_used(over.max(short), &is_enough, &mut removed)?;
            self.counters.evicted(removed.contents, removed.bytes);
        }
        if removed.bytes < over {
            tracing::warn!(
                over = over - removed.bytes,
                "Cache exceeds its budget: all remaining files are in use"
            );
        }
        Ok(())
    }

    /// Removes leftovers of killed processes at the start of a process, if they are surely
    /// abandoned; the rest is removed later. Blocks.
    pub fn remove_leftovers(&self) -> io::Result<()> {
        for folder in ["trees", "partial"] {
            for entry in fs_err::read_dir(self.root().join(folder))? {
                let (path, name) = entry.map(|entry| {
                    (entry.path(), entry.file_name().to_string_lossy().into_owned())
                })?;
                let is_over = if name.starts_with(UNPACKING) {
                    // A process that has just created it may not have locked it yet.
                    is_older(&path, YOUNG) && FileLock::attempt(&path, Mode::Exclusive)?.is_some()
                } else {
                    name.starts_with('.') && name.ends_with(REMOVED)
                };
                if is_over {
                    remove_folder(&path)?;
                }
            }
        }
        // Removes reservations of dead processes.
        Reservation::all(&self.root().join("reserved")).map(drop)
    }

    /// Removes abandoned incomplete files.
    fn remove_old_parts(&self) -> io::Result<Removed> {
        let mut removed = Removed::default();
        for part in self.list("partial")?.into_iter().filter(|part| is_old(part, PARTIAL_FOR)) {
            if let Some(_part) = FileLock::attempt(&part.path(), Mode::Exclusive)? {
                removed.bytes += allocated(&part);
                fs_err::remove_file(part.path())?;
            }
        }
        self.remove_old_class_data(&mut removed)?;
        for folder in ["trees", "manifests", "archives", "class-data", "partial"] {
            for entry in fs_err::read_dir(self.root().join(folder))? {
                let entry = entry?;
                let is_temporary = entry.file_name().to_string_lossy().starts_with('.');
                if is_temporary && is_old(&entry, PARTIAL_FOR) {
                    let is_folder = entry.metadata()?.is_dir();
                    if is_folder {
                        remove_folder(&entry.path())?;
                    } else {
                        remove_if_there(&entry.path())?;
                    }
                }
            }
        }
        self.remove_old_locks()?;
        for listing in
            self.list("archives")?.into_iter().filter(|listing| is_old(listing, LISTING_FOR))
        {
            remove_if_there(&listing.path())?;
        }
        Ok(removed)
    }

    /// Removes contents that no tree needs, then class data of up to `wanted` bytes, then unused
    /// trees, until it `is_enough`. Of each kind, the least recently used go first.
    fn remove_least_used(
        &self,
        wanted: u64,
        is_enough: &dyn Fn(&Removed) -> bool,
        removed: &mut Removed,
    ) -> io::Result<()> {
        if is_enough(removed) {
            return Ok(());
        }
        self.remove_orphans(removed)?;
        let (_, class_data) = self.class_data_usage()?;
        self.bound_class_data(
            class_data.saturating_sub(wanted.saturating_sub(removed.bytes)),
            removed,
        )?;
        let mut trees = self.list("trees")?;
        trees.sort_by_key(|tree| {
            tree.metadata().and_then(|metadata| metadata.modified()).unwrap_or(UNIX_EPOCH)
        });
        for tree in trees {
            if is_enough(removed) {
                break;
            }
            let name = tree.file_name().to_string_lossy().into_owned();
            let lock = self.lock(&name);
            if let Some(_unused) = FileLock::attempt(&lock, Mode::Unshared)? {
                remove_tree(&tree.path())?;
                crash::point();
                remove_if_there(&self.root().join("manifests").join(&name))?;
                remove_if_there(&lock)?;
                crash::point();
                removed.trees += 1;
                self.remove_orphans(removed)?;
            }
        }
        Ok(())
    }

    /// Removes the locks of fetches that failed or were killed: those of trees that do not exist,
    /// and those of makers.
    fn remove_old_locks(&self) -> io::Result<()> {
        for lock in self.list("locks")?.into_iter().filter(|lock| is_old(lock, PARTIAL_FOR)) {
            let name = lock.file_name().to_string_lossy().into_owned();
            let mode = match name.parse::<Digest>() {
                Ok(digest) if self.tree_path(&digest).exists() => continue,
                Ok(_) => Mode::Unshared,
                Err(_) if name.ends_with(".making") => Mode::Exclusive,
                Err(_) => continue,
            };
            if let Some(_over) = FileLock::attempt(&lock.path(), mode)? {
                remove_if_there(&lock.path())?;
            }
        }
        Ok(())
    }

    /// Removes contents that no tree, sandbox or running fetch links to.
    fn remove_orphans(&self, removed: &mut Removed) -> io::Result<()> {
        for blob in self.list("blobs")? {
            let Ok(metadata) = blob.metadata() else { continue };
            if metadata.nlink() == 1 {
                fs_err::remove_file(blob.path())?;
                removed.contents += 1;
                removed.bytes += metadata.len();
            }
        }
        Ok(())
    }

    /// The entries of a folder of the cache, except those being added or removed.
    pub(super) fn list(&self, folder: &str) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in fs_err::read_dir(self.root().join(folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                entries.push(entry);
            }
        }
        Ok(entries)
    }
}

fn size(entry: &DirEntry) -> u64 {
    entry.metadata().map_or(0, |metadata| metadata.len())
}

fn allocated(entry: &DirEntry) -> u64 {
    entry.metadata().map_or(0, |metadata| metadata.blocks() * 512)
}
