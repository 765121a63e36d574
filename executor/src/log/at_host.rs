//! The host's log folder: one log per executor, stored for as long as there is room.
//!
//! ```text
//! /var/log/flink-mesos/<executor id>-<process id>.log   and .1, the rotated one
//! ```
//!
//! Executors of all users may write there (the folder's mode is 1777). So nothing in the folder is
//! trusted or waited for, and a name that is taken is left alone. Each executor that starts removes
//! the oldest logs of its own user until the rest is within the limits. It never removes logs of
//! running executors.

use std::{
    collections::BTreeMap,
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use nix::unistd::geteuid;

use crate::{
    files,
    rotation::{OutputLimits, RotatingFile},
};

/// Default folder of the logs.
pub(crate) const FOLDER: &str = "/var/log/flink-mesos";

/// Size limit of a file, in bytes. Each executor has one rotated file besides.
const SIZE: u64 = 1 << 20;

/// The smallest size that is accepted, in bytes: a rotation every few lines helps nobody.
const LEAST_SIZE: u64 = 64 << 10;

/// Limits for all executors of one user together.
const MOST: Bounds = Bounds { logs: 500, bytes: 128 << 20 };

/// Suffix of a log; in the name of a rotated file, a number follows.
const END: &str = ".log";

/// Longest name, in bytes; file systems allow 255.
const LONGEST_NAME: usize = 200;

struct Bounds {
    logs: usize,
    bytes: u64,
}

/// Limits for files of this size, or of the default size.
pub(super) fn limits(size: Option<u64>) -> OutputLimits {
    OutputLimits { size: size.unwrap_or(SIZE).max(LEAST_SIZE), older: 1 }
}

/// Begins the log of this executor in the host's folder; none if there is no such folder, or the
/// log is disabled.
pub(super) fn begin(
    folder: Option<String>,
    executor: &str,
    limits: OutputLimits,
) -> io::Result<Option<(PathBuf, RotatingFile)>> {
    let folder = folder.map_or_else(|| PathBuf::from(FOLDER), PathBuf::from);
    if folder.as_os_str().is_empty() || !folder.is_dir() {
        return Ok(None);
    }
    make_room(&folder, &MOST);
    let path = folder.join(name(executor, std::process::id()));
    fs::OpenOptions::new().create_new(true).write(true).mode(0o640).open(&path)?;
    let file = RotatingFile::open(&path, limits)?;
    Ok(Some((path, file)))
}

/// The newest log of the executors whose id begins with this text, even if the sandbox is gone. One
/// per user who wrote any, because nothing proves whose executor it was. Blocking.
pub(crate) fn latest(folder: &Path, executor: &str) -> Vec<PathBuf> {
    let begins = harmless(executor);
    let mut latest: BTreeMap<u32, (SystemTime, PathBuf)> = BTreeMap::new();
    for ((owner, of), log) in
        logs(folder, None).into_iter().filter(|((_, of), _)| of.starts_with(&begins))
    {
        let newer = latest.get(&owner).is_none_or(|(written, _)| *written < log.written);
        if newer {
            latest.insert(owner, (log.written, folder.join(of + END)));
        }
    }
    latest.into_values().map(|(_, path)| path).collect()
}

/// A safe file name, whatever characters the executor's id contains.
fn name(executor: &str, pid: u32) -> String {
    format!("{}-{pid}{END}", harmless(executor))
}

fn harmless(executor: &str) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    executor.trim_start_matches('.').chars().map(harmless).take(LONGEST_NAME).collect()
}

/// The files of one executor.
struct Log {
    files: Vec<PathBuf>,
    bytes: u64,
    written: SystemTime,
}

/// Removes the oldest logs. A file that cannot be removed stays and counts; other users' files do
/// neither.
fn make_room(folder: &Path, most: &Bounds) {
    let mut logs: Vec<Log> = logs(folder, Some(geteuid().as_raw())).into_values().collect();
    logs.sort_by_key(|log| log.written);
    let (mut count, mut bytes) =
        (logs.len(), logs.iter().map(|log| log.bytes).fold(0, u64::saturating_add));
    for log in logs {
        // The log that begins now comes on top.
        if count < most.logs && bytes <= most.bytes {
            return;
        }
        if log.files.iter().any(|file| is_in_use(file)) {
            continue;
        }
        if log.files.iter().all(|file| fs::remove_file(file).is_ok()) {
            (count, bytes) = (count - 1, bytes.saturating_sub(log.bytes));
        }
    }
}

/// The logs in this folder by owner and name; only those of this user, if given.
fn logs(folder: &Path, only: Option<u32>) -> BTreeMap<(u32, String), Log> {
    let mut logs = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder) else { return logs };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let about = entry.metadata().ok().filter(std::fs::Metadata::is_file);
        let (Some((of, _)), Some(about)) = (name.rsplit_once(END), about) else { continue };
        if only.is_some_and(|user| user != about.uid()) {
            continue;
        }
        let written = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let new = Log { files: Vec::new(), bytes: 0, written };
        let log = logs.entry((about.uid(), of.to_owned())).or_insert(new);
        log.files.push(entry.path());
        log.bytes = log.bytes.saturating_add(about.len());
        log.written = log.written.max(written);
    }
    logs
}

