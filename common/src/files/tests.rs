#![allow(clippy::unwrap_used)]

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
    assert!(read(path, 10).unwrap_err().to_string().ends_with("is too large: more than 10 bytes"));
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
