//! Paths that are refused: others could listen there or have put something there, or nothing can be
//! there.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::host::{Host, NOBODY, finish, is_root, program, skip};

/// What the daemon says with its socket or its cache below `folder`; it must not start.
async fn refusal(setting: &str, folder: &Path) -> String {
    let place = folder.join(setting);
    let complaint = refusal_at(setting, &place).await;
    assert!(
        complaint.contains(&format!("setting `{setting}`: {}", place.display())),
        "{complaint}"
    );
    assert!(!place.exists());
    complaint
}

/// The program with its socket or its cache at `place`.
fn program_at(host: &Host, setting: &str, place: &Path, arguments: &[&str]) -> Command {
    let own = |name: &str, path| if name == setting { place.to_owned() } else { path };
    let mut command = Command::new(program());
    command
        .env_clear()
        .args(arguments)
        .args(["--config", "/dev/null", "--socket"])
        .arg(own("socket", host.socket()));
    command.arg("--cache").arg(own("cache", host.cache())).kill_on_drop(true);
    command
}

/// What the daemon says with its socket or its cache at `place`; it must not start.
async fn refusal_at(setting: &str, place: &Path) -> String {
    let host = Host::new();
    let (code, _, complaint) = finish(program_at(&host, setting, place, &["daemon"])).await;
    assert_eq!(code, 64, "a restart would not fix it: {complaint}");
    assert!(complaint.contains(&format!("setting `{setting}`: ")), "{complaint}");
    let (code, _, checked) = finish(program_at(&host, setting, place, &["--check-config"])).await;
    assert!(code == 64 && checked == complaint, "the check says something else: {code} {checked}");
    complaint
}

/// A folder like `/tmp`, and the places of a socket and its lock in it.
fn shared_folder() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs_err::set_permissions(folder.path(), PermissionsExt::from_mode(0o1777)).unwrap();
    let [socket, lock] = ["s.sock", "s.sock.lock"].map(|name| folder.path().join(name));
    (folder, socket, lock)
}

#[tokio::test]
async fn a_pipe_or_a_link_in_the_place_of_the_sockets_lock_is_refused_at_once() {
    let (folder, socket, lock) = shared_folder();
    nix::unistd::mkfifo(&lock, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let complaint = refusal_at("socket", &socket).await;
    assert!(
        complaint.contains(&format!("{} is a pipe: a regular file is required", lock.display())),
        "{complaint}"
    );
    fs_err::remove_file(&lock).unwrap();
    fs_err::os::unix::fs::symlink(folder.path().join("target"), &lock).unwrap();
    let complaint = refusal_at("socket", &socket).await;
    assert!(
        complaint.contains(&format!("{} is a link: a regular file is required", lock.display())),
        "{complaint}"
    );
    assert!(!folder.path().join("target").exists() && !socket.exists());
}

#[tokio::test]
async fn a_lock_of_the_socket_that_another_user_has_put_there_is_refused_whether_it_is_held_or_not()
{
    if !is_root() {
        return skip("a lock of another user: needs root");
    }
    let (_folder, socket, lock) = shared_folder();
    let file = fs_err::File::create(&lock).unwrap();
    nix::unistd::chown(&lock, Some(NOBODY.into()), None).unwrap();
    let expected =
        format!("setting `socket`: {} belongs to the user {NOBODY}, and", lock.display());
    let complaint = refusal_at("socket", &socket).await;
    assert!(complaint.contains(&expected), "{complaint}");
    file.file().lock().unwrap();
    let complaint = refusal_at("socket", &socket).await;
    assert!(complaint.contains(&expected), "{complaint}");
    fs_err::remove_file(&lock).unwrap();
    nix::unistd::mkfifo(&lock, nix::sys::stat::Mode::S_IRWXU).unwrap();
    nix::unistd::chown(&lock, Some(NOBODY.into()), None).unwrap();
    let complaint = refusal_at("socket", &socket).await;
    assert!(complaint.contains(&expected), "{complaint}");
}

#[tokio::test]
async fn a_socket_or_cache_that_cannot_be_at_its_path_is_a_configuration_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs_err::write(&file, "precious").unwrap();
    let complaint = refusal_at("cache", &file).await;
    assert!(
        complaint.contains(&format!("{} is not a folder: name another path", file.display())),
        "{complaint}"
    );
    assert_eq!(fs_err::read_to_string(&file).unwrap(), "precious");
    for (setting, place) in [
        ("cache", PathBuf::from("/proc/cache")),
        ("socket", "/proc/fetcher/socket".into()),
        ("cache", file.join("below")),
        ("socket", file.join("below")),
    ] {
        let (code, _, complaint) =
            finish(program_at(&Host::new(), setting, &place, &["daemon"])).await;
        assert!(
            code == 64 && complaint.contains(&format!("setting `{setting}`: ")),
            "{code} {complaint}"
        );
    }
}

#[tokio::test]
async fn a_file_in_the_place_of_the_socket_is_kept_and_refused() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("socket");
    fs_err::write(&place, "precious").unwrap();
    let (code, _, complaint) =
        finish(program_at(&Host::new(), "socket", &place, &["daemon"])).await;
    let expected =
        format!("setting `socket`: {} is not a socket: name another path", place.display());
    assert!(code == 64 && complaint.contains(&expected), "{code} {complaint}");
    assert_eq!(fs_err::read_to_string(&place).unwrap(), "precious");
}

#[tokio::test]
async fn a_socket_or_cache_that_any_user_could_replace_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs_err::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    for setting in ["socket", "cache"] {
        let complaint = refusal(setting, folder.path()).await;
        assert!(complaint.contains("can be replaced by any user: all may write to"), "{complaint}");
    }
}

#[tokio::test]
async fn a_cache_that_all_may_write_to_is_a_configuration_error_also_for_commands() {
    let host = Host::new();
    fs_err::create_dir(host.cache()).unwrap();
    fs_err::set_permissions(host.cache(), PermissionsExt::from_mode(0o777)).unwrap();
    for command in ["daemon", "gc"] {
        let (code, _, complaint) = host.run(&[command]).await;
        let expected = format!(
            "setting `cache`: cache folder {} can be written to by others",
            host.cache().display()
        );
        assert!(code == 64 && complaint.contains(&expected), "{code} {complaint}");
    }
}

#[tokio::test]
async fn a_socket_or_cache_below_a_folder_of_another_user_is_refused() {
    if !is_root() {
        return skip("a folder of another user: needs root");
    }
    let folder = tempfile::tempdir().unwrap();
    nix::unistd::chown(folder.path(), Some(NOBODY.into()), None).unwrap();
    for setting in ["socket", "cache"] {
        let complaint = refusal(setting, &folder.path().join("below")).await;
        assert!(complaint.contains("can be replaced by the user 65534, who owns"), "{complaint}");
    }
}
