//! `logs`: a file of the sandbox, to its end or for as long as it grows.

use std::{
    io::{self, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::Duration,
};

use fs_err as fs;
use overlays::worker::Sandbox;

use super::{Found, HostError, LogFile};
use crate::log;

/// How often one looks for more.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

pub(super) fn print(found: &Found, file: LogFile, follow: bool) -> Result<(), HostError> {
    let path = path(found, file);
    let mut offset = 0;
    loop {
        // Asked first: what a dead executor has written is all there.
        let goes_on = follow && found.entry.executor.is_alive();
        match copy(&path, offset) {
            Ok(now) => offset = now,
            Err(error) if error.kind() == io::ErrorKind::NotFound && goes_on => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if !goes_on {
            return Ok(());
        }
        pause();
    }
}

/// The executor's own log is kept at the host when its sandbox is gone; `error` when there is none of this task.
pub(super) fn print_kept(folder: &Path, task: &str, error: HostError) -> Result<(), HostError> {
    let path = log::latest(folder, task).ok_or(error)?;
    match copy(&path, 0) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "a program of one thread that waits for a file to grow")]
fn pause() {
    std::thread::sleep(LOOK_AGAIN);
}

/// What comes after the offset; all of it when the file has begun anew. Gives the file's length.
fn copy(path: &Path, offset: u64) -> io::Result<u64> {
    let mut file = fs::File::open(path)?;
    let from = if file.metadata()?.len() < offset { 0 } else { offset };
    file.seek(SeekFrom::Start(from))?;
    Ok(from + io::copy(&mut file, &mut io::stdout().lock())?)
}

fn path(found: &Found, file: LogFile) -> PathBuf {
    let log = Sandbox { path: found.sandbox.clone() }.log();
    match file {
        LogFile::Log => log.join("taskmanager.log"),
        LogFile::Out => log.join("taskmanager.out"),
        LogFile::Err => log.join("taskmanager.err"),
        LogFile::Executor => found.sandbox.join("stderr"),
    }
}
