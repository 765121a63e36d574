//! Read zip archives.

use std::io::{self, Read, Seek};

use zip::read::{Config, ZipFile, ZipReadOptions};
use zip::unstable::read::ZipIterable;

use super::error::UnpackError;
use super::limits::Gauge;
use super::tree::{Failed, Tree};
use crate::manifest::Format;

/// The bits of a Unix mode that give the kind of an entry.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
/// Longest text of a link, in bytes.
const MAX_LINK: u64 = 4096;

/// Reads one entry of the directory after the other, because an index of all would be in memory
/// before it could be limited.
pub(super) fn unpack(
    source: impl Read + Seek,
    gauge: &Gauge,
    tree: &mut Tree<'_>,
) -> Result<(), UnpackError> {
    let damaged = |error: io::Error| {
        gauge.exceeded().unwrap_or(UnpackError::Damaged { format: Format::Zip, error })
    };
    let mut archive =
        ZipIterable::try_new(source, Config::default()).map_err(|error| damaged(error.into()))?;
    let entries = archive.files().map_err(|error| damaged(error.into()))?;
    while let Some(entry) = entries.next() {
        let entry =
            entry.and_then(|entry| entry.with_reader(entries.reader_mut(), ZipReadOptions::new()));
        match one(&mut entry.map_err(|error| damaged(error.into()))?, tree) {
            Ok(()) => {}
            Err(Failed::Reading(error)) => return Err(damaged(error)),
            Err(Failed::Other(error)) => return Err(error),
        }
    }
    Ok(())
}

fn one<R: Read>(entry: &mut ZipFile<'_, R>, tree: &mut Tree<'_>) -> Result<(), Failed> {
    let name = entry.name_raw().to_vec();
    let mode = entry.unix_mode().unwrap_or(0o644);
    if entry.is_symlink() {
        let mut text = Vec::new();
        entry.take(MAX_LINK).read_to_end(&mut text).map_err(Failed::Reading)?;
        tree.link(&name, &text)?;
    } else if entry.is_dir() {
        tree.folder(&name, mode)?;
    } else if mode & KIND == 0 || mode & KIND == REGULAR {
        tree.file(&name, mode, entry)?;
    } else {
        return Err(Tree::refuse(&name, "a device or a pipe").into());
    }
    Ok(())
}
