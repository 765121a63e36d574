//! Files that a user names and that are read: in an option, in a variable or on the command line.
//!
//! The name may lead anywhere: to a pipe that nobody writes to, to a device that never ends, or to
//! a file of many gigabytes. So only regular files are opened, and no more is read than the caller
//! allows. A secret may also come from a pipe that this process inherited, as in `--token-file
//! <(command)`. Links are followed: Kubernetes mounts its files as links. `/dev/null` is the usual
//! name for an empty file, and stays one.

use std::{
    fs::{FileType, Metadata},
    io::{self, ErrorKind, Read as _},
    os::{
        fd::AsFd as _,
        unix::fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::Path,
    time::{Duration, Instant},
};

use fs_err::{File, OpenOptions, os::unix::fs::OpenOptionsExt as _};
use nix::{
    errno::Errno,
    libc::O_NONBLOCK,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::stat::makedev,
};

/// The largest accepted file with a token or a password, in bytes.
pub const LARGEST_SECRET: u64 = 64 << 10;

/// The largest accepted file with certificates or keys, in bytes. All authorities that browsers
/// trust take a quarter of a megabyte.
pub const LARGEST_CERTIFICATES: u64 = 4 << 20;

/// How long the other end of a pipe may take to write a secret and close it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens a regular file, and never waits for one that is not. Blocks.
///
/// # Errors
/// The file cannot be opened, or it is a folder, a pipe, a socket or a device. The error names the
/// path.
pub fn open(path: &Path) -> io::Result<File> {
    Ok(open_with_metadata(path)?.0)
}

fn open_with_metadata(path: &Path) -> io::Result<(File, Metadata)> {
    // Opening a device may have an effect, so its kind is looked at before.
    check_regular(path, &fs_err::metadata(path)?)?;
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    check_regular(path, &metadata)?;
    Ok((file, metadata))
}

/// The content of a regular file of at most `most` bytes. Blocks.
///
/// # Errors
/// Like [`open`], or the file is larger. The error names the path.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    Ok(read_with_metadata(path, most)?.0)
}

/// Like [`read`], with the metadata of the file that was read. Blocks.
///
/// # Errors
/// Like [`read`].
pub fn read_with_metadata(path: &Path, most: u64) -> io::Result<(Vec<u8>, Metadata)> {
    let (file, metadata) = open_with_metadata(path)?;
    let too_large = || {
        let text = format!("{} is too large: more than {}", path.display(), size(most));
        io::Error::new(ErrorKind::FileTooLarge, text)
    };
    let length = metadata.len();
    if length > most {
        return Err(too_large());
    }
    // With the room for it and one byte more, it is read at once.
    let mut content = Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1));
    // It may have grown, and files of the kernel do not know their size.
    file.take(most.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > most { Err(too_large()) } else { Ok((content, metadata)) }
}

/// Like [`read`], for UTF-8 text. Blocks.
///
/// # Errors
/// Like [`read`], or the file is not UTF-8. The error names the path.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    String::from_utf8(read(path, most)?).map_err(|_| invalid(path))
}

/// The content of a file with a token or a password, which may also be an inherited pipe:
/// `/dev/fd/63` of `<(command)`, or `/dev/stdin`. Blocks, for 10 seconds at most.
///
/// # Errors
/// Like [`read_text`], or the pipe's other end is silent for too long, or the path is another pipe.
pub fn read_secret(path: &Path) -> io::Result<String> {
    let is_inherited = path.starts_with("/dev/fd")
        || path.starts_with("/proc/self/fd")
        || path == Path::new("/dev/stdin");
    if !fs_err::metadata(path)?.file_type().is_fifo() {
        return read_text(path, LARGEST_SECRET);
    }
    if !is_inherited {
        let text = format!(
            "{} is a pipe: a regular file is required, or the pipe of <(command)",
            path.display()
        );
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
    let content = read_pipe(file, LARGEST_SECRET, now() + PATIENCE);
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{} {error}", path.display()));
    String::from_utf8(content.map_err(named)?).map_err(|_| invalid(path))
}

/// Everything that a pipe holds until its other end is closed.
fn read_pipe(mut pipe: File, most: u64, until: Instant) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return Ok(content),
            Ok(count) => content.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait(&pipe, until)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if content.len() as u64 > most {
            return Err(io::Error::new(
                ErrorKind::FileTooLarge,
                format!("is too large: more than {}", size(most)),
            ));
        }
        if now() >= until {
            return Err(silent());
        }
    }
}

/// Waits until the pipe has something to read, or its other end is closed.
fn wait(pipe: &File, until: Instant) -> io::Result<()> {
    let left =
        PollTimeout::try_from(until.saturating_duration_since(now())).unwrap_or(PollTimeout::ZERO);
    match poll(&mut [PollFd::new(pipe.file().as_fd(), PollFlags::POLLIN)], left) {
        Ok(0) => Err(silent()),
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the wait for a pipe blocks: the clock of tokio does not apply"
)]
fn now() -> Instant {
    Instant::now()
}

fn silent() -> io::Error {
    let text = format!(
        "is a pipe whose other end was not closed within {} s: does its command hang?",
        PATIENCE.as_secs()
    );
    io::Error::new(ErrorKind::TimedOut, text)
}

fn invalid(path: &Path) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("{} is not UTF-8 text", path.display()))
}

/// Checks that a file is a regular one, or `/dev/null`.
///
/// # Errors
/// It is another kind of file.
pub fn check_regular(path: &Path, found: &Metadata) -> io::Result<()> {
    let is_null = found.file_type().is_char_device() && found.rdev() == makedev(1, 3);
    if found.is_file() || is_null {
        return Ok(());
    }
    Err(not_regular(path, found))
}

pub(crate) fn not_regular(path: &Path, found: &Metadata) -> io::Error {
    let text =
        format!("{} is {}: a regular file is required", path.display(), kind(found.file_type()));
    io::Error::new(ErrorKind::InvalidInput, text)
}

fn kind(found: FileType) -> &'static str {
    if found.is_dir() {
        "a folder"
    } else if found.is_symlink() {
        "a link"
    } else if found.is_fifo() {
        "a pipe"
    } else if found.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// A limit in the largest unit that shows it exactly.
fn size(bytes: u64) -> String {
    match bytes {
        _ if bytes > 0 && bytes.is_multiple_of(1 << 20) => format!("{} MB", bytes >> 20),
        _ if bytes > 0 && bytes.is_multiple_of(1 << 10) => format!("{} KB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests;
