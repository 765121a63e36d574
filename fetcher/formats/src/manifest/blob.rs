//! The content of a file: its size, its digests, and its name in caches.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, DigestError, Hasher};

/// Size in bytes above which files also have a digest per chunk, so that they can be fetched in
/// parts.
pub const CHUNKED_ABOVE: u64 = 16 << 20;
/// Size of a chunk in bytes; the last one of a file may be shorter.
pub const CHUNK: u64 = 4 << 20;
/// Name suffix of contents that were verified chunk by chunk.
const CHUNKS: &str = ".chunks";

/// The content of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the whole content.
    pub digest: Digest,
    /// SHA-256 of every chunk of [`CHUNK`] bytes; empty unless the file is larger than
    /// [`CHUNKED_ABOVE`].
    pub chunks: Vec<Digest>,
}

/// The name of a content: the digest of what was verified. For a large file this covers the digests
/// of its chunks, because a manifest may claim any digest for the whole. Written `<digest>` or
/// `<digest>.chunks`.
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
