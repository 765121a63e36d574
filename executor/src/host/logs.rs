//! `logs`: print a file of the sandbox, to its end or for as long as it grows.

use std::{
    fs::{File, Metadata},
    io::{self, Read as _, Seek as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use fs_err as fs;

use super::{Found, HostError, LogFile};
use crate::{
    files::{self, Folder},
    log,
    text::Escaping,
};

/// At most this many rotated files are printed; no executor keeps more.
const MOST_OLDER: usize = 1000;

/// How often to look for new lines.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Which parts of a log to print.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// Also print the rotated files.
    pub(super) older: bool,
    /// Also print what is written from now on.
    pub(super) follow: bool,
}

pub(super) fn print(found: &Found, file: LogFile, extent: Extent) -> Result<(), HostError> {
    let name = Path::new(name(file));
    let source = Source::In { sandbox: found.sandbox.clone(), owner: found.owner };
    for name in if extent.older { older(&found.sandbox, name) } else { Vec::new() } {
        copy_once(source.clone(), name)?;
    }
    let mut log = Log { source, name: name.to_owned(), file: None };
    loop {
        // Checked before reading, so that everything a dead executor wrote is read.
        let keeps_growing = extent.follow && found.lives && found.entry.executor.is_alive();
        match log.copy() {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && keeps_growing => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if !keeps_growing {
            return Ok(());
        }
        pause();
    }
}

/// Prints the executor's own log from the host's folder, for when the sandbox is gone. Returns
/// `error` if there is no log of this task.
pub(super) fn print_from_host_folder(
    folder: &Path,
    task: &str,
    error: HostError,
) -> Result<(), HostError> {
    match log::latest(folder, task).as_slice() {
        [] => Err(error),
        [log] => copy_once(Source::HostFolder, log.clone()),
        // Every user may write there, under any name.
        logs => Err(HostError::Contested {
            task: task.to_owned(),
            claims: logs.iter().map(|log| log.display().to_string()).collect(),
        }),
    }
}

fn copy_once(source: Source, name: PathBuf) -> Result<(), HostError> {
    match (Log { source, name, file: None }).copy() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The rotated files, oldest first. The highest number is not always the oldest: it depends on the
/// tool that rotated the file.
fn older(sandbox: &Path, name: &Path) -> Vec<PathBuf> {
    let path = sandbox.join(name);
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned() + ".";
    let entries = fs::read_dir(path.parent().unwrap_or(&path)).into_iter().flatten().flatten();
    let numbered = entries.filter(|entry| {
        let of = entry.file_name().to_string_lossy().strip_prefix(&name).map(str::to_owned);
        of.is_some_and(|number| number.parse::<u32>().is_ok())
    });
    let dated =
        numbered.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())));
    let mut older: Vec<_> = dated.take(MOST_OLDER).collect();
    older.sort();
    older
        .into_iter()
        .filter_map(|(_, path)| Some(path.strip_prefix(sandbox).ok()?.to_owned()))
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a program of one thread that waits for a file to grow"
)]
fn pause() {
    std::thread::sleep(LOOK_AGAIN);
}

/// Where a log is read from.
#[derive(Clone)]
enum Source {
    /// In a sandbox that must belong to this user.
    In { sandbox: PathBuf, owner: u32 },
    /// In the folder that all executors share.
    HostFolder,
}

impl Source {
    fn open(&self, name: &Path) -> io::Result<File> {
        let Self::In { sandbox, owner } = self else { return files::open(name) };
        let folder = Folder::open(sandbox)?;
        if folder.owner != *owner {
            return Err(io::Error::other(format!("{} has got another owner", sandbox.display())));
        }
        folder.file(name)
    }
}

/// A log that grows and is rotated.
struct Log {
    source: Source,
    name: PathBuf,
    /// The open file; its position is how far it was printed.
    file: Option<File>,
}

impl Log {
    /// Prints what was written since the last call.
    fn copy(&mut self) -> io::Result<()> {
        let mut out = Escaping::new(io::stdout().lock());
        loop {
            let mut file = match self.file.take() {
                Some(file) => file,
                None => self.source.open(&self.name)?,
            };
            // Checked before copying: nothing is written to a file after its rotation.
            let is_rotated = self.is_another(&file.metadata()?);
            let length = file.metadata()?.len();
            let mut at = file.stream_position()?;
            if length < at {
                // The file was truncated and starts again.
                file.rewind()?;
                at = 0;
            }
            // Only up to this length, because copying a file that keeps growing would never end.
            io::copy(&mut (&file).take(length - at), &mut out)?;
            if !is_rotated {
                self.file = Some(file);
                return out.finish();
            }
        }
    }

    /// Whether the name now means another file. During a rotation, no file has that name.
    fn is_another(&self, file: &Metadata) -> bool {
        let now = self.source.open(&self.name).and_then(|now| now.metadata());
        now.is_ok_and(|now| (now.dev(), now.ino()) != (file.dev(), file.ino()))
    }
}

fn name(file: LogFile) -> &'static str {
    match file {
        LogFile::Log => "log/taskmanager.log",
        LogFile::Out => "log/taskmanager.out",
        LogFile::Err => "log/taskmanager.err",
        LogFile::Executor => "stderr",
    }
}
