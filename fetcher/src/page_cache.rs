//! Keeping large writes from filling memory: whoever fetches in a task's cgroup pays for every page that is not on the disk yet.
//!
//! The kernel lets a process write far ahead of the disk. In a cgroup with a memory limit these pages count, and a download
//! that is much faster than the disk gets the task killed for want of memory. So what has been written is sent to the disk
//! while more comes, and a stretch is waited for before the one after the next begins.

use std::ops::Range;
use std::os::fd::AsFd as _;

use fs_err::File;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use crate::sys::{self, Flush};

/// Bytes that may be on their way to the disk while as many more are being written.
const STRETCH: u64 = 4 << 20;

/// Sends a file to the disk while it is being written from some place on.
#[derive(Debug)]
pub(crate) struct WriteBehind {
    /// Began to go to the disk, but may not be there.
    going: Range<u64>,
}

impl WriteBehind {
    pub(crate) fn from(position: u64) -> Self {
        Self { going: position..position }
    }

    /// Everything before `position` has been written. Blocks while the disk is a stretch behind.
    pub(crate) fn written_to(&mut self, file: &File, position: u64) {
        if position.saturating_sub(self.going.end) < STRETCH {
            return;
        }
        let next = self.going.end..position;
        // Only hints: a file system that cannot is none the worse, and errors show when the file is synced.
        sys::flush(file.file().as_fd(), self.going.clone(), Flush::Wait).ok();
        sys::flush(file.file().as_fd(), next.clone(), Flush::Begin).ok();
        self.going = next;
    }
}

/// Says that a file on the disk is not going to be read soon, so that its pages make room for others.
pub(crate) fn forget(file: &File) {
    // Only a hint.
    posix_fadvise(file.file(), 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).ok();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, unsafe_code)]
    use std::io::Write as _;

    use nix::libc;

    use super::*;

    /// The pages of a file that the kernel has in memory, as `cachestat(2)` tells (Linux 6.5).
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

    fn can_tell(file: &File) -> bool {
        let can = pages(file).is_some();
        if !can {
            // Not captured, unlike what macros print, and counted by what runs all tests.
            let why = "\nSKIPPED: only Linux 6.5 tells which pages of a file are in memory\n";
            std::io::stderr().write_all(why.as_bytes()).unwrap();
        }
        can
    }

    #[test]
    fn no_more_than_a_few_stretches_of_a_large_file_wait_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = File::create(folder.path().join("large")).unwrap();
        if !can_tell(&file) {
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
        if !can_tell(&file) {
            return;
        }
        assert!(pages(&file).unwrap().cached > 0);
        forget(&file);
        assert_eq!(pages(&file).unwrap().cached, 0);
    }
}
