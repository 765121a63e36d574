//! The executor's state, persisted in the sandbox for the next executor there and for people on the
//! host.
//!
//! The journal is written in the background, so that no task waits for a disk. While a worker
//! starts, entries are gathered for a moment before they are written, to leave disk and CPU to the
//! start.
//!
//! An executor that finds the journal of a dead one ends the processes that one left. A process is
//! identified by its pid *and* its start time, within one boot of the machine, because pids are
//! reused.

use std::{
    collections::BTreeMap,
    fs::Permissions,
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use mesos::v1::TaskStatus;
use nix::{
    fcntl::{AT_FDCWD, RenameFlags, renameat2},
    unistd::geteuid,
};
use overlays::{
    report::Start,
    worker::{Entry as Described, WorkerSpec},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::{
    sync::{Notify, watch},
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};
use tracing::warn;

use crate::{
    artifacts::Delivery, core::Worker, diagnosis::Mask, files, process::Identity, rotation::MODE,
};

/// The journal's name in the sandbox.
pub(crate) const FILE: &str = "executor.json";

/// Limit for a journal, in bytes; a longer one is ignored. Journals of real workers have a
/// twentieth of that.
pub(crate) const LONGEST: u64 = 1 << 20;

/// How long to gather entries that are not urgent. The steps of a start follow each other within a
/// few milliseconds.
const GATHER_FOR: Duration = Duration::from_millis(20);

/// The content of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The boot of the machine within which the process ids are valid.
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
    /// How the TaskManager was started; before the start, how it will be.
    #[serde(default)]
    pub about: Option<About>,
    /// Status updates, whether or not the agent has received them yet, oldest first.
    #[serde(default, rename = "told")]
    pub updates: Vec<Update>,
    /// Milliseconds from the executor's start to each step that was reached.
    #[serde(default)]
    pub timeline: BTreeMap<String, u64>,
}

/// How a TaskManager was or will be started, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version of Flink.
    pub flink: String,
    /// The artifacts' manifest and the servers to fetch it from.
    #[serde(default)]
    pub source: String,
    /// How the artifacts got into the sandbox.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// The program and its arguments; empty until it is started.
    pub command: Vec<String>,
    /// Flink's configuration.
    pub configuration: BTreeMap<String, String>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
}

/// A status update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// When, in seconds since 1970.
    pub at: f64,
    /// The state, such as `TASK_RUNNING`.
    pub state: String,
    /// The status message.
    pub message: String,
}

impl About {
    /// A worker as its task describes it, before anything on this host is looked at.
    pub fn described(spec: &WorkerSpec) -> Self {
        let mask = Mask::described(spec);
        let shown = |entries: &[Described]| {
            entries
                .iter()
                .map(|entry| (entry.key.clone(), mask.value(&entry.key, &entry.value)))
                .collect()
        };
        Self {
            configuration: shown(&spec.configuration),
            environment: shown(&spec.environment),
            ..Self::of(spec, &mask)
        }
    }

    /// Only the version of Flink and the source of the artifacts.
    pub fn of(spec: &WorkerSpec, mask: &Mask) -> Self {
        let artifacts = spec.artifacts.clone().unwrap_or_default();
        Self {
            flink: spec.flink_version.clone(),
            source: mask.apply(&format!(
                "manifest {} from {}",
                artifacts.shared_manifest(),
                artifacts.urls.join(", ")
            )),
            delivery: None,
            command: Vec::new(),
            configuration: BTreeMap::new(),
            environment: BTreeMap::new(),
        }
    }
}

impl Entry {
    /// The entry of an executor that has just started.
    fn new(boot: String, executor: Identity) -> Self {
        let (updates, timeline) = (Vec::new(), BTreeMap::new());
        Self {
            boot,
            executor,
            task: None,
            guard: None,
            task_manager: None,
            about: None,
            updates,
            timeline,
        }
    }

    /// Parses a journal of at most [`LONGEST`] bytes.
    pub(crate) fn parse(journal: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(journal)
    }

