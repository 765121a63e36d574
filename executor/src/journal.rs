//! What the executor is at, kept in the sandbox for whoever comes after it: the next executor in the same sandbox, or a
//! person at the host.
//!
//! An executor that finds the journal of a dead one ends what that one left running. A process is known by its pid
//! *and* its start time, and both only count within one boot of the machine: pids are used again.

use std::{
    io,
    path::{Path, PathBuf},
};

use fs_err as fs;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tracing::warn;

use crate::process::Identity;

/// The journal's name in the sandbox.
const FILE: &str = "executor.json";

/// What a journal says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The boot of the machine within which process ids count.
    pub boot: String,
    /// The executor.
    pub executor: Identity,
    /// Its task.
    #[serde(default)]
    pub task: Option<String>,
    /// The guard of the TaskManager.
    #[serde(default)]
    pub guard: Option<Identity>,
    /// The TaskManager.
    #[serde(default)]
    pub task_manager: Option<Identity>,
}

/// Why there can be no executor in this sandbox.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Two executors would fight over the task.
    #[error("process {pid} is an executor in this sandbox already (says {})", path.display())]
    InUse {
        /// The other executor.
        pid: i32,
        /// Where that is written.
        path: PathBuf,
    },
    /// A file could not be read, written or removed; the error names it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The journal of this executor.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    entry: Entry,
}

impl Journal {
    /// Ends what an earlier executor left running in this sandbox, removes `leftover`, which it may have left
    /// half-done, and begins a new journal.
    pub async fn begin(sandbox: &Path, leftover: &Path) -> Result<Self, JournalError> {
        let path = sandbox.join(FILE);
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
        if let Some(earlier) = read(&path) {
            clean_up(&earlier, &boot, &path).await?;
            if leftover.exists() {
                warn!("{} is left from an earlier executor: removed", leftover.display());
                fs::tokio::remove_dir_all(leftover).await?;
            }
        }
        let executor = Identity::of(std::process::id().cast_signed()).ok_or_else(|| io::Error::other("no /proc"))?;
        let journal = Self { path, entry: Entry { boot, executor, task: None, guard: None, task_manager: None } };
        journal.save().await;
        Ok(journal)
    }

    /// The TaskManager is there.
    pub async fn started(&mut self, task: &str, guard: Option<u32>, task_manager: u32) {
        let identity = |pid: u32| Identity::of(pid.cast_signed());
        self.entry.task = Some(task.to_owned());
        self.entry.guard = guard.and_then(identity);
        self.entry.task_manager = identity(task_manager);
        self.save().await;
    }

    /// The TaskManager and all that came of it are gone.
    pub async fn ended(&mut self) {
        (self.entry.guard, self.entry.task_manager) = (None, None);
        self.save().await;
    }

    /// Whole or not at all. A journal that cannot be written is no reason to give up a worker.
    async fn save(&self) {
        if let Err(error) = self.write().await {
            warn!("no journal: {error}");
        }
    }

    async fn write(&self) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(&self.entry)?;
        let new = self.path.with_extension("json.new");
        fs::tokio::write(&new, text).await?;
        fs::tokio::rename(&new, &self.path).await
    }
}

/// What the journal at this path says; none when there is none that can be understood.
fn read(path: &Path) -> Option<Entry> {
    let bytes = fs::read(path).ok()?;
    let entry = serde_json::from_slice(&bytes);
    entry.inspect_err(|error| warn!("{} is no journal: {error}", path.display())).ok()
}

async fn clean_up(earlier: &Entry, boot: &str, path: &Path) -> Result<(), JournalError> {
    if earlier.boot != boot {
        return Ok(());
    }
    if earlier.executor.is_alive() && earlier.executor.pid != std::process::id().cast_signed() {
        return Err(JournalError::InUse { pid: earlier.executor.pid, path: path.to_owned() });
    }
    for process in [earlier.guard, earlier.task_manager].into_iter().flatten().filter(Identity::is_alive) {
        warn!("process {} is left from an earlier executor: killed", process.pid);
        process.end_tree().await;
    }
    Ok(())
}
