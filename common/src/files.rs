//! Files that a user names: in an option, in a variable or on the command line.
//!
//! The name may lead anywhere: to a pipe that nobody writes to, to a device that never ends, or to
//! a file of many gigabytes. So only regular files are opened, and no more is read than the caller
//! allows. A secret may also come from a pipe that this process inherited, as in `--token-file
//! <(command)`. Links are followed: Kubernetes mounts its files as links. `/dev/null` is the usual
//! name for an empty file, and stays one.

use std::{
    fs::{FileType, Metadata, Permissions},
    io::{self, ErrorKind, Read as _},
    os::{
        fd::AsFd as _,
        unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::Path,
    time::{Duration, Instant},
};

use fs_err::{File, OpenOptions, os::unix::fs::OpenOptionsExt as _};
use nix::{
    errno::Errno,
    libc::{O_NOFOLLOW, O_NONBLOCK},
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::stat::makedev,
};

use crate::trusted_path::check_owner;

/// The largest accepted file with a token or a password, in bytes.
pub const LARGEST_SECRET: u64 = 64 << 10;

/// The largest accepted file with certificates or keys, in bytes. All authorities that browsers
/// trust take a quarter of a megabyte.
pub const LARGEST_CERTIFICATES: u64 = 4 << 20;

/// The right to write of a group and of all.
const OTHERS_WRITE: u32 = 0o022;

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

/// Opens a regular file of this user's own to write at its end, and creates it if it does not
/// exist. Nobody else may write to it from now on. Never follows a link in its place, nor waits for
/// a pipe. Blocks.
///
/// # Errors
/// Like [`open`], or the file is a link or belongs to another user.
pub fn append(path: &Path) -> io::Result<File> {
    check_place(path)?;
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .custom_flags(O_NOFOLLOW | O_NONBLOCK)
        .open(path)?;
    check_own(path, &file.metadata()?)?;
    close_to_others(&file)?;
    Ok(file)
}

/// Checks that a file of this user's own, or nothing, is at a path, and takes the right to write to
/// it from others. Blocks.
///
/// # Errors
/// Like [`check_place`], or its mode cannot be changed.
pub fn claim(path: &Path) -> io::Result<()> {
    check_place(path)?;
    let mut options = OpenOptions::new();
    match options.append(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path) {
        Ok(file) => check_own(path, &file.metadata()?).and_then(|()| close_to_others(&file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Takes the right to write from others, which an earlier run may have left to them.
fn close_to_others(file: &File) -> io::Result<()> {
    let mode = file.metadata()?.mode() & 0o7777;
    let own = mode & !OTHERS_WRITE;
    if own == mode { Ok(()) } else { file.set_permissions(Permissions::from_mode(own)) }
}

/// Checks that a file of this user's own, or nothing, is at a path. Blocks.
///
/// # Errors
/// It belongs to another user, or it is a link or another kind of file.
pub fn check_place(path: &Path) -> io::Result<()> {
    match fs_err::symlink_metadata(path) {
        Ok(found) => check_own(path, &found),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Checks that a file is a regular one of this user's own.
///
/// # Errors
/// It belongs to another user, or it is a link or another kind of file.
pub fn check_own(path: &Path, found: &Metadata) -> io::Result<()> {
    check_owner(path, found)?;
    if found.is_file() { Ok(()) } else { Err(not_regular(path, found)) }
}

/// The content of a regular file of at most `most` bytes. Blocks.
///
/// # Errors
/// Like [`open`], or the file is larger. The error names the path.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
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
    if content.len() as u64 > most { Err(too_large()) } else { Ok(content) }
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

fn not_regular(path: &Path, found: &Metadata) -> io::Error {
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
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{io::Write as _, os::fd::AsRawFd as _};

    use fs_err as fs;

    use super::*;

    #[test]
    fn a_pipe_a_device_a_socket_and_a_folder_are_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, socket) = (folder.path().join("pipe"), folder.path().join("socket"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, what) in [
            (pipe.as_path(), "a pipe"),
            (&socket, "a socket"),
            (Path::new("/dev/zero"), "a device"),
            (folder.path(), "a folder"),
        ] {
            let expected = format!("{} is {what}: a regular file is required", path.display());
            assert_eq!(read(path, 10).unwrap_err().to_string(), expected);
            assert_eq!(open(path).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn what_this_program_writes_to_is_a_regular_file_of_its_own_user_and_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let [file, pipe, link, below] =
            ["file", "pipe", "link", "below"].map(|name| folder.path().join(name));
        append(&file).unwrap().write_all(b"one ").unwrap();
        append(&file).unwrap().write_all(b"two").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "one two");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs_err::os::unix::fs::symlink(&file, &link).unwrap();
        fs::create_dir(&below).unwrap();
        for (path, what) in [(&pipe, "a pipe"), (&link, "a link"), (&below, "a folder")] {
            let expected = format!("{} is {what}: a regular file is required", path.display());
            assert_eq!(append(path).unwrap_err().to_string(), expected);
            assert_eq!(check_place(path).unwrap_err().to_string(), expected);
        }
        check_place(&folder.path().join("none")).unwrap();
        if !nix::unistd::geteuid().is_root() {
            return io::stderr()
                .write_all(b"\nSKIPPED: a file of another user: needs root\n")
                .unwrap();
        }
        for path in [&file, &pipe] {
            nix::unistd::chown(path, Some(65534.into()), None).unwrap();
            let error = append(path).unwrap_err().to_string();
            assert!(
                error.contains("belongs to the user 65534, and this program runs as the user 0"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_file_may_have_as_many_bytes_as_allowed_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        // Sparse: it takes no room.
        let file = fs::File::create(&path).unwrap();
        for (most, name) in [(4 << 20, "4 MB"), (64 << 10, "64 KB"), (10, "10 bytes")] {
            file.set_len(most).unwrap();
            assert_eq!(read(&path, most).unwrap().len() as u64, most);
            file.set_len(most + 1).unwrap();
            let expected = format!("{} is too large: more than {name}", path.display());
            assert_eq!(read(&path, most).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_file_that_does_not_know_its_size_is_bounded_too() {
        let path = Path::new("/proc/self/status");
        assert_eq!(fs::metadata(path).unwrap().len(), 0);
        assert!(!read(path, 1 << 20).unwrap().is_empty());
        assert!(
            read(path, 10).unwrap_err().to_string().ends_with("is too large: more than 10 bytes")
        );
    }

    #[test]
    fn a_secret_may_come_from_an_inherited_pipe_which_has_the_same_limit() {
        let (read_end, write_end) = nix::unistd::pipe().unwrap();
        let path = format!("/dev/fd/{}", read_end.as_raw_fd());
        let path = Path::new(&path);
        let mut write_end = std::fs::File::from(write_end);
        let reading = std::thread::spawn({
            let path = path.to_owned();
            move || read_secret(&path)
        });
        write_end.write_all(b"hush").unwrap();
        drop(write_end);
        assert_eq!(reading.join().unwrap().unwrap(), "hush");

        let (read_end, write_end) = nix::unistd::pipe().unwrap();
        let path = format!("/dev/fd/{}", read_end.as_raw_fd());
        let endless = std::thread::spawn(move || {
            _ = std::fs::File::from(write_end).write_all(&vec![b'x'; 1 << 20]);
        });
        let error = read_secret(Path::new(&path)).unwrap_err().to_string();
        assert_eq!(error, format!("{path} is too large: more than 64 KB"));
        drop(read_end);
        endless.join().unwrap();
    }

    #[test]
    fn a_pipe_whose_other_end_stays_silent_is_not_waited_for_forever() {
        let (read_end, _write_end) = nix::unistd::pipe2(nix::fcntl::OFlag::O_NONBLOCK).unwrap();
        let pipe = File::from_parts(std::fs::File::from(read_end), "pipe");
        let error = read_pipe(pipe, 10, now() + Duration::from_millis(10)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(error.to_string().ends_with("does its command hang?"), "{error}");
    }

    #[test]
    fn a_pipe_with_a_name_is_no_secret_and_a_regular_file_is() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, file) = (folder.path().join("pipe"), folder.path().join("file"));
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let expected = format!(
            "{} is a pipe: a regular file is required, or the pipe of <(command)",
            pipe.display()
        );
        assert_eq!(read_secret(&pipe).unwrap_err().to_string(), expected);
        fs::write(&file, "hush").unwrap();
        assert_eq!(read_secret(&file).unwrap(), "hush");
        assert!(
            read_secret(Path::new("/dev/zero"))
                .unwrap_err()
                .to_string()
                .contains("a regular file is required")
        );
    }

    #[test]
    fn links_are_followed_as_kubernetes_mounts_them() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("..data"), folder.path().join("token"));
        fs::create_dir(&real).unwrap();
        fs::write(real.join("token"), "hush").unwrap();
        fs_err::os::unix::fs::symlink("..data/token", &link).unwrap();
        assert_eq!(read_text(&link, LARGEST_SECRET).unwrap(), "hush");
    }

    #[test]
    fn the_null_device_is_an_empty_file() {
        assert_eq!(read(Path::new("/dev/null"), 10).unwrap(), b"");
    }

    #[test]
    fn errors_name_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(read(&path, 10).unwrap_err().to_string().contains(&path.display().to_string()));
        fs::write(&path, b"\xff").unwrap();
        let expected = format!("{} is not UTF-8 text", path.display());
        assert_eq!(read_text(&path, 10).unwrap_err().to_string(), expected);
    }
}
