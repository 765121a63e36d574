//! Reading zip.

use std::io::{self, Read, Seek};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::tree::{Failed, Tree};
use super::{Format, UnpackError};

/// The bits of a Unix mode that say what an entry is.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
/// Longest text of a link, in bytes.
const MAX_LINK: u64 = 4096;

pub(super) fn unpack(source: impl Read + Seek, tree: &mut Tree<'_>) -> Result<(), UnpackError> {
    let damaged = |error: io::Error| UnpackError::Damaged { format: Format::Zip, error };
    let mut archive = ZipArchive::new(source).map_err(|error| damaged(error.into()))?;
    if archive.has_duplicate_names() {
        return Err(damaged(io::Error::other("a name stands twice in the archive")));
    }
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(|error| damaged(error.into()))?;
        match one(&mut entry, tree) {
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
