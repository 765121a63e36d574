//! Unpack archives into a folder, and write nothing outside it.
//!
//! ```text
//! connections ──▶ threads: hash, write ──verified chunks──▶ thread: inflate ──blocks──▶ thread: untar, hash, write
//! ```
//!
//! Archives come from elsewhere, so every name is checked before anything is written. An entry that
//! is not a plain file, a folder or a link inside the tree is an error that names it; nothing is
//! skipped silently. Links are created last, when all files are in place, so no write can pass
//! through a link. The result is described by a [`Manifest`], the same as if the files had been
//! separate artifacts; empty folders do not count.

use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use crate::manifest::{Format, Manifest};
use limits::Gauge;
use tree::Tree;

pub use error::UnpackError;
pub use limits::Limits;

mod error;
mod limits;
mod pipe;
mod tarball;
#[cfg(test)]
mod tests;
mod tree;
mod zipped;

/// Largest zstd window, in bytes: every decoder must support it, and `zstd` uses it up to level 19.
const MAX_WINDOW: u64 = 8 << 20;

/// Unpacks an archive into an existing, empty folder, with final modes and times. After an error,
/// the folder's content must not be used. Blocks.
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
            let inflated =
                ruzstd::decoding::StreamingDecoder::new_with_max_window_size(source, MAX_WINDOW)
                    .map_err(|error| UnpackError::Damaged {
                        format,
                        error: io::Error::other(error),
                    })?;
            pipe::through(inflated, |plain| tarball::unpack(plain, format, &gauge, &mut tree))?;
        }
    }
    tree.finish()
}
