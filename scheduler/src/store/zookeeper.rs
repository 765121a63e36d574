//! The state in ZooKeeper, written only by the leader.
//!
//! ```text
//! <root>/mesos-workers/<cluster-id>/
//!     leader/             the lock nodes of the election
//!     state               epoch, framework id, next number
//!     workers/<id>        one record per worker
//!     ended               that the cluster has ended: who stood by then does not begin it anew
//! <root>/<cluster-id>/mesos-workers/
//!     frameworkId, taskCount      what Flink 1.13 left; read when our own state is not there yet
//! ```
//!
//! Ours is beside what Flink keeps of the cluster, and not below it as upstream's was: a JobManager that ends its cluster in
//! order removes `<root>/<cluster-id>` with all that is in it.
//!
//! Every write is a transaction that checks the leader's own lock node: a deposed leader's writes fail.

mod difference;
mod nodes;
mod reading;

use std::sync::Arc;

use tracing::debug;
use zookeeper_client::{CheckWriteError, Client, CreateMode, Error, OwnedLockClient};

use self::{
    difference::{Operation, batches, difference},
    reading::{inherited, load},
};
use super::{Mirror, StoreError};
use crate::core::message::{Change, State};

pub use self::nodes::Nodes;

/// The leader's access to the state.
pub struct ZooKeeperStore {
    lock: Arc<OwnedLockClient>,
    nodes: Nodes,
    /// What is to be in ZooKeeper.
    wanted: State,
    /// What is there; `None` when that is not known for sure.
    durable: Option<State>,
}

impl ZooKeeperStore {
    /// Reads the state that there is, as far as `mirror` does not have it, and stands ready to change it while `lock` is held.
    /// An end of the cluster counts if it was written after the transaction `since`.
    pub(crate) async fn open(
        lock: OwnedLockClient,
        nodes: Nodes,
        mirror: Option<Mirror>,
        since: i64,
    ) -> Result<(Self, State), StoreError> {
        let found = load(lock.client(), &nodes, mirror).await?;
        let mut state = match &found {
            Some((state, _)) => state.clone(),
            None => inherited(lock.client(), &nodes).await?,
        };
        let (durable, ended_at) = found.unwrap_or_default();
        // One from before we came is history: the cluster begins anew.
        if ended_at <= since {
            state.ended = None;
        }
        Ok((Self { lock: Arc::new(lock), nodes, wanted: state.clone(), durable: Some(durable) }, state))
    }

    /// Gives the leadership up, so that the next one need not wait for the end of our session.
    pub(super) async fn release(self) {
        // A node that cannot be deleted now ends with the session.
        if let Err(e) = self.client().delete(self.lock.lock_path(), None).await {
            debug!("Cannot delete the lock node: {e}");
        }
    }

    /// The session that holds the lock.
    pub fn client(&self) -> &Client {
        self.lock.client()
    }

    /// Makes `changes` durable, and those of earlier calls that failed.
    pub(super) async fn write(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        for change in &changes {
            self.wanted.apply(change);
        }
        let durable = match self.durable.take() {
            Some(durable) => durable,
            None => load(self.lock.client(), &self.nodes, None).await?.unwrap_or_default().0,
        };
        for batch in batches(difference(&durable, &self.wanted), &self.nodes) {
            self.commit(&batch).await?;
        }
        self.durable = Some(self.wanted.clone());
        Ok(())
    }

    async fn commit(&self, batch: &[Operation]) -> Result<(), StoreError> {
        let mut writer = self.lock.new_check_writer();
        let options = CreateMode::Persistent.with_acls(self.nodes.acls());
        let path = |node| self.nodes.path(node);
        for operation in batch {
            match operation {
                Operation::Create(node, data) => writer.add_create(&path(node), data, &options),
                Operation::Set(node, data) => writer.add_set_data(&path(node), data, None),
                Operation::Delete(node) => writer.add_delete(&path(node), None),
            }
            .map_err(|e| failed("prepare a write below", self.nodes.base(), e))?;
        }
        match writer.commit().await {
            Ok(_) => Ok(()),
            Err(
                CheckWriteError::CheckFailed { .. } | CheckWriteError::RequestFailed { source: Error::SessionExpired },
            ) => Err(StoreError::Deposed),
            Err(e) => Err(failed("write below", self.nodes.base(), e.into())),
        }
    }
}

impl std::fmt::Debug for ZooKeeperStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZooKeeperStore").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

/// Why something could not be done with a node.
pub(crate) fn failed(action: &'static str, path: &str, source: Error) -> StoreError {
    StoreError::ZooKeeper { action, path: path.to_owned(), source }
}
