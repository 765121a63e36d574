//! The manifest: everything in a worker's tree, by digest.
//!
//! A manifest has one canonical encoding (`encoding`), whose digest names the whole tree. So the same files have the
//! same name at every start of the application master. The content of a `Manifest` value was checked: paths stay in the
//! tree, nothing is below a file or a link, and links lead to something in the tree.
//!
//! Secrets travel in a manifest of their own: many users can read the manifests in a host's cache, and from a digest and
//! a size, a short secret can be guessed. So neither the shared manifest nor its digest depends on the secrets.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, DigestError, Hasher};
use crate::path::{TreePath, TreePathError};
use crate::unpack::Format;

mod encoding;

/// Size in bytes above which files also have a digest per chunk, so that they can be fetched in parts.
pub const CHUNKED_ABOVE: u64 = 16 << 20;
/// Size of a chunk in bytes; the last one of a file may be shorter.
pub const CHUNK: u64 = 4 << 20;
/// Largest accepted encoding, in bytes: room for about 100 000 files.
pub const MAX_ENCODED: usize = 16 << 20;
/// The most entries and folders in one tree, in total.
pub const MAX_NODES: usize = 200_000;
/// Name suffix of contents that were verified chunk by chunk.
const CHUNKS: &str = ".chunks";

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the whole content.
    pub digest: Digest,
    /// SHA-256 of every chunk of [`CHUNK`] bytes; empty unless the file is larger than [`CHUNKED_ABOVE`].
    pub chunks: Vec<Digest>,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A plain file.
    File(Blob),
    /// An executable file.
    Executable(Blob),
    /// A symbolic link to another path of the same tree.
    Link(TreePath),
    /// An archive; the path is the folder it is unpacked into.
    Archive(Format, Blob),
}

/// One path of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path in the tree.
    pub path: TreePath,
    /// Kind of the entry, with its content.
    pub kind: Kind,
    /// Whether only the worker itself may read it, on the server and after the download.
    pub secret: bool,
}

/// A complete, checked list of a tree's entries, sorted by path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<Entry>,
    encoded: Bytes,
}

/// A manifest that must not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A path that could leave the tree.
    #[error(transparent)]
    Path(#[from] TreePathError),
    /// An invalid digest.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// Two entries for one path.
    #[error("path `{0}` appears twice in the manifest")]
    Duplicate(TreePath),
    /// An entry below something that is not a folder.
    #[error("path `{path}` lies below `{ancestor}`, which is not a folder")]
    NotAFolder {
        /// The lower path.
        path: TreePath,
        /// The file or link above it.
        ancestor: String,
    },
    /// A link that leads to nothing in this tree, through another link, or in a circle.
    #[error("link `{path}` to `{target}` {reason}")]
    Link {
        /// The link.
        path: TreePath,
        /// Its target.
        target: TreePath,
        /// Why it is invalid.
        reason: &'static str,
    },
    /// Sizes and digests that contradict each other.
    #[error("content of `{path}` {reason}")]
    Content {
        /// The entry.
        path: TreePath,
        /// Why it is invalid.
        reason: &'static str,
    },
    /// More entries than a tree may have.
    #[error("the manifest has more than {MAX_NODES} entries and folders")]
    TooMany,
    /// Bytes that are not an encoding of a manifest.
    #[error("manifest line {line}: {reason}")]
    Encoding {
        /// Line from 1; 0 for the encoding as a whole.
        line: usize,
        /// Why it is invalid.
        reason: &'static str,
    },
}

/// The name of a content: the digest of what was verified. For a large file this covers the digests of its chunks,
/// because a manifest may claim any digest for the whole. Written `<digest>` or `<digest>.chunks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlobName {
    digest: Digest,
    chunked: bool,
}

impl fmt::Display for BlobName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.digest, if self.chunked { CHUNKS } else { "" })
    }
}

impl FromStr for BlobName {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let digest = text.strip_suffix(CHUNKS);
        Ok(Self { digest: digest.unwrap_or(text).parse()?, chunked: digest.is_some() })
    }
}

impl Blob {
    /// The name of this content in caches and for peers.
    pub fn name(&self) -> BlobName {
        if self.chunks.is_empty() {
            return BlobName { digest: self.digest, chunked: false };
        }
        let mut chunks = Hasher::default();
        chunks.update(&self.size.to_le_bytes());
        for chunk in &self.chunks {
            chunks.update(chunk.as_bytes());
        }
        BlobName { digest: chunks.finish(), chunked: true }
    }

