//! What is left on a file system.

use std::path::Path;

/// The unit of disk space, in bytes.
pub(crate) const BLOCK: u64 = 4096;

/// Of a file system that others need too, this share stays free: one twentieth, and no more than
/// [`SPARE`].
const SHARE: u64 = 20;

/// The most that stays free.
const SPARE: Space = Space { bytes: 1 << 30, inodes: 50_000 };

/// Bytes and inodes: what is free, or what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) bytes: u64,
    pub(crate) inodes: u64,
}

impl Space {
    /// Without limit, for a file system that does not say what is left.
    pub(crate) const UNLIMITED: Self = Self { bytes: u64::MAX, inodes: u64::MAX };

    /// What an unprivileged user can still use at `path`; none if that is unknown.
    pub(crate) fn free(path: &Path) -> Option<Self> {
        Self::of_file_system(path).map(|(_, free)| free)
    }

    /// The same, but some of it stays free for others.
    pub(crate) fn free_to_share(path: &Path) -> Option<Self> {
        Self::of_file_system(path).map(|(all, free)| free.without(all.spare()))
    }

    /// All that the file system at `path` has, and what is left of it.
    fn of_file_system(path: &Path) -> Option<(Self, Self)> {
        let stat = nix::sys::statvfs::statvfs(path).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.fragment_size());
        let all = Self { bytes: bytes(stat.blocks()), inodes: stat.files() };
        // Some file systems have no table of inodes.
        let inodes = if all.inodes == 0 { u64::MAX } else { stat.files_available() };
        Some((all, Self { bytes: bytes(stat.blocks_available()), inodes }))
    }

    /// What stays free of a file system of this size.
    fn spare(self) -> Self {
        Self {
            bytes: (self.bytes / SHARE).min(SPARE.bytes),
            inodes: (self.inodes / SHARE).min(SPARE.inodes),
        }
    }

    fn without(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(other.bytes),
            inodes: self.inodes.saturating_sub(other.inodes),
        }
    }

    /// Whether there is enough for `needed`.
    pub(crate) fn holds(self, needed: Self) -> bool {
        self.bytes >= needed.bytes && self.inodes >= needed.inodes
    }
}

/// Bytes that a file of this size takes on a disk. Unlike the size, they do not help to guess a
/// short secret.
pub(crate) fn in_blocks(size: u64) -> u64 {
    size.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_twentieth_of_the_file_system_stays_free_and_at_most_a_gigabyte_and_fifty_thousand_inodes()
    {
        let small = Space { bytes: 2000, inodes: 200 };
        assert_eq!(small.spare(), Space { bytes: 100, inodes: 10 });
        assert_eq!(Space { bytes: 1 << 40, inodes: 1 << 30 }.spare(), SPARE);
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let free = (Space::free(folder.path()), Space::free_to_share(folder.path()));
        let (Some(all), Some(shared)) = free else { panic!("{free:?}") };
        assert!(
            all.bytes > shared.bytes && all.holds(shared) && !shared.holds(all),
            "{all:?} {shared:?}"
        );
    }
}
