//! What the executor is at, kept in the sandbox for whoever comes after it: the next executor in the same sandbox, or a
//! person at the host.
//!
//! Writing goes on beside the executor's work, which does not stand still for a disk; while a worker is on its way, what
//! is to be written waits for more of it, so that the start has disk and processor for itself.
//!
//! An executor that finds the journal of a dead one ends what that one left running. A process is known by its pid
//! *and* its start time, and both only count within one boot of the machine: pids are used again.

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
use overlays::worker::{Entry as Described, WorkerSpec};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::{
    sync::{Notify, watch},
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};
use tracing::warn;

use crate::{artifacts::Delivery, core::Worker, diagnosis::Mask, files, process::Identity, rotation::MODE};

/// The journal's name in the sandbox.
pub(crate) const FILE: &str = "executor.json";

/// A longer journal is none, in bytes. Those of real workers have a twentieth of that.
pub(crate) const LONGEST: u64 = 1 << 20;

/// How long what can wait waits for more. The steps of a start follow each other within a few milliseconds.
const GATHER: Duration = Duration::from_millis(20);

/// What a journal says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// How the TaskManager was started, or, before that, is to be.
    #[serde(default)]
    pub about: Option<About>,
    /// What the agent is or was to be told, oldest first.
    #[serde(default)]
    pub told: Vec<Told>,
    /// Milliseconds from the executor's start to each step that was reached.
    #[serde(default)]
    pub timeline: BTreeMap<String, u64>,
}

/// How a TaskManager was started, or is to be, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The version of Flink.
    pub flink: String,
    /// Which artifacts, and whence.
    #[serde(default)]
    pub source: String,
    /// How its artifacts came.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// The program and its arguments; none until it is started.
    pub command: Vec<String>,
    /// Flink's configuration.
    pub configuration: BTreeMap<String, String>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
}

/// A status update.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// When, in seconds since 1970.
    pub at: f64,
    /// Such as `TASK_RUNNING`.
    pub state: String,
    /// In words.
    pub message: String,
}

impl About {
    /// A worker as it is described, before anything is known of this host.
    pub fn described(spec: &WorkerSpec) -> Self {
        let mask = Mask::described(spec);
        let shown = |entries: &[Described]| {
            entries.iter().map(|entry| (entry.key.clone(), mask.value(&entry.key, &entry.value))).collect()
        };
        Self {
            configuration: shown(&spec.configuration),
            environment: shown(&spec.environment),
            ..Self::of(spec, &mask)
        }
    }

    /// Only which Flink it is and whence it comes.
    pub fn of(spec: &WorkerSpec, mask: &Mask) -> Self {
        let artifacts = spec.artifacts.clone().unwrap_or_default();
        Self {
            flink: spec.flink_version.clone(),
            source: mask.apply(&format!("manifest {} from {}", artifacts.manifest, artifacts.urls.join(", "))),
            delivery: None,
            command: Vec::new(),
            configuration: BTreeMap::new(),
            environment: BTreeMap::new(),
        }
    }
}

impl Entry {
    /// An executor that has just begun.
    fn new(boot: String, executor: Identity) -> Self {
        let (told, timeline) = (Vec::new(), BTreeMap::new());
        Self { boot, executor, task: None, guard: None, task_manager: None, about: None, told, timeline }
    }

    /// What a journal of at most [`LONGEST`] bytes says.
    pub(crate) fn parse(journal: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(journal)
    }

    /// What holds strings and numbers can be written as JSON.
    fn text(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// The machine has not been started again since: its process ids count.
    pub fn is_of_this_boot(&self) -> bool {
        self.boot == this_boot()
    }
}

/// Why there can be no executor in this sandbox.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Two executors would fight over the task.
    #[error("process {pid} is already an executor in this sandbox (says {})", path.display())]
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
    draft: Draft,
    /// The writer takes the latest.
    latest: watch::Sender<Draft>,
    /// What is there is to be written at once.
    urgent: Arc<Notify>,
    writer: JoinHandle<()>,
}

/// What is to be written, before it is put into words: that is the writer's part, who has the time.
#[derive(Debug, Clone)]
struct Draft {
    entry: Entry,
    /// Described as long as no more is known.
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
        // What the next executor has to end counts more than what people like to know.
        self.entry.about = None;
        self.entry.told.clear();
        self.entry.text()
    }
}

