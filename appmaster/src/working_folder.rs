//! The program's working folder: configuration of the JobManager, secrets, temporary files. Nobody
//! else can read it, whatever the umask. It is removed with the process; the next start removes the
//! folder of a process that was killed, or that kept it for people. A JobManager outlives a killed
//! process for a moment: it holds the lock too, so that its folder stays.
//!
//! ```text
//! <tmp>/flink-mesos-<pid>-<start of the process>-XXXXXX/
//!     lock    locked while the process or its JobManager runs; a folder without it is kept
//! ```

use std::{
    fs::{DirBuilder, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::anyhow;
use common::{
    failures::needs_a_person,
    trusted_path::{check_owner, check_way, refuse},
};
use fs_err::{self as fs, File, OpenOptions, os::unix::fs::OpenOptionsExt as _};
use nix::{
    libc::{O_NOFOLLOW, O_NONBLOCK},
    unistd::geteuid,
};
use tempfile::TempDir;
use tracing::{info, warn};

use crate::{failure::Failure, process::identity::started};

const PREFIX: &str = "flink-mesos-";
const LOCK: &str = "lock";

/// A folder that is removed when dropped, or by the next process.
#[derive(Debug)]
pub(crate) struct WorkingFolder {
    folder: TempDir,
    lock: Arc<File>,
}

impl WorkingFolder {
    /// Creates one below `tmp`, and removes the folders of ended processes there. Blocks.
    ///
    /// # Errors
    /// It cannot be created, or another user could replace it there.
    pub(crate) fn make(tmp: &Path) -> io::Result<Self> {
        check_way(&tmp.join(PREFIX))?;
        remove_leftovers(tmp);
        let pid = std::process::id();
        let prefix = format!("{PREFIX}{pid}-{}-", started(pid).unwrap_or_default());
        let folder = tempfile::Builder::new()
            .prefix(&prefix)
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(tmp)?;
        // It is renamed only once locked, because a folder without a lock holder counts as left
        // over.
        let (fresh, path) = (folder.path().join("lock.new"), folder.path().join(LOCK));
        let lock = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
        lock.file().try_lock()?;
        fs::rename(fresh, path)?;
        Ok(Self { folder, lock: Arc::new(lock) })
    }

    /// Its path.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Its lock, for a child process that uses the folder: the folder stays while one of both
    /// lives.
    pub(crate) fn lock(&self) -> Arc<File> {
        self.lock.clone()
    }

    /// Keeps it for people until the next start.
    pub(crate) fn keep(self) -> PathBuf {
        self.folder.keep()
    }
}

/// Why none could be made in the folder for temporary files.
pub(crate) fn failure(error: io::Error) -> Failure {
    let is_users = needs_a_person(&error);
    let failure = anyhow!(error).context("TMPDIR: cannot create a work folder");
    if is_users { Failure::usage(failure) } else { Failure::other(failure) }
}

/// Checks that [`WorkingFolder::make`] could create one below `tmp`. Blocks.
///
/// # Errors
/// No files can be created there, or another user could replace them.
pub(crate) fn check(tmp: &Path) -> io::Result<()> {
    check_way(&tmp.join(PREFIX))?;
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", tmp.display()));
    tempfile::tempfile_in(tmp).map(drop).map_err(named)
}

/// Creates a user's own working folder and returns its real path. If it exists, it and its content
/// must belong to the user, and from now on nobody else can read it. Blocks.
///
/// # Errors
/// The folder belongs to another user, or another user may have prepared or could replace it: that
/// user could read what is written there.
pub(crate) fn claim(path: &Path) -> io::Result<PathBuf> {
    let own = geteuid().as_raw();
    check_way(path)?;
    if !fs::exists(path)? {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    }
    let path = fs::canonicalize(path)?;
    let found = fs::metadata(&path)?;
    if !found.is_dir() {
        return refuse(&path, "is not a folder");
    }
    check_owner(&path, &found)?;
    let others_could_write = found.mode() & 0o022 != 0;
    for entry in fs::read_dir(&path)? {
        let entry = entry?.path();
        if others_could_write || fs::symlink_metadata(&entry)?.uid() != own {
            return refuse(&entry, "may have been put there by another user");
        }
        if found.mode() & 0o077 != 0 {
            let mode = found.mode() & 0o777;
            return refuse(
                &path,
                &format!("is not empty, and others may read it (mode {mode:o}, allowed is 700)"),
            );
        }
    }
    fs::set_permissions(&path, Permissions::from_mode(0o700))?;
    Ok(path)
}

/// Removes the working folders of this user's ended processes.
fn remove_leftovers(tmp: &Path) {
    let Ok(entries) = fs::read_dir(tmp) else { return };
    for entry in entries.map_while(Result::ok) {
        let path = entry.path();
        if is_leftover(&path) {
            match fs::remove_dir_all(&path) {
                Ok(()) => info!("Removed {}, left by an ended process", path.display()),
                Err(e) => warn!("Cannot remove a folder left by an ended process: {e}"),
            }
        }
    }
}

/// Whether the folder belongs to an ended process of ours: by the process's id and start, and by
/// the lock, which also covers processes that are not visible here (another PID namespace).
fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut parts =
        name.strip_prefix(PREFIX).unwrap_or_default().splitn(3, '-').map(str::parse::<u64>);
    let (Some(Ok(pid)), Some(Ok(start))) = (parts.next(), parts.next()) else { return false };
    let lives = u32::try_from(pid).ok().and_then(started).is_some_and(|found| found == start);
    let own = fs::symlink_metadata(path)
        .is_ok_and(|found| found.is_dir() && found.uid() == geteuid().as_raw());
    if lives || !own {
        return false;
    }
    let mut options = OpenOptions::new();
    let lock = options.write(true).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path.join(LOCK));
    lock.is_ok_and(|lock| {
        !matches!(lock.file().try_lock(), Err(TryLockError::WouldBlock | TryLockError::Error(_)))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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
}