    /// How many chunk digests a file of `size` bytes must have.
    pub fn chunk_count(size: u64) -> usize {
        if size > CHUNKED_ABOVE { size.div_ceil(CHUNK) as usize } else { 0 }
    }
}

impl Entry {
    /// The content of a file, or of an archive before it is unpacked; none for a link.
    pub fn blob(&self) -> Option<&Blob> {
        match &self.kind {
            Kind::File(blob) | Kind::Executable(blob) | Kind::Archive(_, blob) => Some(blob),
            Kind::Link(_) => None,
        }
    }

    /// Size of the content in bytes; 0 for a link.
    pub fn size(&self) -> u64 {
        self.blob().map_or(0, |blob| blob.size)
    }

    /// Digest of the content; none for a link.
    pub fn digest(&self) -> Option<Digest> {
        self.blob().map(|blob| blob.digest)
    }

    /// Permission bits after the download: nobody can write to the tree, and only the owner can read a secret.
    pub fn mode(&self) -> u32 {
        match (&self.kind, self.secret) {
            (Kind::Executable(_), false) => 0o555,
            (Kind::Executable(_), true) => 0o700,
            (_, false) => 0o444,
            (_, true) => 0o600,
        }
    }
}

impl Manifest {
    /// A manifest of `entries` in any order.
    pub fn new(mut entries: Vec<Entry>) -> Result<Self, ManifestError> {
        if entries.len() > MAX_NODES {
            return Err(ManifestError::TooMany);
        }
        entries.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        check_paths(&entries)?;
        check_links(&entries)?;
        check_content(&entries)?;
        let encoded = encoding::encode(&entries);
        if encoded.len() > MAX_ENCODED {
            return Err(ManifestError::Encoding { line: 0, reason: "the manifest is larger than 16 MiB" });
        }
        Ok(Self { entries, encoded })
    }

    /// The manifest of everything that is not secret, for the host's cache, and that of the secrets, if there are any.
    pub fn split(&self) -> Result<(Self, Option<Self>), ManifestError> {
        let (secrets, shared): (Vec<_>, Vec<_>) = self.entries.iter().cloned().partition(|entry| entry.secret);
        let secrets = if secrets.is_empty() { None } else { Some(Self::new(secrets)?) };
        Ok((Self::new(shared)?, secrets))
    }

    /// The manifest of both, the opposite of [`Manifest::split`].
    pub(crate) fn with_secrets(&self, secrets: &Self) -> Result<Self, ManifestError> {
        let secrets = secrets.entries.iter().map(|entry| Entry { secret: true, ..entry.clone() });
        Self::new(self.entries.iter().cloned().chain(secrets).collect())
    }

    pub(crate) fn has_secrets(&self) -> bool {
        self.entries.iter().any(|entry| entry.secret)
    }

    /// The entries, sorted by path.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many files, links and folders the tree has.
    pub(crate) fn nodes(&self) -> u64 {
        let previous = std::iter::once(None).chain(self.entries.iter().map(Some));
        previous.zip(&self.entries).map(|(before, entry)| 1 + new_folders(before, entry).count() as u64).sum()
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
            return Err(ManifestError::Encoding { line: 0, reason: "the manifest is larger than 16 MiB" });
        }
        let manifest = Self::new(encoding::decode(bytes)?)?;
        if manifest.encoded != bytes {
            return Err(ManifestError::Encoding { line: 0, reason: "the encoding is not the canonical one" });
        }
        Ok(manifest)
    }

    /// Bytes of all files together.
    pub fn size(&self) -> u64 {
        self.entries.iter().map(Entry::size).fold(0, u64::saturating_add)
    }
}

/// Checks that each path occurs once, that nothing is below a file or a link, and the number of folders. Expects sorted
/// entries.
fn check_paths(entries: &[Entry]) -> Result<(), ManifestError> {
    // The paths that the current one begins with. In sorted order, all paths with the same beginning follow each other.
    let mut open: Vec<&str> = Vec::new();
    let mut nodes = entries.len();
    for (at, entry) in entries.iter().enumerate() {
        let path = entry.path.as_str();
        let before = at.checked_sub(1).and_then(|at| entries.get(at));
        nodes = nodes.saturating_add(new_folders(before, entry).count());
        if nodes > MAX_NODES {
            return Err(ManifestError::TooMany);
        }
        while open.pop_if(|above| !path.starts_with(&**above)).is_some() {}
        for above in &open {
            match path.as_bytes().get(above.len()) {
                None => return Err(ManifestError::Duplicate(entry.path.clone())),
                Some(b'/') => {
                    return Err(ManifestError::NotAFolder { path: entry.path.clone(), ancestor: (*above).to_owned() });
                }
                Some(_) => {}
            }
        }
        open.push(path);
    }
    Ok(())
}

