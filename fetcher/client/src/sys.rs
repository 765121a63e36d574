//! System calls without a safe wrapper.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

mod ioctl {
    // The wrapper's own documentation is in linux/fs.h.
    #![allow(missing_docs)]
    nix::ioctl_write_int_bad!(ficlone, nix::libc::FICLONE);
}

/// Makes `target` share the content of `source` until one of them is changed. Not all file systems
/// support this.
pub(crate) fn reflink(source: BorrowedFd<'_>, target: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: both descriptors are open for as long as they are borrowed; FICLONE takes the
    // source's number by value and touches no memory of this process.
    unsafe { ioctl::ficlone(target.as_raw_fd(), source.as_raw_fd()) }?;
    Ok(())
}
