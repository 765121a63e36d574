//! Limit the dirty pages of large downloads: every page that is not on the disk yet counts in the
//! task's cgroup.
//!
//! The kernel lets a process write far ahead of the disk. In a cgroup with a memory limit these
//! pages count, so a download much faster than the disk gets the task killed for lack of memory.
//! Therefore written data is flushed while more arrives, and before each new stretch, the one
//! before the last must be on the disk.

use std::ops::Range;
use std::os::fd::AsFd as _;

use fs_err::File;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::sys::{self, Flush};

/// Bytes that may be on their way to the disk while the same number again is being written.
const STRETCH: u64 = 4 << 20;

/// Flushes a file, from some position on, while it is being written.
#[derive(Debug)]
pub struct WriteBehind {
    /// The flush of this range has begun, but may not be complete.
    going: Range<u64>,
}

impl WriteBehind {
    /// Begins at `position`.
    pub fn from(position: u64) -> Self {
        Self { going: position..position }
    }

    /// Everything before `position` is written. Blocks while the disk is a stretch behind.
    pub fn written_to(&mut self, file: &File, position: u64) {
        if position.saturating_sub(self.going.end) < STRETCH {
            return;
        }
        let next = self.going.end..position;
        // Only a hint: it may not be supported, and write errors show when the file is synced.
        sys::flush(file.file().as_fd(), self.going.clone(), Flush::Wait).ok();
        sys::flush(file.file().as_fd(), next.clone(), Flush::Begin).ok();
        self.going = next;
    }
}

/// Drops a file's pages from memory, because it will not be read soon.
pub fn forget(file: &File) {
    // Only a hint.
    posix_fadvise(file.file(), 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).ok();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, unsafe_code)]
    use std::io::Write as _;

    use nix::libc;

    use super::*;

    /// The number of a file's pages in memory, from `cachestat(2)` (Linux 6.5).
    #[repr(C)]
    #[derive(Debug, Default)]
    struct Pages {
        cached: u64,
        dirty: u64,
        going: u64,
        evicted: u64,
        recently_evicted: u64,
    }

    fn pages(file: &File) -> Option<Pages> {
        const CACHESTAT: libc::c_long = 451;
        let (everything, mut pages) = ([0_u64; 2], Pages::default());
        // SAFETY: both structures live through the call and have the layout of linux/mman.h.
        let done = unsafe {
            libc::syscall(
                CACHESTAT,
                std::os::fd::AsRawFd::as_raw_fd(file.file()),
                &raw const everything,
                &raw mut pages,
                0,
            )
        };
        (done == 0).then_some(pages)
    }

    fn is_supported(file: &File) -> bool {
        let can = pages(file).is_some();
        if !can {
            // Printed directly, so that it is not captured; the test runner counts such lines.
            let why = "\nSKIPPED: only Linux 6.5 reports which pages of a file are in memory\n";
            std::io::stderr().write_all(why.as_bytes()).unwrap();
        }
        can
    }

    #[test]
    fn at_most_a_few_stretches_of_a_large_file_wait_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = File::create(folder.path().join("large")).unwrap();
        if !is_supported(&file) {
            return;
        }
        let mut behind = WriteBehind::from(0);
        let block = vec![7; 256 << 10];
        let mut most = 0;
        for count in 1..=256 {
            file.write_all(&block).unwrap();
            behind.written_to(&file, count * block.len() as u64);
            let pages = pages(&file).unwrap();
            most = most.max((pages.dirty + pages.going) * 4096);
        }
        assert!(most <= 3 * STRETCH, "{most} bytes were waiting for the disk");
    }

    #[test]
    fn a_forgotten_file_takes_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = File::create(folder.path().join("archive")).unwrap();
        file.write_all(&vec![7; 1 << 20]).unwrap();
        file.sync_all().unwrap();
        if !is_supported(&file) {
            return;
        }
        assert!(pages(&file).unwrap().cached > 0);
        forget(&file);
        assert_eq!(pages(&file).unwrap().cached, 0);
    }
}
