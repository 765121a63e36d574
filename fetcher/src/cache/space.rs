//! What is left on the file system of the cache.

use std::path::Path;

/// Of a file system that others need too, this share stays free: one twentieth, and no more than [`SPARE`].
const SHARE: u64 = 20;

/// The most that stays free.
const SPARE: Space = Space { bytes: 1 << 30, inodes: 50_000 };

/// Bytes and inodes: what is free, or what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Space {
    pub(super) bytes: u64,
    pub(super) inodes: u64,
}

impl Space {
    /// What an unprivileged user can still use at `path`; without limit if that is unknown. With `spare`, some of it stays
    /// free.
    pub(super) fn free(path: &Path, spare: bool) -> Self {
        let Ok(stat) = nix::sys::statvfs::statvfs(path) else {
            return Self { bytes: u64::MAX, inodes: u64::MAX };
        };
        let bytes = |blocks: u64| blocks.saturating_mul(stat.fragment_size());
        let all = Self { bytes: bytes(stat.blocks()), inodes: stat.files() };
        // Some file systems have no table of inodes.
        let inodes = if all.inodes == 0 { u64::MAX } else { stat.files_available() };
        let free = Self { bytes: bytes(stat.blocks_available()), inodes };
        if spare { free.without(all.spare()) } else { free }
    }

    /// What stays free of a file system of this size.
    fn spare(self) -> Self {
        Self { bytes: (self.bytes / SHARE).min(SPARE.bytes), inodes: (self.inodes / SHARE).min(SPARE.inodes) }
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self { bytes: self.bytes.saturating_sub(other.bytes), inodes: self.inodes.saturating_sub(other.inodes) }
    }

    /// Whether there is enough for `needed`.
    pub(super) fn holds(self, needed: Self) -> bool {
        self.bytes >= needed.bytes && self.inodes >= needed.inodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twentieth_of_the_file_system_stays_free_and_at_most_a_gigabyte_and_fifty_thousand_inodes() {
        let small = Space { bytes: 2000, inodes: 200 };
        assert_eq!(small.spare(), Space { bytes: 100, inodes: 10 });
        assert_eq!(Space { bytes: 1 << 40, inodes: 1 << 30 }.spare(), SPARE);
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let (all, shared) = (Space::free(folder.path(), false), Space::free(folder.path(), true));
        assert!(all.bytes > shared.bytes && all.holds(shared) && !shared.holds(all), "{all:?} {shared:?}");
    }
}
