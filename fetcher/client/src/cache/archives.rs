//! Archives in the cache: each is unpacked once per host, and its files become ordinary contents.
//!
//! `<cache>/archives/<key>.<format>` lists the files of an archive, as a manifest. An entry of a
//! tree that is an archive is replaced by the entries of its files, so the rest of the cache knows
//! nothing about archives.

use std::path::PathBuf;

use fetcher_formats::files::named;
use fetcher_formats::manifest::{Entry, Format, Kind, MAX_NODES, Manifest, ManifestError};
use fetcher_formats::path::TreePath;
use fetcher_formats::unpack::{Limits, UnpackError, unpack};
use fs_err::File;

use super::content::Content;
use super::files::save;
use super::folders::Cache;
use super::reservation::Reservation;
use crate::crash;
use crate::error::FetchError;
use crate::fetch::frontier::Growing;
use crate::lock::{FileLock, Mode};

/// Name prefix of the folders that archives are unpacked into.
pub(super) const UNPACKING: &str = ".unpack.";
/// The most entries of a tree with unpacked archives: as many as two manifests may have.
const MAX_EXPANDED: usize = 2 * MAX_NODES;

impl Cache {
    /// The entries of a tree with all archives unpacked; none if the files of an archive are not
    /// known. Blocks.
    pub(super) fn expand(&self, manifest: &Manifest) -> Option<Vec<Entry>> {
        let mut entries = Vec::with_capacity(manifest.entries().len());
        for entry in manifest.entries() {
            match &entry.kind {
                Kind::Archive(..) => entries.extend(self.unpacked(entry)?),
                _ => entries.push(entry.clone()),
            }
            if entries.len() > MAX_EXPANDED {
                tracing::warn!(
                    entries = MAX_EXPANDED,
                    "A tree has more files than are allowed once its archives are unpacked"
                );
                return None;
            }
        }
        Some(entries)
    }

    /// Whether the files of an archive are known and in the cache.
    pub(super) fn is_unpacked(&self, entry: &Entry) -> bool {
        let entries = self.unpacked(entry);
        entries.is_some_and(|entries| {
            entries.iter().filter_map(Content::of).all(|content| self.has(&content))
        })
    }

    /// The files of an archive, at their paths in the tree.
    fn unpacked(&self, entry: &Entry) -> Option<Vec<Entry>> {
        let Kind::Archive(format, _) = &entry.kind else { return None };
        let encoded = fs_err::read(self.listing(&Content::of(entry)?, *format)).ok()?;
        let listing = Manifest::decode(&encoded).ok()?;
        listing.entries().iter().map(|inner| below(&entry.path, inner).ok()).collect()
    }

    fn listing(&self, archive: &Content, format: Format) -> PathBuf {
        self.root().join("archives").join(format!("{}.{format}", archive.key()))
    }

    /// Unpacks an archive while it is being downloaded, and holds its files for the reservation's
    /// fetch. Blocks until the download ends.
    pub(super) fn unpack(
        &self,
        entry: &Entry,
        source: Growing,
        reservation: &Reservation,
    ) -> Result<(), FetchError> {
        let (Kind::Archive(format, _), Some(archive)) = (&entry.kind, Content::of(entry)) else {
            return Ok(());
        };
        let parts = self.root().join("partial");
        let folder = tempfile::Builder::new()
            .prefix(UNPACKING)
            .tempdir_in(&parts)
            .map_err(FetchError::Disk)?;
        // The lock shows others that the folder is in use.
        let _unpacking =
            FileLock::attempt(folder.path(), Mode::Exclusive).map_err(FetchError::Disk)?;
        let listing = unpack(source, *format, folder.path(), Limits::default())
            .map_err(|error| FetchError::archive(error, &entry.path, folder.path()))?;
        for inner in listing.entries() {
            below(&entry.path, inner).map_err(|error| FetchError::Archive {
                path: entry.path.clone(),
                source: UnpackError::Tree(error),
            })?;
        }
        crash::point();
        // Space for the whole archive, because it may contain thousands of files.
        let disk = |errno| FetchError::disk(named(errno, &parts), &parts, 0);
        nix::unistd::syncfs(File::open(&parts).map_err(FetchError::Disk)?.file()).map_err(disk)?;
        for inner in listing.entries() {
            let Some(content) = Content::of(inner) else { continue };
            let (from, to) = (inner.path.under(folder.path()), self.blob(&content.key()));
            if !(self.has(&content) && reservation.hold(&to, &content)) {
                reservation.hold(&from, &content);
                crash::point();
                fs_err::rename(&from, &to).map_err(FetchError::Disk)?;
            }
        }
        let (place, encoded) = (self.listing(&archive, *format), listing.encode());
        save(&place, &encoded)
            .map_err(|error| FetchError::disk(error, &place, encoded.len() as u64))
    }
}

/// An archive's entry at its path in the tree.
fn below(folder: &TreePath, inner: &Entry) -> Result<Entry, ManifestError> {
    let join = |path: &TreePath| format!("{folder}/{path}").parse::<TreePath>();
    let kind = match &inner.kind {
        Kind::Link(target) => Kind::Link(join(target)?),
        kind => kind.clone(),
    };
    Ok(Entry { path: join(&inner.path)?, kind, secret: inner.secret })
}
