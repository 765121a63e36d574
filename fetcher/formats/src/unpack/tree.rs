//! The tree that an archive unpacks to: every name is checked here before anything is written.

use std::collections::HashMap;
use std::fs::Permissions;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fs_err::OpenOptions;
use fs_err::os::unix::fs::OpenOptionsExt as _;

use super::error::UnpackError;
use super::limits::{Gauge, Limits};
use super::pipe::BLOCK;
use crate::files::finish_file;
use crate::hashing::BlobHasher;
use crate::manifest::{Blob, Entry, Kind, MAX_ENCODED, Manifest};
use crate::page_cache::WriteBehind;
use crate::path::{TreePath, TreePathError};

/// Limit for a tree's description, in bytes: all names, link targets and chunk digests, with the
/// fixed part of each entry. It is three quarters of what a manifest may have.
pub(super) const DESCRIBED: u64 = (MAX_ENCODED / 4 * 3) as u64;
/// Bytes of an entry's description besides its names: kind, size and digest.
const ENTRY: u64 = 80;
/// Bytes of a chunk digest's description.
const CHUNK_LINE: u64 = 66;
/// Setuid and setgid.
const SET_ID: u32 = 0o6000;

/// What is at a path so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    /// The number of its entry.
    File(u32),
    Link,
}

pub(super) struct Tree<'a> {
    folder: &'a Path,
    limits: Limits,
    gauge: Arc<Gauge>,
    seen: u64,
    described: u64,
    written: u64,
    nodes: HashMap<Arc<str>, Node>,
    entries: Vec<Entry>,
    buffer: Vec<u8>,
}

/// Whether an error comes from reading or writing.
pub(super) enum Failed {
    Reading(io::Error),
    Other(UnpackError),
}

impl From<UnpackError> for Failed {
    fn from(error: UnpackError) -> Self {
        Self::Other(error)
    }
}

impl<'a> Tree<'a> {
    pub(super) fn new(folder: &'a Path, limits: Limits, gauge: Arc<Gauge>) -> Self {
        let (nodes, entries, buffer) = (HashMap::new(), Vec::new(), vec![0; BLOCK]);
        Self { folder, limits, gauge, seen: 0, described: 0, written: 0, nodes, entries, buffer }
    }

