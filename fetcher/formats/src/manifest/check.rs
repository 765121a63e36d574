//! What a list of entries must fulfil to be a tree: every path stands for one thing, links lead
//! somewhere, and sizes fit.

use std::collections::HashMap;

use super::blob::Blob;
use super::entry::{Entry, Kind, new_folders};
use super::error::{MAX_NODES, ManifestError};
use crate::digest::Digest;
use crate::path::TreePath;

/// Checks that each path occurs once, that nothing is below a file or a link, and the number of
/// folders. Expects sorted entries.
pub(super) fn paths(entries: &[Entry]) -> Result<(), ManifestError> {
    // The paths that the current one begins with. In sorted order, all paths with the same
    // beginning follow each other.
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
                    return Err(ManifestError::NotAFolder {
                        path: entry.path.clone(),
                        ancestor: (*above).to_owned(),
                    });
                }
                Some(_) => {}
            }
        }
        open.push(path);
    }
    Ok(())
}

/// Whether a link is known to lead to a file or a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Unknown,
    /// On the path being followed.
    Walked,
    Good,
}

/// Checks that every link leads to a file or folder of the tree, and passes through no other link.
/// Follows each link once. Expects sorted entries; returns the number of steps.
pub(super) fn links(entries: &[Entry]) -> Result<usize, ManifestError> {
    let targets = targets(entries);
    let mut ways = vec![Way::Unknown; entries.len()];
    let (mut walked, mut steps) = (Vec::new(), 0);
    for (start, entry) in entries.iter().enumerate() {
        let Kind::Link(target) = &entry.kind else { continue };
        let error = |reason| ManifestError::Link {
            path: entry.path.clone(),
            target: target.clone(),
            reason,
        };
        if entry.secret {
            return Err(error("cannot be secret"));
        }
        let mut next = Some(start);
        while let Some(at) = next {
            let (Some(Kind::Link(target)), Some(way)) =
                (entries.get(at).map(|entry| &entry.kind), ways.get_mut(at))
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

/// For each entry that is a link, the number of the entry that it links to, if there is one.
/// Expects sorted entries, which are compared side by side with the sorted targets.
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

/// Checks that chunk digests fit the size, that a digest has one size, and that the total size does
/// not overflow.
pub(super) fn content(entries: &[Entry]) -> Result<(), ManifestError> {
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
        total = total
            .checked_add(blob.size)
            .ok_or_else(|| error("makes the tree larger than can be counted"))?;
    }
    Ok(())
}