    /// The journal as JSON. Strings and numbers alone can always be written.
    fn text(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Whether the machine has not been restarted since, so that the process ids are still valid.
    pub fn is_of_this_boot(&self) -> bool {
        self.boot == this_boot()
    }
}

/// Why no executor can start in this sandbox.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Another executor is running here; two would fight over the task.
    #[error("process {pid} is already an executor in this sandbox (says {})", path.display())]
    InUse {
        /// The other executor.
        pid: i32,
        /// The journal that says so.
        path: PathBuf,
    },
    /// A file could not be read, written or removed; the error names it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The journal of this executor.
#[derive(Debug)]
pub struct Journal {
    draft: Draft,
    /// The writer always takes the latest draft.
    latest: watch::Sender<Draft>,
    /// Asks the writer to write at once.
    urgent: Arc<Notify>,
    writer: JoinHandle<()>,
}

/// The next content of the journal. The writer formats it, because it has the time.
#[derive(Debug, Clone)]
struct Draft {
    entry: Entry,
    /// The worker, described here until more is known about it.
    worker: Option<Arc<Worker>>,
}

impl Draft {
    fn text(mut self) -> Vec<u8> {
        let described = self.worker.map(|worker| About::described(&worker.spec));
        self.entry.about = self.entry.about.or(described);
        let text = self.entry.text();
        if text.len() as u64 <= LONGEST {
            return text;
        }
        // Processes that the next executor must end matter more than details for people.
        self.entry.about = None;
        self.entry.updates.clear();
        self.entry.text()
    }
}

impl Journal {
    /// Ends the processes that an earlier executor left in this sandbox, removes `leftover`, which
    /// that executor may have left half-finished, and begins a new journal.
    pub async fn begin(sandbox: &Path, leftover: &Path) -> Result<Self, JournalError> {
        let path = sandbox.join(FILE);
        let boot = this_boot();
        if let Some(earlier) = read(&path) {
            clean_up(&earlier, &boot, &path).await?;
            if leftover.exists() {
                warn!("Removed {}, left by an earlier executor", leftover.display());
                fs::tokio::remove_dir_all(leftover).await?;
            }
        }
        let executor = Identity::of(std::process::id().cast_signed())
            .ok_or_else(|| io::Error::other("no /proc"))?;
        let draft = Draft { entry: Entry::new(boot, executor), worker: None };
        let (latest, mut drafts) = watch::channel(draft.clone());
        let urgent = Arc::new(Notify::new());
        // The first draft must be written too.
        drafts.mark_changed();
        let writer = tokio::spawn(keep(path, drafts, Arc::clone(&urgent)));
        Ok(Self { draft, latest, urgent, writer })
    }

    /// Notes a worker whose TaskManager is not started yet.
    pub fn launched(&mut self, worker: &Arc<Worker>) {
        self.draft.entry.task = Some(worker.spec.worker_id.clone());
        self.draft.worker = Some(Arc::clone(worker));
        self.save();
    }

    /// Notes the processes of a started TaskManager.
    pub fn started(&mut self, task: &str, guard: Option<u32>, task_manager: u32, about: About) {
        let identity = |pid: u32| Identity::of(pid.cast_signed());
        self.draft.entry.task = Some(task.to_owned());
        self.draft.entry.guard = guard.and_then(identity);
        self.draft.entry.task_manager = identity(task_manager);
        self.draft.entry.about = Some(about);
        self.save();
        // There are processes now that the next executor would have to end.
        self.urgent.notify_one();
    }

    /// Notes a status update. It replaces the one before if both have the same state.
    pub fn note(&mut self, status: &TaskStatus) {
        let at = status.timestamp.unwrap_or_default();
        let state = status.state().as_str_name().to_owned();
        let update = Update { at, state, message: status.message().to_owned() };
        self.draft.entry.updates.retain(|before| before.state != update.state);
        self.draft.entry.updates.push(update);
        self.draft.entry.task.get_or_insert_with(|| status.task_id.value.clone());
        let labels = status.labels.iter().flat_map(|labels| &labels.labels);
        let start = Start::from_labels(labels.map(|label| (label.key.as_str(), label.value())));
        for (step, at) in start.into_iter().flat_map(|start| start.steps) {
            self.draft.entry.timeline.insert(step.word().to_owned(), at);
        }
        self.save();
    }