    /// Writes a file.
    pub(super) fn file(
        &mut self,
        name: &[u8],
        mode: u32,
        content: &mut dyn Read,
    ) -> Result<(), Failed> {
        let path = self.new_path(name, mode)?;
        self.place(name, &path, Node::File(self.number()))?;
        let place = self.make_parent(&path)?;
        let executable = mode & 0o111 != 0;
        self.gauge.content(true);
        let blob = self.write(&place, content);
        self.gauge.content(false);
        let blob = blob?;
        self.describe(blob.chunks.len() as u64 * CHUNK_LINE)?;
        let kind = if executable { Kind::Executable(blob) } else { Kind::File(blob) };
        let entry = Entry { path, kind, secret: false };
        finish_file(&place, entry.mode()).map_err(UnpackError::Disk)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Notes a folder; it is created when something is put into it.
    pub(super) fn folder(&mut self, name: &[u8], mode: u32) -> Result<(), UnpackError> {
        match name.strip_suffix(b"/").unwrap_or(name) {
            b"" | b"." | b"./" => self.count(),
            _ => {
                let path = self.new_path(name, mode)?;
                self.place(name, &path, Node::Folder)
            }
        }
    }

    /// Notes a symbolic link; it is created at the end.
    pub(super) fn link(&mut self, name: &[u8], text: &[u8]) -> Result<(), UnpackError> {
        let path = self.new_path(name, 0)?;
        let refused = |error: &dyn std::fmt::Display| {
            refuse(name, format!("links to `{}`: {error}", printable(text)))
        };
        let text = std::str::from_utf8(text).map_err(|error| refused(&error))?;
        let target = path.resolve_link(text).map_err(|error| refused(&error))?;
        self.describe(target.as_str().len() as u64)?;
        self.place(name, &path, Node::Link)?;
        self.entries.push(Entry { path, kind: Kind::Link(target), secret: false });
        Ok(())
    }

    /// Creates a second name for an existing file.
    pub(super) fn hard_link(&mut self, name: &[u8], to: &[u8]) -> Result<(), UnpackError> {
        let path = self.new_path(name, 0)?;
        let target = tree_path(to).map_err(|reason| {
            refuse(name, format!("links to `{}`, which {reason}", printable(to)))
        })?;
        let Some(Node::File(at)) = self.nodes.get(target.as_str()).copied() else {
            return Err(refuse(
                name,
                format!("links to `{target}`, which is not an earlier file of the archive"),
            ));
        };
        let Some(first) = self.entries.get(at as usize) else {
            return Err(refuse(name, "links to itself".to_owned()));
        };
        let chunks = first.blob().map_or(0, |blob| blob.chunks.len());
        self.describe(chunks as u64 * CHUNK_LINE)?;
        let Some(kind) = self.entries.get(at as usize).map(|entry| entry.kind.clone()) else {
            return Ok(());
        };
        self.place(name, &path, Node::File(self.number()))?;
        let place = self.make_parent(&path)?;
        fs_err::hard_link(target.under(self.folder), place).map_err(UnpackError::Disk)?;
        self.entries.push(Entry { path, kind, secret: false });
        Ok(())
    }

    /// The error for an entry of any other kind.
    pub(super) fn refuse(name: &[u8], what: &str) -> UnpackError {
        refuse(name, format!("is {what} (allowed: files, folders, links)"))
    }

    /// Checks all links, and creates them.
    pub(super) fn finish(self) -> Result<Manifest, UnpackError> {
        drop((self.nodes, self.buffer));
        let manifest = Manifest::new(self.entries)?;
        for entry in manifest.entries() {
            if let Kind::Link(target) = &entry.kind {
                let place = entry.path.under(self.folder);
                if let Some(parent) = place.parent() {
                    make_folders(parent)?;
                }
                fs_err::os::unix::fs::symlink(entry.path.link_text(target), place)
                    .map_err(UnpackError::Disk)?;
            }
        }
        Ok(manifest)
    }

    fn count(&mut self) -> Result<(), UnpackError> {
        self.gauge.entry();
        self.seen += 1;
        let limit = self.limits.entries;
        if self.seen > limit { Err(UnpackError::Limit { what: "entries", limit }) } else { Ok(()) }
    }

    /// Counts the bytes of an entry's description, which stays in memory until the manifest is
    /// made.
    fn describe(&mut self, bytes: u64) -> Result<(), UnpackError> {
        self.described = self.described.saturating_add(bytes);
        if self.described > DESCRIBED {
            return Err(UnpackError::Limit {
                what: "bytes of names and digests",
                limit: DESCRIBED,
            });
        }
        Ok(())
    }

    /// The number of the next entry.
    fn number(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    fn new_path(&mut self, name: &[u8], mode: u32) -> Result<TreePath, UnpackError> {
        self.count()?;
        if mode & SET_ID != 0 {
            return Err(refuse(name, "has a setuid or setgid bit".to_owned()));
        }
        tree_path(name).map_err(|reason| refuse(name, reason))
    }

    /// Takes the path, if nothing is there and everything above it is a folder.
    fn place(&mut self, name: &[u8], path: &TreePath, node: Node) -> Result<(), UnpackError> {
        self.describe(path.as_str().len() as u64 + ENTRY)?;
        for ancestor in path.ancestors() {
            match self.nodes.get(ancestor) {
                Some(Node::Folder) => {}
                Some(_) => {
                    return Err(refuse(
                        name,
                        format!("lies below `{ancestor}`, which is not a folder"),
                    ));
                }
                None => {
                    self.describe(ancestor.len() as u64 + ENTRY)?;
                    self.nodes.insert(ancestor.into(), Node::Folder);
                }
            }
        }
        match self.nodes.insert(path.shared(), node) {
            None => Ok(()),
            Some(Node::Folder) if node == Node::Folder => Ok(()),
            Some(_) => Err(refuse(name, "appears twice in the archive".to_owned())),
        }
    }

    fn make_parent(&self, path: &TreePath) -> Result<PathBuf, UnpackError> {
        let place = path.under(self.folder);
        if let Some(parent) = place.parent() {
            make_folders(parent)?;
        }
        Ok(place)
    }

    fn write(&mut self, place: &Path, content: &mut dyn Read) -> Result<Blob, Failed> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(place);
        let mut file = file.map_err(UnpackError::Disk)?;
        let (mut hasher, mut behind, mut position) =
            (BlobHasher::default(), WriteBehind::from(0), 0);
        loop {
            let read = match content.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(Failed::Reading)?,
            };
            let Some(bytes) = self.buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
                break;
            };
            hasher.update(bytes);
            io::Write::write_all(&mut file, bytes).map_err(UnpackError::Disk)?;
            position += read as u64;
            behind.written_to(&file, position);
            self.written = self.written.saturating_add(read as u64);
            self.gauge.check(self.written)?;
        }
        Ok(hasher.finish())
    }
}

/// Creates folders that no other user may write to, whatever the umask. Existing ones stay
/// unchanged.
fn make_folders(path: &Path) -> Result<(), UnpackError> {
    if fs_err::symlink_metadata(path).is_ok_and(|there| there.is_dir()) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_folders(parent)?;
    }
    fs_err::create_dir(path).map_err(UnpackError::Disk)?;
    fs_err::set_permissions(path, Permissions::from_mode(0o755)).map_err(UnpackError::Disk)
}

/// Parses a name as archives write it: folders end with a slash, and many begin with `./`.
fn tree_path(name: &[u8]) -> Result<TreePath, String> {
    let mut text = std::str::from_utf8(name).map_err(|_| "is not UTF-8".to_owned())?;
    while let Some(rest) = text.strip_prefix("./") {
        text = rest;
    }
    text.strip_suffix('/')
        .unwrap_or(text)
        .parse()
        .map_err(|error: TreePathError| error.reason.to_owned())
}

fn refuse(name: &[u8], reason: String) -> UnpackError {
    UnpackError::Entry { name: printable(name), reason }
}

fn printable(name: &[u8]) -> String {
    String::from_utf8_lossy(name.get(..200).unwrap_or(name)).escape_debug().to_string()
}
