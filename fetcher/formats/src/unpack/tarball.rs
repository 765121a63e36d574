//! Read tar archives.

use std::io::{self, Read};
use std::sync::Arc;

use tar::EntryType;

use super::error::UnpackError;
use super::limits::Gauge;
use super::tree::{Failed, Tree};
use crate::manifest::Format;

pub(super) fn unpack(
    source: impl Read,
    format: Format,
    gauge: &Arc<Gauge>,
    tree: &mut Tree<'_>,
) -> Result<(), UnpackError> {
    let damaged =
        |error: io::Error| gauge.exceeded().unwrap_or(UnpackError::Damaged { format, error });
    let mut archive = tar::Archive::new(gauge.plain(source));
    for entry in archive.entries().map_err(damaged)? {
        match one(&mut entry.map_err(damaged)?, tree) {
            Ok(()) => {}
            Err(Failed::Reading(error)) => return Err(damaged(error)),
            Err(Failed::Other(error)) => return Err(error),
        }
    }
    gauge.content(true);
    // A damaged end of the compressed data shows only after reading all of it.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(damaged)?;
    Ok(())
}

fn one(entry: &mut tar::Entry<'_, impl Read>, tree: &mut Tree<'_>) -> Result<(), Failed> {
    let kind = entry.header().entry_type();
    let name = entry.path_bytes().into_owned();
    let mode = entry.header().mode().map_err(Failed::Reading)?;
    let target = |entry: &tar::Entry<'_, _>| match entry.link_name_bytes() {
        Some(target) => Ok(target.into_owned()),
        None => Err(Tree::refuse(&name, "a link to nothing")),
    };
    match kind {
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            tree.file(&name, mode, entry)?;
        }
        EntryType::Directory => tree.folder(&name, mode)?,
        EntryType::Symlink => tree.link(&name, &target(entry)?)?,
        EntryType::Link => tree.hard_link(&name, &target(entry)?)?,
        // Comments on the whole archive.
        EntryType::XGlobalHeader => {}
        EntryType::Char | EntryType::Block => return Err(Tree::refuse(&name, "a device").into()),
        EntryType::Fifo => return Err(Tree::refuse(&name, "a pipe").into()),
        _ => return Err(Tree::refuse(&name, "of an unknown kind").into()),
    }
    Ok(())
}