/// A running executor holds a lock on its log.
fn is_in_use(path: &Path) -> bool {
    files::open(path)
        .is_ok_and(|file| matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;

    fn names(folder: &TempDir) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Files of ten bytes, each a second younger than the one before.
    fn fill(folder: &TempDir, names: &[&str]) {
        for (at, name) in names.iter().enumerate() {
            let file = fs::File::create(folder.path().join(name)).unwrap().into_parts().0;
            file.set_len(10).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(at as u64)).unwrap();
        }
    }

    #[test]
    fn the_oldest_logs_are_removed_with_all_their_files_until_one_more_fits() {
        let folder = TempDir::new().unwrap();
        fill(&folder, &["a-1.log.1", "b-2.log", "a-1.log", "c-3.log", "other"]);
        make_room(folder.path(), &Bounds { logs: 3, bytes: 1000 });
        assert_eq!(names(&folder), ["a-1.log", "a-1.log.1", "c-3.log", "other"]);
        make_room(folder.path(), &Bounds { logs: 100, bytes: 10 });
        assert_eq!(names(&folder), ["c-3.log", "other"]);
    }

    #[test]
    fn the_log_of_a_running_executor_stays_even_after_a_rotation() {
        let folder = TempDir::new().unwrap();
        let place = folder.path().display().to_string();
        let (path, mut file) = begin(Some(place), "task manager/1", limits(None)).unwrap().unwrap();
        let expected = format!("task_manager_1-{}.log", std::process::id());
        assert_eq!(path.file_name().unwrap().to_str().unwrap(), expected);
        for _ in 0..3 {
            file.append(format!("{}\n", "x".repeat(1 << 20)).as_bytes());
        }
        make_room(folder.path(), &Bounds { logs: 0, bytes: 0 });
        assert_eq!(names(&folder), [expected.clone(), format!("{expected}.1")]);
        drop(file);
        make_room(folder.path(), &Bounds { logs: 0, bytes: 0 });
        assert!(names(&folder).is_empty());
    }

    #[test]
    fn without_a_folder_there_is_no_log_and_a_taken_name_is_left_alone() {
        let folder = TempDir::new().unwrap();
        let place = folder.path().display().to_string();
        assert!(begin(Some(format!("{place}/none")), "w", limits(None)).unwrap().is_none());
        assert!(begin(Some(String::new()), "w", limits(None)).unwrap().is_none());
        let target = folder.path().join("victim");
        fs::write(&target, "").unwrap();
        fs::os::unix::fs::symlink(&target, folder.path().join(name("w", std::process::id())))
            .unwrap();
        assert_eq!(
            begin(Some(place), "w", limits(None)).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(name("../../x", 7), "_.._x-7.log");
    }

    #[test]
    fn a_pipe_or_a_link_in_place_of_a_log_blocks_nothing() {
        let folder = TempDir::new().unwrap();
        nix::unistd::mkfifo(&folder.path().join("pipe-1.log"), nix::sys::stat::Mode::S_IRWXU)
            .unwrap();
        fs::os::unix::fs::symlink("pipe-1.log", folder.path().join("link-1.log")).unwrap();
        for name in ["pipe-1.log", "link-1.log"] {
            assert!(
                !is_in_use(&folder.path().join(name)),
                "as if it had come in the place of a log"
            );
            assert!(RotatingFile::open(&folder.path().join(name), limits(None)).is_err());
        }
        make_room(folder.path(), &Bounds { logs: 0, bytes: 0 });
        let place = folder.path().display().to_string();
        assert!(begin(Some(place), "w", limits(None)).unwrap().is_some());
    }

    #[test]
    fn logs_of_other_users_are_neither_counted_nor_removed() {
        if !geteuid().is_root() {
            return;
        }
        let folder = TempDir::new().unwrap();
        fill(&folder, &["a-1.log", "b-2.log", "theirs-1.log", "theirs-2.log"]);
        for name in ["theirs-1.log", "theirs-2.log"] {
            let file = fs::OpenOptions::new().write(true).open(folder.path().join(name)).unwrap();
            file.set_len(200 << 20).unwrap();
            std::os::unix::fs::chown(file.path(), Some(65534), None).unwrap();
        }
        make_room(folder.path(), &Bounds { logs: 3, bytes: 100 });
        assert_eq!(names(&folder), ["a-1.log", "b-2.log", "theirs-1.log", "theirs-2.log"]);
        make_room(folder.path(), &Bounds { logs: 0, bytes: 0 });
        assert_eq!(names(&folder), ["theirs-1.log", "theirs-2.log"]);
    }

    #[test]
    fn if_two_users_have_logs_of_a_task_both_are_returned() {
        if !geteuid().is_root() {
            return;
        }
        let folder = TempDir::new().unwrap();
        fill(&folder, &["w-1.log", "w-2.log", "w-3.log"]);
        assert_eq!(latest(folder.path(), "w"), [folder.path().join("w-3.log")]);
        std::os::unix::fs::chown(folder.path().join("w-3.log"), Some(65534), None).unwrap();
        assert_eq!(
            latest(folder.path(), "w"),
            ["w-2.log", "w-3.log"].map(|name| folder.path().join(name))
        );
    }
}
