//! Class-data sharing: the first TaskManager of a kind on a host leaves what a JVM makes of its class path in the host's
//! cache, and later ones start with it.
//!
//! ```text
//!   command ──▶ Plan ──▶ an archive in the cache? ── yes ──▶ the JVM is pointed at it; once registered: did it take it?
//!                                                 └─ no ───▶ once registered: a JVM of its own, in the background, makes one
//! ```
//!
//! The TaskManager itself is never asked to write an archive: that stops all its threads for as long as it takes. What
//! goes wrong here costs a warm start and nothing else. A TaskManager that dies early with an archive is started once
//! more without it, which is the core's decision.
//!
//! So it goes with every JDK from 17 on. JDK 19 and later could write an archive by themselves (`AutoCreateSharedArchive`), but at
//! the TaskManager's end, which waits for it, and where it will be looked for next, whatever became of it.
//!
//! Tried, and not worth it (JDK 17, Flink 1.20): an archive of a TaskManager that had registered (as much CPU time to its
//! registration), a static archive from a class list (a tenth more), and reading archive, JVM and jars ahead while the process
//! starts (no faster with their pages dropped, not even from a disk held to 100 MB/s: the JVM itself keeps it busy).

mod plan;
mod training;

use std::{path::PathBuf, sync::Arc, time::Duration};

use fetcher::Cache;
use overlays::command::CommandLine;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::cgroups::MemoryGroup;
use plan::Plan;
pub(crate) use training::Trainer;

/// After its registration a TaskManager has its first tasks to start: they come first.
const PAUSE: Duration = Duration::from_secs(5);

/// The JVM that makes an archive takes about half of this; next to a TaskManager that needs its memory there is none.
const ROOM: u64 = 640 << 20;

/// How long the end of the JVM in the background is waited for. Its guard ends it whether or not.
const END: Duration = Duration::from_secs(2);

/// What a TaskManager has to do with archives.
#[derive(Debug, Clone)]
pub(crate) struct ClassData {
    cache: Cache,
    plan: Arc<Plan>,
    /// The one that it was started with.
    archive: Option<PathBuf>,
}

impl ClassData {
    /// Points a command at the archive that was made for it, if there is one; none when this command can have none, for
    /// which no cache is opened. Blocking.
    pub(crate) fn choose(open: impl FnOnce() -> Option<Cache>, command: &mut CommandLine) -> Option<Self> {
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
            // In front of all others, where it is nobody's value.
            command.arguments.splice(0..0, plan::using(archive));
        }
        Some(Self { cache, plan: Arc::new(plan), archive })
    }

    /// Whether the TaskManager was started with an archive.
    pub(crate) fn is_used(&self) -> bool {
        self.archive.is_some()
    }

    /// The TaskManager did not live long with it.
    pub(crate) async fn quarantine(self) {
        let quarantine = move || self.cache.quarantine_class_data(&self.plan.key, "a TaskManager died early with it");
        if let Ok(Err(error)) = spawn_blocking(quarantine).await {
            warn!("Archive of class data is still in use: {error}");
        }
    }

    /// The TaskManager has registered: sees to it that the next one has a good archive.
    pub(crate) fn settle(self, task_manager: u32, trainer: Trainer) -> Settling {
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
        Settling { cancel, task }
    }

    /// A JVM that does not like an archive goes on without it and says nothing.
    async fn replace_unless_taken(self, task_manager: u32, archive: PathBuf) {
        let look = move || {
            let Ok(maps) = fs_err::read_to_string(format!("/proc/{task_manager}/maps")) else { return Ok(()) };
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
            Ok(Ok(None)) => debug!("Not archiving class data: an archive exists, or another executor is writing it"),
            Ok(Err(error)) => warn!("Not archiving class data: {error}"),
            Err(error) => warn!("Not archiving class data: {error}"),
        }
    }
}

/// Of what the container may use.
fn has_room() -> bool {
    let limited = MemoryGroup::own().and_then(|group| group.use_of_limit());
    limited.is_none_or(|(used, limit)| limit.saturating_sub(used) >= ROOM)
}

/// What goes on in the background. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Settling {
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Settling {
    /// Asks for its end.
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Ends it.
    pub(crate) async fn end(mut self) {
        self.cancel();
        tokio::time::timeout(END, &mut self.task).await.ok();
    }
}

impl Drop for Settling {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
