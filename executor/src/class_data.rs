//! Class-data sharing (CDS): the first TaskManager of a kind on a host leaves an archive of its
//! loaded classes in the host's cache, and later ones start faster with it.
//!
//! ```text
//!   command ──▶ Plan ──▶ archive in the cache? ─ yes ─▶ start the JVM with it; once registered: did the JVM use it?
//!                                             └─ no ──▶ once registered: a separate JVM writes one in the background
//! ```
//!
//! The TaskManager itself never writes an archive, because that stops all its threads meanwhile. A
//! failure here costs a warm start and nothing else. If a TaskManager dies early with an archive,
//! the core starts it once more without.
//!
//! This works with every JDK from 17 on. JDK 19 and later can write an archive by themselves
//! (`AutoCreateSharedArchive`). But they do so when the TaskManager exits, which delays the exit,
//! and straight to the final path, even if the write fails halfway.
//!
//! Tried with JDK 17 and Flink 1.20 and rejected:
//! - an archive of a TaskManager that had registered: same CPU time until registration;
//! - a static archive from a class list: a tenth more CPU time;
//! - reading archive, JVM and jars ahead while the process starts: no faster with their pages
//!   dropped, not even from a disk limited to 100 MB/s, because the JVM itself keeps the disk busy.

mod plan;
mod training;

use std::{path::PathBuf, sync::Arc, time::Duration};

use fetcher_client::Cache;
use flink::command::CommandLine;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::cgroups::MemoryGroup;
use plan::Plan;
pub(crate) use training::Trainer;

/// Wait after registration, because the TaskManager's first tasks start then and take precedence.
const PAUSE: Duration = Duration::from_secs(5);

/// Free memory required in the container, in bytes. The JVM that writes an archive needs about half
/// of it.
const ROOM: u64 = 640 << 20;

/// How long to wait for the background JVM to exit. Its guard ends it in any case.
const END: Duration = Duration::from_secs(2);

/// The class data of one TaskManager.
#[derive(Debug, Clone)]
pub(crate) struct ClassData {
    cache: Cache,
    plan: Arc<Plan>,
    /// The archive that the TaskManager was started with.
    archive: Option<PathBuf>,
}

impl ClassData {
    /// Makes the command use the archive that exists for it, if any. None if this command cannot
    /// have an archive; the cache is not opened then. Blocking.
    pub(crate) fn choose(
        open: impl FnOnce() -> Option<Cache>,
        command: &mut CommandLine,
    ) -> Option<Self> {
        let plan = match Plan::of(command) {
            Ok(plan) => plan,
            Err(why) => {
                debug!("No class-data sharing: {why}");
                return None;
            }
        };
        let cache = open()?;
        let archive = cache.class_data(&plan.key).unwrap_or_else(|error| {
            warn!("No class-data sharing: {error}");
            None
        });
        if let Some(archive) = &archive {
            info!("Using class data from {}", archive.display());
            // In front of all other arguments, so that it cannot become the value of one.
            command.arguments.splice(0..0, plan::using(archive));
        }
        Some(Self { cache, plan: Arc::new(plan), archive })
    }

    /// Whether the TaskManager was started with an archive.
    pub(crate) fn is_used(&self) -> bool {
        self.archive.is_some()
    }

    /// Quarantines the archive after the TaskManager died early with it.
    pub(crate) async fn quarantine(self) {
        let quarantine = move || {
            self.cache.quarantine_class_data(&self.plan.key, "a TaskManager died early with it")
        };
        if let Ok(Err(error)) = spawn_blocking(quarantine).await {
            warn!("Archive of class data is still in use: {error}");
        }
    }

    /// Call it once the TaskManager has registered: makes sure that the next one has a good
    /// archive.
    pub(crate) fn prepare_next(self, task_manager: u32, trainer: Trainer) -> ArchiveJob {
        let cancel = CancellationToken::new();
        let cancelled = cancel.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = cancelled.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
            match self.archive.clone() {
                Some(archive) => self.replace_unless_taken(task_manager, archive).await,
                None => self.make(trainer, cancelled).await,
            }
        });
        ArchiveJob { cancel, task }
    }

    /// A JVM that rejects an archive continues without it and logs nothing, so its memory map is
    /// checked.
    async fn replace_unless_taken(self, task_manager: u32, archive: PathBuf) {
        let look = move || {
            let Ok(maps) = fs_err::read_to_string(format!("/proc/{task_manager}/maps")) else {
                return Ok(());
            };
            if maps.contains(archive.to_string_lossy().as_ref()) {
                return Ok(());
            }
            info!("Removing class data that the TaskManager did not use: {}", archive.display());
            self.cache.replace_class_data(&self.plan.key)
        };
        if let Ok(Err(error)) = spawn_blocking(look).await {
            warn!("Stale archive of class data is still in use: {error}");
        }
    }

    async fn make(self, trainer: Trainer, cancelled: CancellationToken) {
        if !has_room() {
            info!("Not archiving class data: this container has no memory for another JVM");
            return;
        }
        let (cache, key) = (self.cache.clone(), self.plan.key);
        match spawn_blocking(move || cache.make_class_data(&key)).await {
            Ok(Ok(Some(making))) => trainer.make(&self.plan, making, cancelled).await,
            Ok(Ok(None)) => debug!(
                "Not archiving class data: an archive exists, or another executor is writing it"
            ),
            Ok(Err(error)) => warn!("Not archiving class data: {error}"),
            Err(error) => warn!("Not archiving class data: {error}"),
        }
    }
}

/// Whether the container has enough free memory for another JVM.
fn has_room() -> bool {
    let limited = MemoryGroup::own().and_then(|group| group.use_of_limit());
    limited.is_none_or(|(used, limit)| limit.saturating_sub(used) >= ROOM)
}

/// The work in the background. Dropping it ends the work.
#[derive(Debug)]
pub(crate) struct ArchiveJob {
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl ArchiveJob {
    /// Asks the work to end.
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Asks the work to end and waits for it.
    pub(crate) async fn end(mut self) {
        self.cancel();
        tokio::time::timeout(END, &mut self.task).await.ok();
    }
}

impl Drop for ArchiveJob {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
