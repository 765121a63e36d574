//! The manifest: everything in a worker's tree, by digest.
//!
//! A manifest has one canonical encoding (`encoding`), whose digest names the whole tree. So the
//! same files have the same name at every start of the application master. The content of a
//! `Manifest` value was checked: paths stay in the tree, nothing is below a file or a link, and
//! links lead to something in the tree.
//!
//! Secrets travel in a manifest of their own: many users can read the manifests in a host's cache,
//! and from a digest and a size, a short secret can be guessed. So neither the shared manifest nor
//! its digest depends on the secrets.

use bytes::Bytes;

use crate::digest::Digest;

pub use blob::{Blob, BlobName, CHUNK, CHUNKED_ABOVE};
pub use entry::new_folders;
pub use entry::{Entry, Kind};
pub use error::{MAX_ENCODED, MAX_NODES, ManifestError};
pub use format::{Format, FormatError};

mod blob;
mod check;
mod encoding;
mod entry;
mod error;
mod format;
#[cfg(test)]
mod tests;

/// A complete, checked list of a tree's entries, sorted by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<Entry>,
    encoded: Bytes,
}

impl Manifest {
    /// A manifest of `entries` in any order.
    pub fn new(mut entries: Vec<Entry>) -> Result<Self, ManifestError> {
        if entries.len() > MAX_NODES {
            return Err(ManifestError::TooMany);
        }
        entries.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        check::paths(&entries)?;
        check::links(&entries)?;
        check::content(&entries)?;
        let encoded = encoding::encode(&entries);
        if encoded.len() > MAX_ENCODED {
            return Err(ManifestError::Encoding {
                line: 0,
                reason: "the manifest is larger than 16 MiB",
            });
        }
        Ok(Self { entries, encoded })
    }

    /// The manifest of everything that is not secret, for the host's cache, and that of the
    /// secrets, if there are any.
    pub fn split(&self) -> Result<(Self, Option<Self>), ManifestError> {
        let (secrets, shared): (Vec<_>, Vec<_>) =
            self.entries.iter().cloned().partition(|entry| entry.secret);
        let secrets = if secrets.is_empty() { None } else { Some(Self::new(secrets)?) };
        Ok((Self::new(shared)?, secrets))
    }

    /// The manifest of both, the opposite of [`Manifest::split`].
    pub fn with_secrets(&self, secrets: &Self) -> Result<Self, ManifestError> {
        let secrets = secrets.entries.iter().map(|entry| Entry { secret: true, ..entry.clone() });
        Self::new(self.entries.iter().cloned().chain(secrets).collect())
    }

    /// Whether any entry is a secret.
    pub fn has_secrets(&self) -> bool {
        self.entries.iter().any(|entry| entry.secret)
    }

    /// The entries, sorted by path.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many files, links and folders the tree has.
    pub fn nodes(&self) -> u64 {
        let previous = std::iter::once(None).chain(self.entries.iter().map(Some));
        previous
            .zip(&self.entries)
            .map(|(before, entry)| 1 + new_folders(before, entry).count() as u64)
            .sum()
    }

    /// The digest of the canonical encoding: the name of the tree.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encoded)
    }

    /// The canonical encoding.
    pub fn encode(&self) -> Bytes {
        self.encoded.clone()
    }

    /// Decodes a manifest. Bytes that [`Manifest::encode`] would not write are rejected.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_ENCODED {
            return Err(ManifestError::Encoding {
                line: 0,
                reason: "the manifest is larger than 16 MiB",
            });
        }
        let manifest = Self::new(encoding::decode(bytes)?)?;
        if manifest.encoded != bytes {
            return Err(ManifestError::Encoding {
                line: 0,
                reason: "the encoding is not the canonical one",
            });
        }
        Ok(manifest)
    }

    /// Bytes of all files together.
    pub fn size(&self) -> u64 {
        self.entries.iter().map(Entry::size).fold(0, u64::saturating_add)
    }
}
