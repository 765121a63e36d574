//! Disk usage of a folder.

use std::{fs::Metadata, os::unix::fs::MetadataExt as _, path::Path};

use fs_err as fs;

/// The unit of `st_blocks`, see stat(2).
const BLOCK: u64 = 512;

/// Bytes on disk of everything in the folder, on its own file system. Unreadable files do not
/// count, and links are not followed. A file with several names counts once per name. Blocking.
pub(super) fn used(folder: &Path) -> u64 {
    let Ok(root) = fs::symlink_metadata(folder) else { return 0 };
    let mut folders = vec![folder.to_owned()];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let Some(metadata) =
                entry.metadata().ok().filter(|metadata: &Metadata| metadata.dev() == root.dev())
            else {
                continue;
            };
            bytes += metadata.blocks() * BLOCK;
            if metadata.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_count_and_links_are_not_followed() {
        let folder = tempfile::TempDir::new().unwrap();
        fs::create_dir(folder.path().join("below")).unwrap();
        let before = used(folder.path());
        fs::write(folder.path().join("below/file"), vec![1; 1 << 20]).unwrap();
        fs::os::unix::fs::symlink("/", folder.path().join("link")).unwrap();
        let more = used(folder.path()) - before;
        assert!((1 << 20..(1 << 20) + 65_536).contains(&more), "{more}");
        assert_eq!(used(Path::new("/does/not/exist")), 0);
    }
}
