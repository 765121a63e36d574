//! `logs`: a file of the sandbox, to its end or for as long as it grows.

use std::{
    fs::Metadata,
    io::{self, Seek as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use fs_err as fs;
use overlays::worker::Sandbox;

use super::{Found, HostError, LogFile};
use crate::log;

/// How often one looks for more.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How much of a log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Also the files before the newest.
    pub(super) older: bool,
    /// Also what is still to come.
    pub(super) follow: bool,
}

pub(super) fn print(found: &Found, file: LogFile, extent: Extent) -> Result<(), HostError> {
    let path = path(found, file);
    for path in if extent.older { older(&path) } else { Vec::new() } {
        copy_once(path)?;
    }
    let mut log = Log { path, file: None };
    loop {
        // Asked first: what a dead executor has written is all there.
        let goes_on = extent.follow && found.entry.executor.is_alive();
        match log.copy() {
            Ok(()) => {}
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
    copy_once(log::latest(folder, task).ok_or(error)?)
}

fn copy_once(path: PathBuf) -> Result<(), HostError> {
    match (Log { path, file: None }).copy() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The files that this one has followed, oldest first: which number is the oldest depends on who has put them aside.
fn older(path: &Path) -> Vec<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned() + ".";
    let entries = fs::read_dir(path.parent().unwrap_or(path)).into_iter().flatten().flatten();
    let numbered = entries.filter(|entry| {
        let of = entry.file_name().to_string_lossy().strip_prefix(&name).map(str::to_owned);
        of.is_some_and(|number| number.parse::<u32>().is_ok())
    });
    let mut older: Vec<_> =
        numbered.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).collect();
    older.sort();
    older.into_iter().map(|(_, path)| path).collect()
}

#[expect(clippy::disallowed_methods, reason = "a program of one thread that waits for a file to grow")]
fn pause() {
    std::thread::sleep(LOOK_AGAIN);
}

/// A file that grows, and that is put aside for a new one now and then.
struct Log {
    path: PathBuf,
    /// Read up to where it stands.
    file: Option<fs::File>,
}

impl Log {
    /// Prints what has come since the last time.
    fn copy(&mut self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        loop {
            let mut file = match self.file.take() {
                Some(file) => file,
                None => fs::File::open(&self.path)?,
            };
            // Asked first: nobody writes to a file that was put aside.
            let is_put_aside = self.is_another(&file.metadata()?);
            if file.metadata()?.len() < file.stream_position()? {
                // It has begun anew.
                file.rewind()?;
            }
            io::copy(&mut file, &mut out)?;
            if !is_put_aside {
                self.file = Some(file);
                return Ok(());
            }
        }
    }

    /// In between there is none of that name.
    fn is_another(&self, file: &Metadata) -> bool {
        fs::metadata(&self.path).is_ok_and(|now| (now.dev(), now.ino()) != (file.dev(), file.ino()))
    }
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
