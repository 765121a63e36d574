//! Trees: hard links to contents, at a path that is the same for every worker.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fetcher_formats::digest::Digest;
use fetcher_formats::manifest::{Entry, Kind, Manifest};
use fetcher_formats::token::unguessable;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{UtimensatFlags, utimensat};
use nix::sys::time::TimeSpec;

use super::content::{Content, looks_right};
use super::files::remove_folder;
use super::folders::Cache;
use crate::blocking::blocking;
use crate::crash;
use crate::error::FetchError;
use crate::lock::{FileLock, Mode};

/// Name suffix of trees that are being removed.
pub(super) const REMOVED: &str = ".removed";
/// How long to wait for a lock that is normally held for moments. Any user may hold it for longer.
const LOCKED_FOR: Duration = Duration::from_secs(10);

/// A complete tree in the cache, which stays there as long as this lives.
pub struct Tree {
    /// Its folder.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its entries with all archives unpacked. None is secret.
    pub entries: Vec<Entry>,
    /// Whether the tree was in the cache before this fetch.
    pub was_there: bool,
    /// Keeps it in the cache.
    pub pin: FileLock,
}

impl Cache {
    /// The tree, kept for as long as it is in use, if it exists and looks undamaged.
    pub(super) async fn use_tree(
        &self,
        digest: Digest,
        was_there: bool,
    ) -> Result<Option<Tree>, FetchError> {
        let (cache, lock) = (self.clone(), self.lock(&digest.to_string()));
        let find = move |pin| {
            let (manifest, entries) = cache.look_for_tree(&digest)?;
            Some(Tree { path: cache.tree_path(&digest), manifest, entries, was_there, pin })
        };
        FileLock::acquire_within(lock, Mode::Shared, LOCKED_FOR, find).await
    }

    pub(super) async fn find_tree(
        &self,
        digest: Digest,
    ) -> Result<Option<(Manifest, Vec<Entry>)>, FetchError> {
        let cache = self.clone();
        blocking(move || Ok(cache.look_for_tree(&digest))).await
    }

    /// Manifest and unpacked entries of a tree, if it exists and looks undamaged. Marks it as used.
    pub(super) fn look_for_tree(&self, digest: &Digest) -> Option<(Manifest, Vec<Entry>)> {
        let path = self.tree_path(digest);
        // A quick check first, because it is repeated while the tree is being made.
        fs_err::symlink_metadata(&path).ok().filter(Metadata::is_dir)?;
        let manifest = self.known_manifest(digest)?;
        let entries = self.expand(&manifest)?;
        if !entries.iter().all(|entry| is_there(entry, &path)) {
            return None;
        }
        let now = TimeSpec::UTIME_NOW;
        // If this fails, the tree only counts as older than it is.
        utimensat(AT_FDCWD, &path, &now, &now, UtimensatFlags::NoFollowSymlink).ok();
        Some((manifest, entries))
    }

    pub(super) fn known_manifest(&self, digest: &Digest) -> Option<Manifest> {
        let encoded = fs_err::read(self.manifest(digest)).ok()?;
        if Digest::of(&encoded) != *digest {
            return None;
        }
        Manifest::decode(&encoded).ok().filter(|manifest| !manifest.has_secrets())
    }
}

fn is_there(entry: &Entry, tree: &Path) -> bool {
    let path = entry.path.under(tree);
    match (&entry.kind, Content::of(entry)) {
        (Kind::Link(target), _) => fs_err::read_link(path)
            .is_ok_and(|text| text == Path::new(&entry.path.link_text(target))),
        (_, Some(content)) => looks_right(&path, &content),
        (_, None) => false,
    }
}

/// Removes a tree's name at once, and then its files. Does nothing if there is no tree.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let removed = path.with_file_name(format!(".{name}.{}{REMOVED}", unguessable()));
    match fs_err::rename(path, &removed) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => {
            crash::point();
            renamed.and_then(|()| remove_folder(&removed))
        }
    }
}
