//! Shipping a folder with everything below it.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{ArtifactFile, Draft, OverlayError};

/// Ships a file, or a folder with everything below it, as `target`.
pub(super) fn ship(
    path: &Path,
    target: &str,
    secret: bool,
    draft: &mut Draft,
) -> Result<(), OverlayError> {
    let ship = if fs_err::metadata(path)?.is_dir() { ship_folder } else { ship_file };
    ship(path, target, secret, draft)
}

/// Ships every file below `folder` as `<target>/<path in the folder>`. Links are followed: what
/// they lead to is shipped under their names. Empty folders are not shipped.
pub(super) fn ship_folder(
    folder: &Path,
    target: &str,
    secret: bool,
    draft: &mut Draft,
) -> Result<(), OverlayError> {
    let mut walk = Walk { secret, draft, above: Vec::new() };
    walk.folder(&std::path::absolute(folder)?, &fs_err::metadata(folder)?, target)
}

/// Ships one file as `target`.
pub(super) fn ship_file(
    path: &Path,
    target: &str,
    secret: bool,
    draft: &mut Draft,
) -> Result<(), OverlayError> {
    ship_read(path, &fs_err::metadata(path)?, target, secret, draft)
}

/// Ships one file as `target`, which has this metadata.
pub(super) fn ship_read(
    path: &Path,
    metadata: &Metadata,
    target: &str,
    secret: bool,
    draft: &mut Draft,
) -> Result<(), OverlayError> {
    add(std::path::absolute(path)?, metadata, target.to_owned(), secret, draft)
}

fn add(
    source: PathBuf,
    metadata: &Metadata,
    target: String,
    secret: bool,
    draft: &mut Draft,
) -> Result<(), OverlayError> {
    if !secret && draft.is_configuration(metadata) {
        return Err(OverlayError::Unshippable { path: source, reason: CONFIGURATION });
    }
    if !metadata.is_file() {
        let reason = "it is neither a file nor a folder";
        return Err(OverlayError::Unshippable { path: source, reason });
    }
    let executable = metadata.permissions().mode() & 0o111 != 0;
    draft.ship(ArtifactFile { source, target, executable, secret })
}

const CONFIGURATION: &str = "it is Flink's configuration, which may hold secrets and reaches the workers by itself; move it out \
                             of here, or name it with mesos.secret-artifacts.<name>";

struct Walk<'a> {
    secret: bool,
    draft: &'a mut Draft,
    /// Device and inode of the folders that lead here: a link to one of them would never end.
    above: Vec<(u64, u64)>,
}

impl Walk<'_> {
    fn folder(
        &mut self,
        folder: &Path,
        metadata: &Metadata,
        target: &str,
    ) -> Result<(), OverlayError> {
        let identity = (metadata.dev(), metadata.ino());
        if self.above.contains(&identity) {
            let reason = "it is a link to a folder that it is in";
            return Err(OverlayError::Unshippable { path: folder.to_owned(), reason });
        }
        if !self.secret && self.draft.is_configuration(metadata) {
            return Err(OverlayError::Unshippable {
                path: folder.to_owned(),
                reason: CONFIGURATION,
            });
        }
        self.above.push(identity);
        for entry in fs_err::read_dir(folder)? {
            let entry = entry?;
            let source = entry.path();
            let Some(name) = source.file_name().and_then(|name| name.to_str()) else {
                return Err(OverlayError::Unshippable {
                    path: source,
                    reason: "its name is not UTF-8",
                });
            };
            let target = [target, "/", name].concat();
            // Asking the folder takes half as long as finding the file by its path again.
            let mut metadata = entry.metadata()?;
            if metadata.is_symlink() {
                metadata = fs_err::metadata(&source)?;
            }
            if metadata.is_dir() {
                self.folder(&source, &metadata, &target)?;
            } else {
                add(source, &metadata, target, self.secret, self.draft)?;
            }
        }
        self.above.pop();
        Ok(())
    }
}
