//! Unpack archives into a folder, and write nothing outside it.
//!
//! ```text
//! connections ──▶ threads: hash, write ──verified chunks──▶ thread: inflate ──blocks──▶ thread: untar, hash, write
//! ```
//!
//! Archives come from elsewhere, so every name is checked before anything is written. An entry that is not a plain
//! file, a folder or a link inside the tree is an error that names it; nothing is skipped silently. Links are created
//! last, when all files are in place, so no write can pass through a link. The result is described by a [`Manifest`],
//! the same as if the files had been separate artifacts; empty folders do not count.

use std::fmt;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use crate::manifest::{Manifest, ManifestError};
use gauge::Gauge;
use tree::Tree;

mod gauge;
mod pipe;
mod tarball;
#[cfg(test)]
mod tests;
mod tree;
mod zipped;

/// The supported kinds of archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.tar`
    Tar,
    /// `.tar.gz` or `.tgz`
    TarGz,
    /// `.tar.zst` or `.tzst`
    TarZst,
    /// `.zip` or `.jar`
    Zip,
}

/// Largest zstd window, in bytes: every decoder must support it, and `zstd` uses it up to level 19.
const MAX_WINDOW: u64 = 8 << 20;

/// Limits for the unpacked content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files, links and folders in total.
    pub entries: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// The most unpacked bytes per byte of the archive; archives that stay below 16 MiB are exempt.
    pub ratio: u64,
}

impl Default for Limits {
    /// 65 536 entries, 16 GiB, a ratio of 200. The description of that many entries takes less than 32 MiB.
    fn default() -> Self {
        Self { entries: 1 << 16, bytes: 16 << 30, ratio: 200 }
    }
}

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// An entry that must not be unpacked.
    #[error("archive entry `{name}` {reason}")]
    Entry {
        /// Its name, made printable.
        name: String,
        /// Why it must not be unpacked.
        reason: String,
    },
    /// A limit is exceeded.
    #[error("the archive has more than {limit} {what}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// Names that cannot be in one tree.
    #[error("the archive is not a valid tree: {0}")]
    Tree(#[from] ManifestError),
    /// It is not such an archive, it is damaged, or it cannot be read.
    #[error("the archive cannot be read as {format}: {error}")]
    Damaged {
        /// The expected format.
        format: Format,
        /// The error of reading it.
        error: io::Error,
    },
    /// A disk error; the error names the path.
    #[error(transparent)]
    Disk(io::Error),
}

/// Unpacks an archive into an existing, empty folder, with final modes and times. After an error, the folder's content
/// must not be used. Blocks.
pub fn unpack(
    source: impl Read + Seek + Send,
    format: Format,
    folder: &Path,
    limits: Limits,
) -> Result<Manifest, UnpackError> {
    let gauge = Gauge::new(limits);
    let source = gauge.source(source);
    let mut tree = Tree::new(folder, limits, Arc::clone(&gauge));
    match format {
        Format::Zip => zipped::unpack(gauge.plain(source), &gauge, &mut tree)?,
        Format::Tar => tarball::unpack(source, format, &gauge, &mut tree)?,
        Format::TarGz => {
            let inflated = MultiGzDecoder::new(io::BufReader::with_capacity(pipe::BLOCK, source));
            pipe::through(inflated, |plain| tarball::unpack(plain, format, &gauge, &mut tree))?;
        }
        Format::TarZst => {
            let source = io::BufReader::with_capacity(pipe::BLOCK, source);
            let inflated = ruzstd::decoding::StreamingDecoder::new_with_max_window_size(source, MAX_WINDOW)
                .map_err(|error| UnpackError::Damaged { format, error: io::Error::other(error) })?;
            pipe::through(inflated, |plain| tarball::unpack(plain, format, &gauge, &mut tree))?;
        }
    }
    tree.finish()
}

impl Format {
    /// The format for a file's name, by its suffix.
    pub fn of(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let ends = |endings: &[&str]| endings.iter().any(|end| name.ends_with(end));
        match () {
            () if ends(&[".tar"]) => Some(Self::Tar),
            () if ends(&[".tar.gz", ".tgz"]) => Some(Self::TarGz),
            () if ends(&[".tar.zst", ".tzst"]) => Some(Self::TarZst),
            () if ends(&[".zip", ".jar"]) => Some(Self::Zip),
            () => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Tar => "tar",
            Self::TarGz => "tar.gz",
            Self::TarZst => "tar.zst",
            Self::Zip => "zip",
        })
    }
}

/// A text that does not name a kind of archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a kind of archive (tar, tar.gz, tar.zst or zip)")]
pub struct FormatError(String);

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let all = [Self::Tar, Self::TarGz, Self::TarZst, Self::Zip];
        all.into_iter().find(|format| format.to_string() == text).ok_or_else(|| FormatError(text.to_owned()))
    }
}
