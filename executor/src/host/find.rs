//! Find the sandboxes of executors, and decide which of them to trust.
//!
//! Every user on this host can write a journal into their own folder about their own processes. So
//! a journal is trusted only if file, folder and executor belong to the same user. Only an agent
//! can make a sandbox below an agent's work directory, in a folder named after its executor. So
//! such a sandbox takes precedence over all others. If two users claim the same task, neither is
//! trusted.

use std::{
    collections::BTreeSet,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use fs_err as fs;
use nix::unistd::{Uid, User, geteuid};

use super::HostError;
use crate::{
    files::{self, Folder},
    journal::{Entry, FILE, LONGEST},
    process::{Identity, Owner},
    text,
};

/// The name of our binary, as the kernel shortens it.
const NAME: &str = "flink-mesos-exe";

/// How many bytes of journals outside the agents' work directories are read, in total.
const MOST_OUTSIDE: u64 = 16 * LONGEST;

/// An executor that has left a journal.
#[derive(Debug)]
pub struct Found {
    /// Its sandbox.
    pub sandbox: PathBuf,
    /// The content of its journal.
    pub entry: Entry,
    /// Whether it is running.
    pub lives: bool,
    /// User id of its sandbox, journal and process.
    pub owner: u32,
    /// Whether an agent made this sandbox for this task.
    pub is_agents: bool,
    written: SystemTime,
}

impl Found {
    fn in_sandbox(sandbox: PathBuf, left: &mut u64) -> Option<Self> {
        let folder = Folder::open(&sandbox).ok()?;
        let file = folder.file(Path::new(FILE)).ok()?;
        let about = file.metadata().ok()?;
        let executor = executor_of(&sandbox);
        if executor.is_none() {
            *left = left.checked_sub(about.len())?;
        }
        let entry = Entry::parse(&files::read(&file, LONGEST).ok()?).ok()?;
        let is_agents = executor.is_some() && executor == entry.task;
        let is_alive = entry.is_of_this_boot() && entry.executor.is_alive();
        let lives = is_alive && entry.executor.is_alive_as(folder.owner);
        let written = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        // A process of another user is not this sandbox's executor.
        (lives == is_alive).then_some(Self {
            sandbox,
            entry,
            lives,
            owner: folder.owner,
            is_agents,
            written,
        })
    }

    /// The task's id; empty before the first task.
    pub fn task(&self) -> &str {
        self.entry.task.as_deref().unwrap_or("")
    }

    /// The guard of its TaskManager, if it is running.
    pub fn guard(&self) -> Option<Identity> {
        self.running(self.entry.guard).map(|(guard, _)| guard)
    }

    /// The TaskManager and its owner, if it is running.
    pub fn task_manager(&self) -> Option<(Identity, Owner)> {
        self.running(self.entry.task_manager)
    }

    /// Name of the owner.
    pub fn user(&self) -> String {
        let known = User::from_uid(Uid::from_raw(self.owner)).ok().flatten();
        known.map_or_else(|| self.owner.to_string(), |user| user.name)
    }

    fn running(&self, process: Option<Identity>) -> Option<(Identity, Owner)> {
        let process = process.filter(|_| self.entry.is_of_this_boot())?;
        process.owner().filter(|owner| owner.uid == self.owner).map(|owner| (process, owner))
    }
}

/// Every executor on this host: running ones first, then the newest first.
pub(super) fn all(work_dir: &Path) -> Vec<Found> {
    let living = living_sandboxes();
    let mut work_dirs: BTreeSet<PathBuf> =
        living.iter().filter_map(|sandbox| work_dir_of(sandbox)).collect();
    work_dirs.extend(fs::canonicalize(work_dir));
    let sandboxes: BTreeSet<PathBuf> =
        work_dirs.iter().flat_map(|folder| sandboxes_below(folder)).chain(living).collect();
    let mut left = MOST_OUTSIDE;
    let mut found: Vec<Found> =
        sandboxes.into_iter().filter_map(|sandbox| Found::in_sandbox(sandbox, &mut left)).collect();
    found.sort_by_key(|found| (!found.lives, std::cmp::Reverse(found.written)));
    found
}

/// The executor whose task has this id; else the only one whose task id begins with the text, or
/// else contains it. If a task was run several times, the first of them in `found`.
pub(super) fn one(found: Vec<Found>, task: &str) -> Result<Found, HostError> {
    let begins = found.iter().any(|found| found.task().starts_with(task));
    let fits = |found: &Found| {
        if begins { found.task().starts_with(task) } else { found.task().contains(task) }
    };
    let mut candidates: Vec<Found> = found.into_iter().filter(fits).collect();
    let is_exact = |candidates: &[Found]| candidates.iter().any(|found| found.task() == task);
    // Sandboxes made by agents take precedence, unless the text only fits another one.
    if candidates.iter().any(|found| found.is_agents) {
        let (agents, others): (Vec<Found>, Vec<Found>) =
            candidates.into_iter().partition(|found| found.is_agents);
        if !is_exact(&agents) && is_exact(&others) {
            return Err(ambiguous(task, agents.iter().chain(&others)));
        }
        candidates = agents;
    }
    if is_exact(&candidates) {
        candidates.retain(|found| found.task() == task);
    }
    let ids: BTreeSet<&str> = candidates.iter().map(Found::task).collect();
    let owners: BTreeSet<u32> = candidates.iter().map(|found| found.owner).collect();
    match (ids.len(), owners.len()) {
        (0, _) => Err(HostError::NoTask(task.to_owned())),
        (1, 1) => candidates.into_iter().next().ok_or_else(|| HostError::NoTask(task.to_owned())),
        (1, _) => {
            let claims = candidates
                .iter()
                .map(|found| format!("{} ({})", found.sandbox.display(), found.user()));
            Err(HostError::Contested { task: task.to_owned(), claims: claims.collect() })
        }
        _ => Err(ambiguous(task, candidates.iter())),
    }
}

fn ambiguous<'a>(task: &str, candidates: impl Iterator<Item = &'a Found>) -> HostError {
    let ids: BTreeSet<&str> = candidates.map(Found::task).collect();
    HostError::Ambiguous(
        task.to_owned(),
        text::line(&ids.into_iter().collect::<Vec<_>>().join(", ")).into_owned(),
    )
}