impl Journal {
    /// Ends what an earlier executor left running in this sandbox, removes `leftover`, which it may have left
    /// half-done, and begins a new journal.
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
        let executor = Identity::of(std::process::id().cast_signed()).ok_or_else(|| io::Error::other("no /proc"))?;
        let draft = Draft { entry: Entry::new(boot, executor), worker: None };
        let (latest, mut drafts) = watch::channel(draft.clone());
        let urgent = Arc::new(Notify::new());
        // The first word is to be written, too.
        drafts.mark_changed();
        let writer = tokio::spawn(keep(path, drafts, Arc::clone(&urgent)));
        Ok(Self { draft, latest, urgent, writer })
    }

    /// A worker is here; nothing of it is yet.
    pub fn launched(&mut self, worker: &Arc<Worker>) {
        self.draft.entry.task = Some(worker.spec.worker_id.clone());
        self.draft.worker = Some(Arc::clone(worker));
        self.save();
    }

    /// The TaskManager is there.
    pub fn started(&mut self, task: &str, guard: Option<u32>, task_manager: u32, about: About) {
        let identity = |pid: u32| Identity::of(pid.cast_signed());
        self.draft.entry.task = Some(task.to_owned());
        self.draft.entry.guard = guard.and_then(identity);
        self.draft.entry.task_manager = identity(task_manager);
        self.draft.entry.about = Some(about);
        self.save();
        // There is something that the next executor would have to end.
        self.urgent.notify_one();
    }

    /// The agent is to be told this, once it is there. What follows in the same state takes the place of what was before.
    pub fn note(&mut self, status: &TaskStatus) {
        let at = status.timestamp.unwrap_or_default();
        let state = status.state().as_str_name().to_owned();
        let told = Told { at, state, message: status.message().to_owned() };
        self.draft.entry.told.retain(|before| before.state != told.state);
        self.draft.entry.told.push(told);
        self.draft.entry.task.get_or_insert_with(|| status.task_id.value.clone());
        for label in status.labels.iter().flat_map(|labels| &labels.labels) {
            if let (Some(step), Ok(at)) = (label.key.strip_suffix("-ms"), label.value().parse()) {
                self.draft.entry.timeline.insert(step.to_owned(), at);
            }
        }
        self.save();
    }

    /// The TaskManager and all that came of it are gone.
    pub fn ended(&mut self) {
        (self.draft.entry.guard, self.draft.entry.task_manager) = (None, None);
        self.save();
    }

    /// All that is in it is written.
    pub async fn finish(self) {
        drop(self.latest);
        self.urgent.notify_one();
        self.writer.await.ok();
    }

    fn save(&self) {
        self.latest.send_replace(self.draft.clone());
    }
}

/// Until there is nothing more to come, and that is written.
async fn keep(path: PathBuf, mut drafts: watch::Receiver<Draft>, urgent: Arc<Notify>) {
    while drafts.changed().await.is_ok() {
        timeout(GATHER, urgent.notified()).await.ok();
        let (path, draft) = (path.clone(), drafts.borrow_and_update().clone());
        spawn_blocking(move || write(&path, &draft.text())).await.ok();
    }
    fs::remove_file(other(&path)).ok();
}

/// Whole or not at all. A journal that cannot be written is no reason to give up a worker. Blocking.
///
/// The two files change places: to make a new one each time and remove the old one costs some file systems more than
/// all the rest.
fn write(path: &Path, text: &[u8]) {
    let new = other(path);
    let exchange = || renameat2(AT_FDCWD, &new, AT_FDCWD, path, RenameFlags::RENAME_EXCHANGE);
    // The first one has nothing to change places with; not every file system can.
    let written = fill(&new, text).and_then(|()| exchange().or_else(|_| fs::rename(&new, path)));
    if let Err(error) = written {
        warn!("Cannot write the journal: {error}");
    }
}

/// Makes this file, or takes it as it is, and fills it. What is not a file of ours goes out of the way.
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

/// The other of the two files.
fn other(path: &Path) -> PathBuf {
    path.with_extension("json.other")
}

fn this_boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// What our own user's journal at this path says; none when there is none that can be understood.
fn read(path: &Path) -> Option<Entry> {
    let file = match files::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            warn!("Cannot write the journal: {error}");
            return None;
        }
    };
    let ours = || {
        let owner = file.metadata()?.uid();
        let ours = owner == geteuid().as_raw();
        if ours { files::read(&file, LONGEST) } else { Err(io::Error::other(format!("it belongs to user {owner}"))) }
    };
    let entry = ours().and_then(|bytes| Ok(Entry::parse(&bytes)?));
    entry.inspect_err(|error| warn!("Not a journal: {}: {error}", path.display())).ok()
}

async fn clean_up(earlier: &Entry, boot: &str, path: &Path) -> Result<(), JournalError> {
    if earlier.boot != boot {
        return Ok(());
    }
    if earlier.executor.is_alive() && earlier.executor.pid != std::process::id().cast_signed() {
        return Err(JournalError::InUse { pid: earlier.executor.pid, path: path.to_owned() });
    }
    for process in [earlier.guard, earlier.task_manager].into_iter().flatten().filter(Identity::is_alive) {
        warn!("Killed process {}, left by an earlier executor", process.pid);
        process.end_tree().await;
    }
    Ok(())
}
