//! Finds sandboxes of executors.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::SystemTime,
};

use fs_err as fs;

use super::HostError;
use crate::journal::{Entry, FILE};

/// How the kernel shortens the name of our binary.
const NAME: &str = "flink-mesos-exe";

/// An executor that has left a journal.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its sandbox.
    pub sandbox: PathBuf,
    /// What its journal says.
    pub entry: Entry,
    /// It runs.
    pub lives: bool,
    written: SystemTime,
}

impl Found {
    fn in_sandbox(sandbox: PathBuf) -> Option<Self> {
        let path = sandbox.join(FILE);
        let entry: Entry = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
        let written = fs::metadata(&path).and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let lives = entry.is_of_this_boot() && entry.executor.is_alive();
        Some(Self { sandbox, entry, lives, written })
    }

    /// The task's id, once there was one.
    pub fn task(&self) -> &str {
        self.entry.task.as_deref().unwrap_or("")
    }

    /// Process id of the TaskManager, if it runs.
    pub fn task_manager(&self) -> Option<i32> {
        let process = self.entry.task_manager.filter(|_| self.entry.is_of_this_boot())?;
        process.is_alive().then_some(process.pid)
    }
}

/// Every executor on this host: the living ones first, then the newest first.
pub(super) fn all(work_dir: &Path) -> Vec<Found> {
    let living = living_sandboxes();
    let mut work_dirs: BTreeSet<PathBuf> = living.iter().filter_map(|sandbox| work_dir_of(sandbox)).collect();
    work_dirs.extend(fs::canonicalize(work_dir));
    let sandboxes: BTreeSet<PathBuf> =
        work_dirs.iter().flat_map(|folder| sandboxes_below(folder)).chain(living).collect();
    let mut found: Vec<Found> = sandboxes.into_iter().filter_map(Found::in_sandbox).collect();
    found.sort_by_key(|found| (!found.lives, std::cmp::Reverse(found.written)));
    found
}

/// The one whose task has this id, or the only one whose task begins so; of several runs of one task the first.
pub(super) fn one(found: Vec<Found>, task: &str) -> Result<Found, HostError> {
    let candidates: Vec<Found> = found.into_iter().filter(|found| found.task().starts_with(task)).collect();
    let ids: BTreeSet<&str> = candidates.iter().map(Found::task).collect();
    let id = match ids.len() {
        0 => return Err(HostError::NoTask(task.to_owned())),
        1 => None,
        _ if ids.contains(task) => Some(task),
        _ => {
            let ids = ids.into_iter().collect::<Vec<_>>().join(", ");
            return Err(HostError::Ambiguous(task.to_owned(), ids));
        }
    };
    let wanted = candidates.iter().find(|found| id.is_none_or(|id| found.task() == id));
    wanted.cloned().ok_or_else(|| HostError::NoTask(task.to_owned()))
}

/// An agent starts an executor in its sandbox.
fn living_sandboxes() -> Vec<PathBuf> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let ours = |folder: &PathBuf| fs::read_to_string(folder.join("comm")).is_ok_and(|comm| comm.trim_end() == NAME);
    let folders = processes.flatten().map(|entry| entry.path()).filter(ours);
    folders.filter_map(|folder| fs::read_link(folder.join("cwd")).ok()).collect()
}

/// `<work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>`
fn work_dir_of(sandbox: &Path) -> Option<PathBuf> {
    let slaves = sandbox.ancestors().nth(7)?;
    (slaves.file_name()? == "slaves").then(|| slaves.parent().map(Path::to_owned))?
}

fn sandboxes_below(work_dir: &Path) -> Vec<PathBuf> {
    let mut folders = vec![work_dir.join("slaves")];
    for level in ["frameworks", "executors", "runs"] {
        folders = folders.iter().flat_map(|folder| folders_in(folder)).map(|folder| folder.join(level)).collect();
    }
    folders.iter().flat_map(|folder| folders_in(folder)).collect()
}

/// Without the links, which agents name `latest`.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}
