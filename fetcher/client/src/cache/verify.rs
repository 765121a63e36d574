//! Read all contents again, and quarantine damaged ones.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fetcher_formats::digest::{Digest, Hasher};
use fetcher_formats::manifest::{Blob, CHUNK};
use fs_err::File;
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::files::read_full;
use super::folders::Cache;
use super::trees::remove_tree;
use crate::lock::{FileLock, Mode};

/// The result of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Verified {
    /// Number of contents read.
    pub contents: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Names of the contents and archives of class data that were damaged and are now quarantined.
    pub wrong: Vec<String>,
    /// Trees with a damaged content that were removed.
    pub trees_removed: Vec<String>,
    /// Trees with a damaged content that are in use: their workers should be restarted.
    pub trees_in_use: Vec<String>,
}

impl Cache {
    /// Reads and checks every content. Blocks until that is done.
    pub fn verify(&self) -> io::Result<Verified> {
        let mut verified = Verified::default();
        let mut buffer = vec![0; CHUNK as usize];
        for blob in self.list("blobs")? {
            let name = blob.file_name().to_string_lossy().into_owned();
            let metadata = match blob.metadata() {
                // Another process made room.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                metadata => metadata?,
            };
            verified.contents += 1;
            verified.bytes += metadata.len();
            if key_of(&blob.path(), &name, &mut buffer)? != name {
                tracing::error!(
                    content = name,
                    "Moving a damaged file of the cache into quarantine"
                );
                fs_err::rename(blob.path(), self.root().join("quarantine").join(&name))?;
                verified.wrong.push(name);
                self.remove_trees_with(metadata.dev(), metadata.ino(), &mut verified)?;
            }
        }
        verified.wrong.extend(self.verify_class_data()?);
        Ok(verified)
    }

    fn remove_trees_with(
        &self,
        device: u64,
        inode: u64,
        verified: &mut Verified,
    ) -> io::Result<()> {
        for tree in self.list("trees")? {
            if !holds(&tree.path(), device, inode)? {
                continue;
            }
            let name = tree.file_name().to_string_lossy().into_owned();
            match FileLock::attempt(&self.lock(&name), Mode::Unshared)? {
                Some(_unused) => {
                    remove_tree(&tree.path())?;
                    verified.trees_removed.push(name);
                }
                None => verified.trees_in_use.push(name),
            }
        }
        Ok(())
    }
}

/// The name that a content should have, of the same kind as its current name.
fn key_of(path: &Path, name: &str, buffer: &mut [u8]) -> io::Result<String> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let (mut whole, mut chunks) = (Hasher::default(), Vec::new());
    loop {
        let read = read_full(&mut file, buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        if name.contains(".chunks") {
            chunks.push(Digest::of(bytes));
        } else {
            whole.update(bytes);
        }
    }
    let blob = Blob { size, digest: whole.finish(), chunks };
    let executable = Path::new(name).extension().is_some_and(|end| end == "x");
    Ok(Content { blob, executable }.key())
}

/// Whether a folder contains a link to a file.
fn holds(folder: &Path, device: u64, inode: u64) -> io::Result<bool> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let found = if metadata.is_dir() {
            holds(&entry.path(), device, inode)?
        } else {
            (metadata.dev(), metadata.ino()) == (device, inode)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}