/// The folders of `entry` that are not folders of `before`, the previous entry of the manifest; outermost first.
pub(crate) fn new_folders<'a>(before: Option<&Entry>, entry: &'a Entry) -> impl Iterator<Item = &'a str> + use<'a> {
    let before = before.map(|before| before.path.as_str().as_bytes()).unwrap_or_default();
    let path = entry.path.as_str().as_bytes();
    let common = before.iter().zip(path).take_while(|(one, other)| one == other).count();
    // If a folder contains both, a slash follows it in both paths.
    entry.path.ancestors().filter(move |folder| folder.len() >= common)
}

/// Whether a link is known to lead to a file or a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Unknown,
    /// On the path being followed.
    Walked,
    Good,
}

/// Checks that every link leads to a file or folder of the tree, and passes through no other link. Follows each link
/// once. Expects sorted entries; returns the number of steps.
fn check_links(entries: &[Entry]) -> Result<usize, ManifestError> {
    let targets = targets(entries);
    let mut ways = vec![Way::Unknown; entries.len()];
    let (mut walked, mut steps) = (Vec::new(), 0);
    for (start, entry) in entries.iter().enumerate() {
        let Kind::Link(target) = &entry.kind else { continue };
        let error = |reason| ManifestError::Link { path: entry.path.clone(), target: target.clone(), reason };
        if entry.secret {
            return Err(error("cannot be secret"));
        }
        let mut next = Some(start);
        while let Some(at) = next {
            let (Some(Kind::Link(target)), Some(way)) = (entries.get(at).map(|entry| &entry.kind), ways.get_mut(at))
            else {
                break;
            };
            match *way {
                Way::Good => break,
                Way::Walked => return Err(error("leads in a circle")),
                Way::Unknown => *way = Way::Walked,
            }
            walked.push(at);
            steps += 1;
            next = targets.get(at).copied().flatten();
            if next.is_none() && !is_folder(entries, target.as_str()) {
                return Err(error("leads to nothing in the tree"));
            }
        }
        for at in walked.drain(..) {
            if let Some(way) = ways.get_mut(at) {
                *way = Way::Good;
            }
        }
    }
    Ok(steps)
}

/// For each entry that is a link, the number of the entry that it links to, if there is one. Expects sorted entries,
/// which are compared side by side with the sorted targets.
fn targets(entries: &[Entry]) -> Vec<Option<usize>> {
    let link = |(at, entry): (usize, &Entry)| match &entry.kind {
        Kind::Link(target) => Some((target.clone(), at)),
        _ => None,
    };
    let mut links: Vec<(TreePath, usize)> = entries.iter().enumerate().filter_map(link).collect();
    links.sort_unstable();
    let mut found = vec![None; entries.len()];
    let mut candidates = entries.iter().enumerate().peekable();
    for (target, link) in links {
        while candidates.next_if(|(_, entry)| entry.path < target).is_some() {}
        if let (Some((at, entry)), Some(place)) = (candidates.peek(), found.get_mut(link))
            && entry.path == target
        {
            *place = Some(*at);
        }
    }
    found
}

/// Whether there is any entry below `path`. Expects sorted entries.
fn is_folder(entries: &[Entry], path: &str) -> bool {
    let below = format!("{path}/");
    let at = entries.partition_point(|entry| entry.path.as_str() < below.as_str());
    entries.get(at).is_some_and(|entry| entry.path.as_str().starts_with(&below))
}

/// Checks that chunk digests fit the size, that a digest has one size, and that the total size does not overflow.
fn check_content(entries: &[Entry]) -> Result<(), ManifestError> {
    let mut total: u64 = 0;
    let mut known: HashMap<Digest, &Blob> = HashMap::new();
    for entry in entries {
        let Some(blob) = entry.blob() else { continue };
        let error = |reason| ManifestError::Content { path: entry.path.clone(), reason };
        if blob.chunks.len() != Blob::chunk_count(blob.size) {
            return Err(error("has a number of chunk digests that does not fit its size"));
        }
        if entry.secret && matches!(entry.kind, Kind::Archive(..)) {
            return Err(error("is an archive, which cannot be secret"));
        }
        if *known.entry(blob.digest).or_insert(blob) != blob {
            return Err(error("has the digest of another entry but not its size and chunks"));
        }
        total = total.checked_add(blob.size).ok_or_else(|| error("makes the tree larger than can be counted"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
