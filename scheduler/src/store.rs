//! The scheduler's durable state, which outlives a crash of the application master.
//!
//! [`keep`] owns the store. It takes changes in the order in which they arrive, writes all that
//! have arrived in the meantime at once, and reports the last one written.

mod checksum;
mod file;
mod mirror;
mod record;
mod zookeeper;

use std::{io, path::PathBuf, time::Duration};

use common::{backoff::Backoff, failures::needs_a_person};
use flink::options::mesos::STATE_DIR;
use tokio::sync::{mpsc, oneshot};
use tracing::{error, info};

pub use self::{
    file::FileStore,
    zookeeper::{Nodes, ZooKeeperStore},
};
pub(crate) use self::{
    mirror::Mirror,
    zookeeper::{failed, look},
};
use crate::{
    NeedsAPerson,
    core::state::{Change, State},
};

/// Why the store could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// The failed action.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another user could change the state, or could have prepared it.
    #[error("{key}: {0}", key = STATE_DIR)]
    Untrusted(io::Error),
    /// Another application master works with the same state.
    #[error("{0} is locked: another application master runs with this state directory")]
    Locked(PathBuf),
    /// ZooKeeper refused or could not be reached.
    #[error("cannot {action} {path}: {source}")]
    ZooKeeper {
        /// The failed action.
        action: &'static str,
        /// The node.
        path: String,
        /// ZooKeeper's error.
        source: zookeeper_client::Error,
    },
    /// Another application master leads now.
    #[error("another application master leads now")]
    Deposed,
    /// The bytes are not a state that this version can read.
    #[error("{path} cannot be read as flink-mesos state: {reason}")]
    Corrupt {
        /// The file or node.
        path: PathBuf,
        /// The error.
        reason: String,
    },
}

impl NeedsAPerson for StoreError {
    fn needs_a_person(&self) -> bool {
        match self {
            Self::Io { source, .. } => needs_a_person(source),
            Self::Locked(_) | Self::Deposed => false,
            Self::Untrusted(_) | Self::Corrupt { .. } | Self::ZooKeeper { .. } => true,
        }
    }
}

/// Where the state is stored.
#[derive(Debug)]
pub enum Store {
    /// Nowhere: it ends with the process.
    Memory,
    /// In a local directory.
    File(Box<FileStore>),
    /// In ZooKeeper.
    ZooKeeper(Box<ZooKeeperStore>),
}

impl Store {
    /// Whether the state outlives this process.
    pub fn is_durable(&self) -> bool {
        !matches!(self, Self::Memory)
    }

    async fn write(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        match self {
            Self::Memory => Ok(()),
            Self::File(store) => store.write(changes).await,
            Self::ZooKeeper(store) => store.write(changes).await,
        }
    }

    async fn release(self) {
        match self {
            // Dropping the store releases the file's lock.
            Self::Memory | Self::File(_) => {}
            Self::ZooKeeper(store) => store.release().await,
        }
    }
}

/// Changes to write.
#[derive(Debug)]
pub struct Batch {
    /// The core's number, if it waits until they are written.
    pub number: Option<u64>,
    /// The changes.
    pub changes: Vec<Change>,
    /// Gets a message once they are written.
    pub written: Option<oneshot::Sender<()>>,
}

/// Writes batches until their channel closes. After each write, the number of its last batch is
/// sent to `stored`. A failed write is retried forever: until it succeeds, nothing new is launched,
/// and running workers are unaffected. Ends early when leadership is lost; otherwise gives it up at
/// the end.
pub async fn keep(
    mut store: Store,
    mut batches: mpsc::UnboundedReceiver<Batch>,
    stored: mpsc::UnboundedSender<u64>,
) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    while let Some(Batch { number: mut last, mut changes, written }) = batches.recv().await {
        let mut waiting = Vec::from_iter(written);
        while let Ok(next) = batches.try_recv() {
            last = next.number.or(last);
            changes.extend(next.changes);
            waiting.extend(next.written);
        }
        let mut failed = false;
        while let Err(e) = store.write(std::mem::take(&mut changes)).await {
            if matches!(e, StoreError::Deposed) {
                return;
            }
            failed = true;
            let wait = backoff.next();
            error!(
                "Cannot persist state; no worker is launched until the store recovers. Retrying in {wait:.1?}: {e}"
            );
            tokio::time::sleep(wait).await;
        }
        if failed {
            info!("State is persisted again");
            backoff.reset();
        }
        for written in waiting {
            // Nobody may wait any longer.
            _ = written.send(());
        }
        if let Some(last) = last {
            // Without a receiver there may still be changes to write.
            _ = stored.send(last);
        }
    }
    store.release().await;
}

/// Writes `changes`, then gives the leadership up.
pub async fn write(store: Store, changes: Vec<Change>) {
    let (batches, batches_in) = mpsc::unbounded_channel();
    let (stored, _nobody_listens) = mpsc::unbounded_channel();
    // Cannot fail: the receiver is still in scope.
    _ = batches.send(Batch { number: None, changes, written: None });
    drop(batches);
    keep(store, batches_in, stored).await;
}

/// A fresh state.
pub fn fresh_state() -> State {
    State::fresh(fresh_epoch())
}

/// Eight random hexadecimal digits.
pub(crate) fn fresh_epoch() -> String {
    format!("{:08x}", rand::random::<u32>())
}
