//! One path of a tree.

use super::blob::Blob;
use super::format::Format;
use crate::digest::Digest;
use crate::path::TreePath;

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A plain file.
    File(Blob),
    /// An executable file.
    Executable(Blob),
    /// A symbolic link to another path of the same tree.
    Link(TreePath),
    /// An archive; the path is the folder it is unpacked into.
    Archive(Format, Blob),
}

/// One path of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path in the tree.
    pub path: TreePath,
    /// Kind of the entry, with its content.
    pub kind: Kind,
    /// Whether only the worker itself may read it, on the server and after the download.
    pub secret: bool,
}

impl Entry {
    /// The content of a file, or of an archive before it is unpacked; none for a link.
    pub fn blob(&self) -> Option<&Blob> {
        match &self.kind {
            Kind::File(blob) | Kind::Executable(blob) | Kind::Archive(_, blob) => Some(blob),
            Kind::Link(_) => None,
        }
    }

    /// Size of the content in bytes; 0 for a link.
    pub fn size(&self) -> u64 {
        self.blob().map_or(0, |blob| blob.size)
    }

    /// Digest of the content; none for a link.
    pub fn digest(&self) -> Option<Digest> {
        self.blob().map(|blob| blob.digest)
    }

    /// Permission bits after the download: nobody can write to the tree, and only the owner can
    /// read a secret.
    pub fn mode(&self) -> u32 {
        match (&self.kind, self.secret) {
            (Kind::Executable(_), false) => 0o555,
            (Kind::Executable(_), true) => 0o700,
            (_, false) => 0o444,
            (_, true) => 0o600,
        }
    }
}

/// The folders of `entry` that are not folders of `before`, the previous entry of the manifest;
/// outermost first.
pub fn new_folders<'a>(
    before: Option<&Entry>,
    entry: &'a Entry,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let before = before.map(|before| before.path.as_str().as_bytes()).unwrap_or_default();
    let path = entry.path.as_str().as_bytes();
    let common = before.iter().zip(path).take_while(|(one, other)| one == other).count();
    // If a folder contains both, a slash follows it in both paths.
    entry.path.ancestors().filter(move |folder| folder.len() >= common)
}
