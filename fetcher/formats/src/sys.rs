//! System calls without a safe wrapper.
#![allow(unsafe_code)]

use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use nix::errno::Errno;
use nix::libc;

/// How to flush written pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    /// Start writing them to the disk.
    Begin,
    /// Write them to the disk, and wait.
    Wait,
}

/// Writes a part of a file to the disk. It does not write the file's metadata, so it does not
/// replace `fsync`.
pub(crate) fn flush(file: BorrowedFd<'_>, part: Range<u64>, how: Flush) -> io::Result<()> {
    let flags = match how {
        Flush::Begin => libc::SYNC_FILE_RANGE_WRITE,
        Flush::Wait => {
            libc::SYNC_FILE_RANGE_WAIT_BEFORE
                | libc::SYNC_FILE_RANGE_WRITE
                | libc::SYNC_FILE_RANGE_WAIT_AFTER
        }
    };
    let length = part.end.saturating_sub(part.start);
    if length == 0 {
        // An empty range would mean everything up to the end of the file.
        return Ok(());
    }
    let (start, length) = (i64::try_from(part.start), i64::try_from(length));
    let (Ok(start), Ok(length)) = (start, length) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // SAFETY: the descriptor is open for as long as it is borrowed; the call takes numbers only and
    // touches no memory of this process.
    let done = unsafe { libc::sync_file_range(file.as_raw_fd(), start, length, flags) };
    Errno::result(done)?;
    Ok(())
}
