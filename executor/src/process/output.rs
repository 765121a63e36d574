//! The TaskManager's standard output and error. The guard reads them from pipes for as long as any
//! process can write to them, and writes them to files that are rotated by size.
//!
//! No line is lost: see [`crate::rotation`].

use std::{
    io::{self, PipeReader, PipeWriter, Read as _},
    os::fd::{AsFd, BorrowedFd},
    path::Path,
};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::rotation::{OutputLimits, RotatingFile};

/// How much is read at once, in bytes.
const CHUNK: usize = 16 << 10;

/// How much of one stream is copied before the guard handles other events, in bytes.
const TURN: usize = 64 * CHUNK;

/// Creates the file of a stream, unless it exists.
pub(super) fn begin(path: &Path) -> io::Result<()> {
    RotatingFile::open(path, OutputLimits::NONE).map(drop)
}

/// One stream and its files.
#[derive(Debug)]
pub(super) struct Output {
    pipe: PipeReader,
    files: RotatingFile,
}

impl Output {
    /// Opens a stream to this file and its rotated ones; also returns the write end of the pipe.
    pub(super) fn open(path: &Path, limits: OutputLimits) -> io::Result<(Self, PipeWriter)> {
        let files = RotatingFile::open(path, limits)?;
        let (pipe, writer) = io::pipe()?;
        fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok((Self { pipe, files }, writer))
    }

    /// Copies what is available, without waiting for more; false once no process can write to the
    /// pipe.
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

    /// Copies the rest of what was written.
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
