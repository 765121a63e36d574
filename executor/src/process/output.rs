//! What the TaskManager writes to its standard output and error: read from pipes by the guard, which lives as long as
//! anything that could write, and kept in files that are rotated by size.
//!
//! No line is lost: see [`crate::rotation`].

use std::{
    io::{self, PipeReader, PipeWriter, Read as _},
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::{core::OutputLimits, rotation::RotatingFile};

/// What is read at once.
const CHUNK: usize = 16 << 10;

/// At most this much of one stream is copied before the guard looks at what else there is.
const TURN: usize = 64 * CHUNK;

/// Makes the file of a stream, unless it is there.
pub(super) fn begin(path: &Path) -> io::Result<()> {
    RotatingFile::open(path, OutputLimits::default()).map(drop)
}

/// One stream and the files that it goes to.
#[derive(Debug)]
pub(super) struct Output {
    pipe: PipeReader,
    files: RotatingFile,
}

impl Output {
    /// A stream that goes to this file and its older ones, and the end to write to.
    pub(super) fn open(path: &Path, limits: OutputLimits) -> io::Result<(Self, PipeWriter)> {
        let files = RotatingFile::open(path, limits)?;
        let (pipe, writer) = io::pipe()?;
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok((Self { pipe, files }, writer))
    }

    /// Copies what is there, without waiting for more; false once nobody can write any more.
    pub(super) fn copy(&mut self) -> bool {
        let mut chunk = [0; CHUNK];
        let mut copied = 0;
        while copied < TURN {
            match self.pipe.read(&mut chunk) {
                Ok(0) => return false,
                Ok(count) => {
                    self.files.append(&chunk[..count]);
                    copied += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
        true
    }

    /// Copies all that is left of what was written.
    pub(super) fn copy_rest(mut self) {
        let mut chunk = [0; CHUNK];
        while let Ok(count @ 1..) = self.pipe.read(&mut chunk) {
            self.files.append(&chunk[..count]);
        }
    }
}

impl AsFd for Output {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}
