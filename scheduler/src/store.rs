//! The scheduler's durable record: what must survive a crash of the application master.
//!
//! [`keep`] is the one owner of the store; it takes changes in order, makes as many of them durable at once as have come in
//! the meantime, and says up to which one they are.

mod file;
mod mirror;
mod record;
mod sealed;
mod zookeeper;

use std::{io, path::PathBuf, time::Duration};

use common::backoff::Backoff;
use tokio::sync::mpsc;
use tracing::{error, info};

pub use self::{
    file::FileStore,
    zookeeper::{Nodes, ZooKeeperStore},
};
pub(crate) use self::{mirror::Mirror, zookeeper::failed};
use crate::{
    core::message::{Change, State},
    failure::Failure,
};

/// Why the store could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another application master works with the same state.
    #[error("{0} is locked: another application master runs with this state directory")]
    Locked(PathBuf),
    /// ZooKeeper refused or could not be reached.
    #[error("cannot {action} {path}: {source}")]
    ZooKeeper {
        /// What was tried.
        action: &'static str,
        /// On which node.
        path: String,
        /// Why not.
        source: zookeeper_client::Error,
    },
    /// Another application master leads now.
    #[error("another application master leads now")]
    Deposed,
    /// The record is not a state that this version can read.
    #[error("{path} cannot be read as flink-mesos state: {reason}")]
    Corrupt {
        /// The file or node.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    /// How the program ends by it. What has to be looked at before a start may work is like a mistake of configuration.
    pub fn into_failure(self) -> Failure {
        match self {
            Self::Io { .. } | Self::Locked(_) | Self::Deposed => Failure::other(self),
            Self::Corrupt { .. } | Self::ZooKeeper { .. } => Failure::usage(self),
        }
    }
}

/// Where the state is kept.
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
    /// Whether there is something to come back to after the process has ended.
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
            // The file's lock goes with the store.
            Self::Memory | Self::File(_) => {}
            Self::ZooKeeper(store) => store.release().await,
        }
    }
}

/// A set of changes on its way into the store; with a number if somebody wants to know when it has arrived.
pub type Batch = (Option<u64>, Vec<Change>);

/// Writes batches until their channel closes. After each write the number of its last batch goes to `stored`. A store that
/// cannot be written is tried again for ever: until then nothing new is launched, and what runs, runs on. It ends early
/// when leadership is lost; else leadership is given up at the end.
pub async fn keep(mut store: Store, mut batches: mpsc::UnboundedReceiver<Batch>, stored: mpsc::UnboundedSender<u64>) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    while let Some((mut last, mut changes)) = batches.recv().await {
        while let Ok((number, more)) = batches.try_recv() {
            last = number.or(last);
            changes.extend(more);
        }
        let mut failed = false;
        while let Err(e) = store.write(std::mem::take(&mut changes)).await {
            if matches!(e, StoreError::Deposed) {
                return;
            }
            failed = true;
            let wait = backoff.next();
            error!("Cannot persist state; no worker is launched until the store recovers. Retrying in {wait:.1?}: {e}");
            tokio::time::sleep(wait).await;
        }
        if failed {
            info!("State is persisted again");
            backoff.reset();
        }
        if let Some(last) = last {
            // Whoever does not listen any longer may still have sent what must not be lost.
            _ = stored.send(last);
        }
    }
    store.release().await;
}

/// Makes `changes` durable, then gives the leadership up.
pub(crate) async fn write(store: Store, changes: Vec<Change>) {
    let (batches, batches_in) = mpsc::unbounded_channel();
    let (stored, _nobody_listens) = mpsc::unbounded_channel();
    // The receiver is here.
    _ = batches.send((None, changes));
    drop(batches);
    keep(store, batches_in, stored).await;
}

/// The state in a node of ZooKeeper, without its workers.
pub(crate) fn decode(bytes: &[u8], path: &str) -> Result<State, StoreError> {
    record::decode(bytes).map_err(|reason| StoreError::Corrupt { path: path.into(), reason })
}

/// A fresh state.
pub fn fresh_state() -> State {
    State::fresh(fresh_epoch())
}

/// Eight random hexadecimal digits.
pub(crate) fn fresh_epoch() -> String {
    format!("{:08x}", rand::random::<u32>())
}