/// The working directories of running executors: an agent starts each one in its sandbox.
fn living_sandboxes() -> Vec<PathBuf> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let ours = |folder: &PathBuf| {
        fs::read_to_string(folder.join("comm")).is_ok_and(|comm| comm.trim_end() == NAME)
    };
    let folders = processes.flatten().map(|entry| entry.path()).filter(ours);
    folders.filter_map(|folder| fs::read_link(folder.join("cwd")).ok()).collect()
}

/// The work directory of the agent that made this sandbox:
/// `<work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>`.
fn work_dir_of(sandbox: &Path) -> Option<PathBuf> {
    let slaves = sandbox.ancestors().nth(7)?;
    executor_of(sandbox)?;
    slaves.parent().map(Path::to_owned)
}

/// The id of the executor for which an agent made this sandbox. The path must be as above, and all
/// its folders except the last must belong to root or to the calling user, so that no other user
/// can have made them.
fn executor_of(sandbox: &Path) -> Option<String> {
    let above: Vec<&Path> = sandbox.ancestors().skip(1).take(7).collect();
    let name = |at: usize| above.get(at).and_then(|folder| folder.file_name()?.to_str());
    let named = [(0, "runs"), (2, "executors"), (4, "frameworks"), (6, "slaves")];
    let believed = [0, geteuid().as_raw()];
    let is_agents = |folder: &&Path| {
        fs::symlink_metadata(folder)
            .is_ok_and(|about| about.is_dir() && believed.contains(&about.uid()))
    };
    let agents = named.iter().all(|(at, expected)| name(*at) == Some(expected))
        && above.iter().all(is_agents);
    agents.then(|| name(1)).flatten().map(str::to_owned)
}

fn sandboxes_below(work_dir: &Path) -> Vec<PathBuf> {
    let mut folders = vec![work_dir.join("slaves")];
    for level in ["frameworks", "executors", "runs"] {
        folders = folders
            .iter()
            .flat_map(|folder| folders_in(folder))
            .map(|folder| folder.join(level))
            .collect();
    }
    folders.iter().flat_map(|folder| folders_in(folder)).collect()
}

/// The folders in it, without links such as the agents' `latest`.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let folders =
        entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}
