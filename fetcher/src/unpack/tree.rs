//! The tree that an archive makes: every name is admitted here before anything is written.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fs_err::OpenOptions;
use fs_err::os::unix::fs::OpenOptionsExt as _;

use super::pipe::BLOCK;
use super::{Limits, UnpackError};
use crate::fetch::{FetchError, finish_file};
use crate::hashing::BlobHasher;
use crate::manifest::{Blob, Entry, Kind, Manifest};
use crate::page_cache::WriteBehind;
use crate::path::{TreePath, TreePathError};

/// Archives of which less than this has come out may have any ratio, in bytes.
const RATIO_FROM: u64 = 16 << 20;
/// Setuid and setgid.
const SET_ID: u32 = 0o6000;

/// What stands at a path so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    /// The number of its entry.
    File(usize),
    Link,
}

pub(super) struct Tree<'a> {
    folder: &'a Path,
    limits: Limits,
    /// Bytes of the archive that have been read.
    source: Arc<AtomicU64>,
    seen: u64,
    written: u64,
    nodes: HashMap<String, Node>,
    entries: Vec<Entry>,
    buffer: Vec<u8>,
}

/// What a reading or writing error is to be called.
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
    pub(super) fn new(folder: &'a Path, limits: Limits, source: Arc<AtomicU64>) -> Self {
        let buffer = vec![0; BLOCK];
        Self { folder, limits, source, seen: 0, written: 0, nodes: HashMap::new(), entries: Vec::new(), buffer }
    }

    /// Writes a file.
    pub(super) fn file(&mut self, name: &[u8], mode: u32, content: &mut dyn Read) -> Result<(), Failed> {
        let path = self.new_path(name, mode)?;
        self.place(name, &path, Node::File(self.entries.len()))?;
        let place = self.make_parent(&path)?;
        let executable = mode & 0o111 != 0;
        let blob = self.write(&place, content)?;
        let kind = if executable { Kind::Executable(blob) } else { Kind::File(blob) };
        let entry = Entry { path, kind, secret: false };
        finish_file(&place, entry.mode()).map_err(disk)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Notes a folder; it is made when something is put into it.
    pub(super) fn folder(&mut self, name: &[u8], mode: u32) -> Result<(), UnpackError> {
        match name.strip_suffix(b"/").unwrap_or(name) {
            b"" | b"." | b"./" => self.count(),
            _ => {
                let path = self.new_path(name, mode)?;
                self.place(name, &path, Node::Folder)
            }
        }
    }

    /// Notes a symbolic link; it is made at the end.
    pub(super) fn link(&mut self, name: &[u8], text: &[u8]) -> Result<(), UnpackError> {
        let path = self.new_path(name, 0)?;
        let refused = |error: &dyn std::fmt::Display| refuse(name, format!("links to `{}`: {error}", printable(text)));
        let text = std::str::from_utf8(text).map_err(|error| refused(&error))?;
        let target = path.resolve_link(text).map_err(|error| refused(&error))?;
        self.place(name, &path, Node::Link)?;
        self.entries.push(Entry { path, kind: Kind::Link(target), secret: false });
        Ok(())
    }

    /// Makes a second name for a file that is there already.
    pub(super) fn hard_link(&mut self, name: &[u8], to: &[u8]) -> Result<(), UnpackError> {
        let path = self.new_path(name, 0)?;
        let target =
            tree_path(to).map_err(|reason| refuse(name, format!("links to `{}`, which {reason}", printable(to))))?;
        let Some(Node::File(at)) = self.nodes.get(target.as_str()).copied() else {
            return Err(refuse(name, format!("links to `{target}`, which is no file that came before")));
        };
        let Some(kind) = self.entries.get(at).map(|entry| entry.kind.clone()) else {
            return Err(refuse(name, "links to itself".to_owned()));
        };
        self.place(name, &path, Node::File(self.entries.len()))?;
        let place = self.make_parent(&path)?;
        fs_err::hard_link(target.under(self.folder), place).map_err(UnpackError::Disk)?;
        self.entries.push(Entry { path, kind, secret: false });
        Ok(())
    }

    /// The error of an entry that is nothing of the above.
    pub(super) fn refuse(name: &[u8], what: &str) -> UnpackError {
        refuse(name, format!("is {what} (allowed: files, folders, links)"))
    }

    /// Checks the links among each other, and makes them.
    pub(super) fn finish(self) -> Result<Manifest, UnpackError> {
        let manifest = Manifest::new(self.entries)?;
        for entry in manifest.entries() {
            if let Kind::Link(target) = &entry.kind {
                let place = entry.path.under(self.folder);
                if let Some(parent) = place.parent() {
                    fs_err::create_dir_all(parent).map_err(UnpackError::Disk)?;
                }
                fs_err::os::unix::fs::symlink(entry.path.link_text(target), place).map_err(UnpackError::Disk)?;
            }
        }
        Ok(manifest)
    }

    fn count(&mut self) -> Result<(), UnpackError> {
        self.seen += 1;
        let limit = self.limits.entries;
        if self.seen > limit { Err(UnpackError::Limit { what: "entries", limit }) } else { Ok(()) }
    }

    fn new_path(&mut self, name: &[u8], mode: u32) -> Result<TreePath, UnpackError> {
        self.count()?;
        if mode & SET_ID != 0 {
            return Err(refuse(name, "has a setuid or setgid bit".to_owned()));
        }
        tree_path(name).map_err(|reason| refuse(name, reason))
    }

    /// Takes the path, when nothing stands at it or above it that is no folder.
    fn place(&mut self, name: &[u8], path: &TreePath, node: Node) -> Result<(), UnpackError> {
        for ancestor in path.ancestors() {
            if *self.nodes.entry(ancestor.to_owned()).or_insert(Node::Folder) != Node::Folder {
                return Err(refuse(name, format!("lies below `{ancestor}`, which is no folder")));
            }
        }
        match self.nodes.insert(path.as_str().to_owned(), node) {
            None => Ok(()),
            Some(Node::Folder) if node == Node::Folder => Ok(()),
            Some(_) => Err(refuse(name, "stands twice in the archive".to_owned())),
        }
    }

    fn make_parent(&self, path: &TreePath) -> Result<PathBuf, UnpackError> {
        let place = path.under(self.folder);
        if let Some(parent) = place.parent() {
            fs_err::create_dir_all(parent).map_err(UnpackError::Disk)?;
        }
        Ok(place)
    }

    fn write(&mut self, place: &Path, content: &mut dyn Read) -> Result<Blob, Failed> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(place);
        let mut file = file.map_err(UnpackError::Disk)?;
        let (mut hasher, mut behind, mut position) = (BlobHasher::default(), WriteBehind::from(0), 0);
        loop {
            let read = match content.read(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(Failed::Reading)?,
            };
            let Some(bytes) = self.buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            hasher.update(bytes);
            io::Write::write_all(&mut file, bytes).map_err(UnpackError::Disk)?;
            position += read as u64;
            behind.written_to(&file, position);
            self.written += read as u64;
            self.check_size()?;
        }
        Ok(hasher.finish())
    }

    fn check_size(&self) -> Result<(), UnpackError> {
        let Limits { bytes, ratio, .. } = self.limits;
        if self.written > bytes {
            return Err(UnpackError::Limit { what: "bytes", limit: bytes });
        }
        let source = self.source.load(Ordering::Relaxed);
        if self.written > RATIO_FROM && self.written / ratio.max(1) > source {
            return Err(UnpackError::Limit { what: "times its own size", limit: ratio });
        }
        Ok(())
    }
}

fn disk(error: FetchError) -> UnpackError {
    match error {
        FetchError::Disk(error) => UnpackError::Disk(error),
        other => UnpackError::Disk(io::Error::other(other)),
    }
}

/// A name as archives write it: folders end with a slash, and many begin with `./`.
fn tree_path(name: &[u8]) -> Result<TreePath, String> {
    let mut text = std::str::from_utf8(name).map_err(|_| "is not UTF-8".to_owned())?;
    while let Some(rest) = text.strip_prefix("./") {
        text = rest;
    }
    text.strip_suffix('/').unwrap_or(text).parse().map_err(|error: TreePathError| error.reason.to_owned())
}

fn refuse(name: &[u8], reason: String) -> UnpackError {
    UnpackError::Entry { name: printable(name), reason }
}

fn printable(name: &[u8]) -> String {
    String::from_utf8_lossy(name.get(..200).unwrap_or(name)).escape_debug().to_string()
}