    /// Notes that the TaskManager and all its descendants are gone.
    pub fn ended(&mut self) {
        (self.draft.entry.guard, self.draft.entry.task_manager) = (None, None);
        self.save();
    }

    /// Returns once everything is written.
    pub async fn finish(self) {
        drop(self.latest);
        self.urgent.notify_one();
        self.writer.await.ok();
    }

    fn save(&self) {
        self.latest.send_replace(self.draft.clone());
    }
}

/// Writes each draft, until the last one is written and the journal is dropped.
async fn keep(path: PathBuf, mut drafts: watch::Receiver<Draft>, urgent: Arc<Notify>) {
    while drafts.changed().await.is_ok() {
        timeout(GATHER_FOR, urgent.notified()).await.ok();
        let (path, draft) = (path.clone(), drafts.borrow_and_update().clone());
        spawn_blocking(move || write(&path, &draft.text())).await.ok();
    }
    fs::remove_file(other(&path)).ok();
}

/// Replaces the journal as a whole or not at all. If the journal cannot be written, the worker
/// continues. Blocking.
///
/// Two files are exchanged: on some file systems, making and removing a file each time costs more
/// than all the rest.
fn write(path: &Path, text: &[u8]) {
    let new = other(path);
    let exchange = || renameat2(AT_FDCWD, &new, AT_FDCWD, path, RenameFlags::RENAME_EXCHANGE);
    // The first file has nothing to be exchanged with, and not every file system can exchange
    // files.
    let written = fill(&new, text).and_then(|()| exchange().or_else(|_| fs::rename(&new, path)));
    if let Err(error) = written {
        warn!("Cannot write the journal: {error}");
    }
}

/// Creates this file, or overwrites our existing one. A file of another user or kind is removed
/// first.
fn fill(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create(true).mode(MODE);
    let mut file = match files::open_with(options, path) {
        Ok(file) if file.metadata()?.uid() == geteuid().as_raw() => file,
        _ => {
            fs::remove_file(path)?;
            options.create_new(true).open(path)?.into_parts().0
        }
    };
    file.set_permissions(Permissions::from_mode(MODE))?;
    file.set_len(0)?;
    file.write_all(text)
}

/// The second of the two files.
fn other(path: &Path) -> PathBuf {
    path.with_extension("json.other")
}

fn this_boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Reads our own user's journal at this path; none if there is no valid one.
fn read(path: &Path) -> Option<Entry> {
    let file = match files::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            warn!("Cannot write the journal: {error}");
            return None;
        }
    };
    let read = || {
        let owner = file.metadata()?.uid();
        let is_ours = owner == geteuid().as_raw();
        if is_ours {
            files::read(&file, LONGEST)
        } else {
            Err(io::Error::other(format!("it belongs to user {owner}")))
        }
    };
    let entry = read().and_then(|bytes| Ok(Entry::parse(&bytes)?));
    entry.inspect_err(|error| warn!("Not a journal: {}: {error}", path.display())).ok()
}

async fn clean_up(earlier: &Entry, boot: &str, path: &Path) -> Result<(), JournalError> {
    if earlier.boot != boot {
        return Ok(());
    }
    if earlier.executor.is_alive() && earlier.executor.pid != std::process::id().cast_signed() {
        return Err(JournalError::InUse { pid: earlier.executor.pid, path: path.to_owned() });
    }
    for process in
        [earlier.guard, earlier.task_manager].into_iter().flatten().filter(Identity::is_alive)
    {
        warn!("Killed process {}, left by an earlier executor", process.pid);
        process.end_tree().await;
    }
    Ok(())
}
