//! A standby's copy of the workers' records, updated by ZooKeeper's watch events: when the standby
//! becomes the leader, it reads only the latest changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
};

use futures_util::FutureExt as _;
use tracing::debug;
use zookeeper_client::{AddWatchMode, Client, Error, EventType, PersistentWatcher, WatchedEvent};

use super::{
    StoreError, record,
    zookeeper::{Nodes, failed},
};
use crate::core::{ids::WorkerId, state::WorkerRecord};

/// The records below one folder.
#[derive(Debug)]
pub(crate) struct Mirror {
    watcher: PersistentWatcher,
    folder: String,
    workers: BTreeMap<WorkerId, WorkerRecord>,
    /// Nodes that have changed since they were read.
    stale: BTreeSet<String>,
    /// Whether the session was interrupted, so that changes may have been missed.
    broken: bool,
}

impl Mirror {
    /// Reads the records and watches for changes. `None` if ZooKeeper does not support that (before
    /// 3.6).
    pub(crate) async fn begin(client: &Client, nodes: &Nodes) -> Option<Self> {
        let folder = nodes.workers();
        let watcher = match client.watch(&folder, AddWatchMode::PersistentRecursive).await {
            Ok(watcher) => watcher,
            Err(e) => {
                debug!("Cannot mirror the state: {e}");
                return None;
            }
        };
        let stale = client.list_children(&folder).await.ok()?.into_iter().collect();
        let mut this = Self { watcher, folder, workers: BTreeMap::new(), stale, broken: false };
        this.refresh(client).await.ok()?;
        Some(this)
    }

    /// Applies changes forever. May be dropped at any point.
    pub(crate) async fn follow(&mut self, client: &Client) -> Infallible {
        loop {
            let event = self.watcher.changed().await;
            self.note(&event);
            self.note_all();
            // A record that could not be read stays stale and is read at the end.
            if let Err(e) = self.refresh(client).await {
                debug!("Cannot refresh the mirror of the state: {e}");
            }
            if self.broken {
                return std::future::pending().await;
            }
        }
    }

    /// The current records, for a caller that has just read something else on the same connection.
    /// `None` if changes may have been missed.
    pub(crate) async fn finish(
        mut self,
        client: &Client,
    ) -> Result<Option<BTreeMap<WorkerId, WorkerRecord>>, StoreError> {
        self.note_all();
        self.refresh(client).await?;
        self.note_all();
        Ok((!self.broken && self.stale.is_empty()).then_some(self.workers))
    }

    fn note_all(&mut self) {
        while let Some(event) = self.watcher.changed().now_or_never() {
            self.note(&event);
            if self.broken {
                return;
            }
        }
    }

    fn note(&mut self, event: &WatchedEvent) {
        if event.event_type == EventType::Session {
            self.broken = true;
        } else if let Some(name) =
            event.path.strip_prefix(&self.folder).and_then(|rest| rest.strip_prefix('/'))
        {
            self.stale.insert(name.to_owned());
        }
    }

    async fn refresh(&mut self, client: &Client) -> Result<(), StoreError> {
        // All requests are sent at once.
        let paths: Vec<_> = self
            .stale
            .iter()
            .map(|name| (name.clone(), format!("{}/{name}", self.folder)))
            .collect();
        let answers: Vec<_> = paths.iter().map(|(_, path)| client.get_data(path)).collect();
        for ((name, path), answer) in paths.iter().zip(answers) {
            match answer.await {
                Ok((data, _)) => {
                    let corrupt = |reason| StoreError::Corrupt { path: path.into(), reason };
                    let worker = record::decode_worker(&data).map_err(corrupt)?;
                    self.workers.insert(worker.id.clone(), worker);
                }
                Err(Error::NoNode) => drop(self.workers.remove(&WorkerId::from(name.as_str()))),
                Err(source) => return Err(failed("read", path, source)),
            }
            self.stale.remove(name);
        }
        Ok(())
    }
}
