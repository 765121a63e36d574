//! Unmounts what an agent leaves mounted below its folder.

use std::path::Path;

use nix::mount::{MntFlags, umount2};

/// Unmounts everything at or below `folder`.
pub(super) fn undo(folder: &Path) {
    let mounts = fs_err::read_to_string("/proc/self/mounts").unwrap_or_default();
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(1)).map(Path::new);
    // Nested mounts come last.
    for place in
        places.filter(|place| place.starts_with(folder)).collect::<Vec<_>>().into_iter().rev()
    {
        umount2(place, MntFlags::MNT_DETACH).ok();
    }
}
