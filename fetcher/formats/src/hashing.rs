//! Hash local files, and detect later whether a file is still the same.

use std::fmt;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use fs_err::File;
use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};
use crate::manifest::{Blob, CHUNK, CHUNKED_ABOVE};

/// Bytes per read: large enough to be rare, small enough to stay in the CPU's cache for both
/// hashes.
const BUFFER: usize = 256 << 10;

/// Identifies a version of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Size of the file in bytes.
    pub size: u64,
    seconds: i64,
    nanoseconds: i64,
    inode: u64,
    device: u64,
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}-{:x}-{:x}", self.size, self.modified(), self.inode)
    }
}

/// Computes a [`Blob`] of content whose size is not known in advance.
#[derive(Default)]
pub struct BlobHasher {
    whole: Hasher,
    chunk: Hasher,
    chunks: Vec<Digest>,
    size: u64,
}

impl BlobHasher {
    /// Adds content.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        while !bytes.is_empty() {
            let room = (CHUNK - self.size % CHUNK).min(bytes.len() as u64) as usize;
            let (now, later) = bytes.split_at(room);
            self.chunk.update(now);
            self.size += room as u64;
            if self.size.is_multiple_of(CHUNK) {
                self.chunks.push(self.chunk.finish());
            }
            bytes = later;
        }
    }

    /// The description of everything that was added.
    pub fn finish(mut self) -> Blob {
        if !self.size.is_multiple_of(CHUNK) {
            self.chunks.push(self.chunk.finish());
        }
        if self.size <= CHUNKED_ABOVE {
            self.chunks.clear();
        }
        Blob { size: self.size, digest: self.whole.finish(), chunks: self.chunks }
    }
}

/// A file cannot be hashed.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// It cannot be opened or read; the error names the path.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// It is a folder, a device, a socket or a pipe.
    #[error("{0} is not a regular file")]
    NotAFile(PathBuf),
    /// It was written to meanwhile.
    #[error("{0} changed while it was hashed")]
    Changed(PathBuf),
}

impl Fingerprint {
    /// The version of the file that has these metadata.
    pub fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            size: metadata.len(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
            inode: metadata.ino(),
            device: metadata.dev(),
        }
    }

    /// Modification time, in nanoseconds since 1970.
    pub fn modified(&self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanoseconds)
    }
}

/// Opens a regular file without blocking, as opening a pipe would.
pub fn open(path: &Path) -> Result<(File, Fingerprint), HashError> {
    let metadata = fs_err::metadata(path)?;
    if !metadata.is_file() {
        return Err(HashError::NotAFile(path.to_owned()));
    }
    let file = File::open(path)?;
    let fingerprint = Fingerprint::of(&file.metadata()?);
    Ok((file, fingerprint))
}

/// Reads and hashes a whole file. Blocks.
pub fn hash_file(path: &Path) -> Result<(Blob, Fingerprint), HashError> {
    let (mut file, fingerprint) = open(path)?;
    let blob = hash_content(&mut file, fingerprint.size)?;
    let same = Fingerprint::of(&file.metadata()?) == fingerprint;
    match blob {
        Some(blob) if same => Ok((blob, fingerprint)),
        _ => Err(HashError::Changed(path.to_owned())),
    }
}

/// The hashes of the next `size` bytes; none if the file has more or fewer.
fn hash_content(file: &mut File, size: u64) -> Result<Option<Blob>, HashError> {
    let (mut whole, mut chunk) = (Hasher::default(), Hasher::default());
    let mut chunks = Vec::with_capacity(Blob::chunk_count(size));
    let mut buffer = vec![0; BUFFER];
    let mut read: u64 = 0;
    loop {
        // BUFFER divides CHUNK. After a short read, a piece must still not cross a chunk's end.
        let room = (CHUNK - read % CHUNK).min(BUFFER as u64) as usize;
        let count = file.read(&mut buffer[..room])?;
        if count == 0 {
            break;
        }
        read += count as u64;
        if read > size {
            return Ok(None);
        }
        whole.update(&buffer[..count]);
        if size > CHUNKED_ABOVE {
            chunk.update(&buffer[..count]);
            if read.is_multiple_of(CHUNK) || read == size {
                chunks.push(chunk.finish());
            }
        }
    }
    Ok((read == size).then(|| Blob { size, digest: whole.finish(), chunks }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::digest::Digest;

    #[test]
    fn hashing_a_file_agrees_with_hashing_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        let content: Vec<u8> =
            (0..CHUNKED_ABOVE + CHUNK + 5).map(|at| (at * 7 + at / 251) as u8).collect();
        fs_err::write(&path, &content).unwrap();
        let (blob, fingerprint) = hash_file(&path).unwrap();
        assert_eq!(blob.size, content.len() as u64);
        assert_eq!(fingerprint.size, blob.size);
        assert_eq!(blob.digest, Digest::of(&content));
        let chunks: Vec<Digest> = content.chunks(CHUNK as usize).map(Digest::of).collect();
        assert_eq!(blob.chunks, chunks);
    }

    #[test]
    fn a_folder_or_pipe_is_rejected_without_blocking() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(matches!(hash_file(folder.path()), Err(HashError::NotAFile(_))));
        assert!(matches!(hash_file(&pipe), Err(HashError::NotAFile(_))));
    }
}
