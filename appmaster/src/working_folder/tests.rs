#![allow(clippy::unwrap_used)]

use flink::command::CommandLine;
use nix::sys::stat::{Mode, umask};

use super::*;
use crate::process;

fn folders(tmp: &Path) -> Vec<PathBuf> {
    fs::read_dir(tmp).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// The folder of a killed process: its pid does not exist, or belongs to another process now.
fn leave(tmp: &Path, name: &str) -> PathBuf {
    let path = tmp.join(name);
    fs::create_dir_all(path.join("secrets")).unwrap();
    fs::write(path.join("secrets/one"), "s3cret").unwrap();
    fs::write(path.join(LOCK), "").unwrap();
    path
}

#[test]
fn a_folder_for_temporary_files_in_which_others_could_replace_it_is_refused() {
    let tmp = tempfile::tempdir().unwrap();
    fs::set_permissions(tmp.path(), Permissions::from_mode(0o777)).unwrap();
    let Err(error) = WorkingFolder::make(tmp.path()) else { panic!("it was made") };
    assert!(error.to_string().contains("can be replaced by any user"), "{error}");
    assert!(folders(tmp.path()).is_empty());
    fs::set_permissions(tmp.path(), Permissions::from_mode(0o1777)).unwrap();
    WorkingFolder::make(tmp.path()).unwrap();
}

#[test]
fn a_wrong_folder_for_temporary_files_is_an_error_of_usage_that_names_the_variable() {
    let tmp = tempfile::tempdir().unwrap();
    let [open, file, missing] = ["open", "file", "missing"].map(|name| tmp.path().join(name));
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    fs::write(&file, "").unwrap();
    let mut wrong = vec![open, file, missing, "/proc".into()];
    if geteuid().is_root() {
        let theirs = tmp.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        nix::unistd::chown(&theirs, Some(65534.into()), None).unwrap();
        wrong.push(theirs);
    }
    for folder in wrong {
        let refused = check(&folder).unwrap_err().to_string();
        assert!(refused.contains(folder.to_str().unwrap()), "{refused}");
        let failure = failure(WorkingFolder::make(&folder).unwrap_err());
        let text = failure.to_string();
        assert_eq!(failure.exit_code(), 64, "{text}");
        assert!(text.starts_with("TMPDIR: cannot create a work folder: "), "{text}");
        assert!(text.contains(folder.to_str().unwrap()), "{text}");
    }
    check(tmp.path()).unwrap();
    let full = failure(io::Error::from(io::ErrorKind::StorageFull));
    assert_eq!(full.exit_code(), 1, "it may pass");
}

#[test]
fn only_the_folders_of_killed_processes_are_removed_at_the_next_start() {
    let tmp = tempfile::tempdir().unwrap();
    let own = std::process::id();
    let gone = leave(tmp.path(), "flink-mesos-4194999-17-abc");
    let another = leave(tmp.path(), &format!("flink-mesos-{own}-17-abc"));
    let living = WorkingFolder::make(tmp.path()).unwrap();
    assert!(!gone.exists() && !another.exists());
    // Of a process that is not visible here: its lock is held.
    let unseen = leave(tmp.path(), "flink-mesos-4194999-18-abc");
    let lock = File::open(unseen.join(LOCK)).unwrap();
    lock.file().try_lock().unwrap();
    let stays = [
        unseen,
        leave(tmp.path(), "flink-mesos-abc"),
        leave(tmp.path(), "flink-mesos-1-x-abc"),
        leave(tmp.path(), "other-4194999-17-abc"),
    ];
    let kept = leave(tmp.path(), "flink-mesos-4194999-19-abc");
    fs::remove_file(kept.join(LOCK)).unwrap();
    fs_err::os::unix::fs::symlink("/", tmp.path().join("flink-mesos-4194999-20-abc")).unwrap();
    let second = WorkingFolder::make(tmp.path()).unwrap();
    assert!(stays.iter().chain([&kept]).all(|path| path.exists()) && living.path().exists());
    assert!(tmp.path().join("flink-mesos-4194999-20-abc").exists());
    drop((living, second));
    assert_eq!(folders(tmp.path()).len(), 6);
}

#[tokio::test]
async fn the_folder_of_a_killed_process_stays_while_its_job_manager_lives() {
    let tmp = tempfile::tempdir().unwrap();
    let pipe = tmp.path().join("pipe");
    nix::unistd::mkfifo(&pipe, Mode::S_IRWXU).unwrap();
    let folder = WorkingFolder::make(tmp.path()).unwrap();
    // It waits for a writer of the pipe.
    let line = CommandLine {
        program: "cat".into(),
        arguments: vec![pipe.display().to_string()],
        environment: Vec::new(),
        directory: tmp.path().to_owned(),
    };
    let (out, err) = (tmp.path().join("out"), tmp.path().join("err"));
    let mut child = process::start(&line, &out, &err, Some(folder.lock())).unwrap();
    // As after a kill: the lock is open in the child alone.
    let path = tmp.path().join("flink-mesos-4194999-17-abc");
    fs::rename(folder.keep(), &path).unwrap();
    let _next = WorkingFolder::make(tmp.path()).unwrap();
    assert!(path.exists());
    drop(OpenOptions::new().write(true).open(&pipe).unwrap());
    assert!(child.wait().await.unwrap().success());
    let _last = WorkingFolder::make(tmp.path()).unwrap();
    assert!(!path.exists());
}

#[test]
fn a_named_folder_is_private_and_one_that_others_may_have_prepared_is_refused() {
    let tmp = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    let fresh = tmp.path().join("some/where");
    assert_eq!(claim(&fresh).unwrap(), fs::canonicalize(&fresh).unwrap());
    assert_eq!(mode(&fresh), 0o700);
    // A second run, with the files of the first.
    fs::write(fresh.join("conf"), "").unwrap();
    claim(&fresh).unwrap();
    // A folder that is used for something else does not change its mode.
    fs::set_permissions(&fresh, Permissions::from_mode(0o755)).unwrap();
    let error = claim(&fresh).unwrap_err().to_string();
    assert!(
        error.contains("is not empty, and others may read it (mode 755, allowed is 700)"),
        "{error}"
    );
    assert_eq!(mode(&fresh), 0o755);
    fs::set_permissions(&fresh, Permissions::from_mode(0o777)).unwrap();
    let error = claim(&fresh).unwrap_err().to_string();
    assert!(error.contains("conf may have been put there by another user"), "{error}");
    assert!(claim(&fresh.join("conf")).is_err());
    // Put there after the first look, while it was still open to others.
    let error = close(&fresh, 0o777).unwrap_err().to_string();
    assert!(error.contains("conf may have been put there by another user"), "{error}");
    if geteuid().is_root() {
        let theirs = tmp.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        nix::unistd::chown(&theirs, Some(65534.into()), None).unwrap();
        let error = claim(&theirs).unwrap_err().to_string();
        assert!(error.contains("belongs to the user 65534"), "{error}");
        let own = tmp.path().join("own");
        fs::create_dir_all(own.join("jobmanager")).unwrap();
        nix::unistd::chown(&own.join("jobmanager"), Some(65534.into()), None).unwrap();
        assert!(claim(&own).is_err());
    }
}

#[test]
fn a_named_folder_that_another_user_could_replace_is_refused() {
    let tmp = tempfile::tempdir().unwrap();
    let open = tmp.path().join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    let error = claim(&open.join("new")).unwrap_err().to_string();
    assert!(error.contains("can be replaced by any user: all may write to"), "{error}");
    assert!(!open.join("new").exists());
}

#[test]
fn a_folder_that_is_kept_for_people_is_private_and_stays_until_the_next_start() {
    let tmp = tempfile::tempdir().unwrap();
    let before = umask(Mode::empty());
    let folder = WorkingFolder::make(tmp.path());
    umask(before);
    let kept = folder.unwrap().keep();
    assert_eq!(fs::metadata(&kept).unwrap().mode() & 0o7777, 0o700);
    let ended = tmp.path().join("flink-mesos-4194999-17-abc");
    fs::rename(&kept, &ended).unwrap();
    let _next = WorkingFolder::make(tmp.path()).unwrap();
    assert!(!ended.exists());
}
