//! The state in ZooKeeper, written only by the leader.
//!
//! ```text
//! <root>/mesos-workers/<cluster-id>/
//!     leader/             the lock nodes of the election; the leader's node says how to reach it
//!     state               epoch, framework id, next number
//!     workers/<id>        one record per worker
//!     ended               present once the cluster has ended: standbys of that time must not start it again
//! <root>/<cluster-id>/mesos-workers/
//!     frameworkId, taskCount      written by Flink 1.13; read if there is no state of ours yet
//! ```
//!
//! Our nodes are not below those of Flink, as upstream's were: a JobManager that shuts its cluster
//! down removes `<root>/<cluster-id>` with everything below it.
//!
//! Every write is a transaction that checks the leader's own lock node: a deposed leader's writes
//! fail.

mod difference;
mod nodes;
mod reading;

use std::sync::Arc;

use tracing::{debug, info};
use zookeeper_client::{CheckWriteError, Client, CreateMode, Error, OwnedLockClient};

pub(crate) use self::reading::look;
use self::{
    difference::{Operation, batches, difference},
    reading::{inherited, load},
};
use super::{Mirror, StoreError};
use crate::core::state::{Change, State};

pub use self::nodes::Nodes;

/// The leader's access to the state.
pub struct ZooKeeperStore {
    lock: Arc<OwnedLockClient>,
    nodes: Nodes,
    /// The state that should be stored.
    wanted: State,
    /// The state that is stored; `None` if that is uncertain.
    durable: Option<State>,
}

impl ZooKeeperStore {
    /// Reads the stored state, as far as `mirror` does not have it, and allows writes while `lock`
    /// is held. An end of the cluster counts if it was written after the transaction `since`.
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
        if let (None, Some(id)) = (&found, &state.framework) {
            let count = state.next_number.saturating_sub(1);
            info!("Taking over the framework {id} of Flink 1.13; its {count} workers are replaced");
        }
        let (durable, ended_at) = found.unwrap_or_default();
        // The cluster ended before we became a candidate, so it starts again.
        if ended_at <= since {
            state.ended = None;
        }
        Ok((
            Self { lock: Arc::new(lock), nodes, wanted: state.clone(), durable: Some(durable) },
            state,
        ))
    }

    /// Gives the leadership up, so that the next leader need not wait for our session's timeout.
    pub(super) async fn release(self) {
        // A node that cannot be deleted now is removed with the session.
        if let Err(e) = self.client().delete(self.lock.lock_path(), None).await {
            debug!("Cannot delete the lock node: {e}");
        }
    }

    /// The session that holds the lock.
    pub fn client(&self) -> &Client {
        self.lock.client()
    }

    /// The leader's lock node, which ends with its leadership.
    pub(crate) fn lock_path(&self) -> &str {
        self.lock.lock_path()
    }

    /// Writes `changes`, with those of earlier calls that failed.
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
                CheckWriteError::CheckFailed { .. }
                | CheckWriteError::RequestFailed { source: Error::SessionExpired },
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
