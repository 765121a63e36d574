//! One content of the cache: its name, and whether its file still looks as it was made.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use fetcher_formats::files::MODIFIED;
use fetcher_formats::manifest::{Blob, Entry, Kind};

/// Name suffix of executable contents.
pub(super) const EXECUTABLE: &str = ".x";

/// One content with one mode: the file that files of trees link to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) blob: Blob,
    pub(super) executable: bool,
}

impl Content {
    /// The content that an entry needs; none for links and secrets.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        match &entry.kind {
            _ if entry.secret => None,
            Kind::File(blob) | Kind::Archive(_, blob) => {
                Some(Self { blob: blob.clone(), executable: false })
            }
            Kind::Executable(blob) => Some(Self { blob: blob.clone(), executable: true }),
            Kind::Link(_) => None,
        }
    }

    /// The content's name in the cache.
    pub(super) fn key(&self) -> String {
        format!("{}{}", self.blob.name(), if self.executable { EXECUTABLE } else { "" })
    }

    pub(super) fn mode(&self) -> u32 {
        if self.executable { 0o555 } else { 0o444 }
    }
}

/// Whether a file has the cache's modification time and no write permission.
pub(super) fn is_untouched(metadata: &Metadata) -> bool {
    metadata.mtime() == MODIFIED && metadata.permissions().mode() & 0o222 == 0
}

/// Whether a file of the cache still looks unmodified, without reading it.
pub(super) fn looks_right(path: &Path, content: &Content) -> bool {
    fs_err::symlink_metadata(path).is_ok_and(|metadata| {
        metadata.is_file()
            && metadata.len() == content.blob.size
            && metadata.permissions().mode() & 0o7777 == content.mode()
            && metadata.mtime() == MODIFIED
    })
}
