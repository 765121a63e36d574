//! A standby's copy of the workers' records, updated by ZooKeeper's watch events: when the standby
//! becomes the leader, it reads only the latest changes.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
};

use futures_util::FutureExt as _;
use tracing::debug;
use zookeeper_client::{
    AddWatchMode, Client, Error, EventType, MultiReadResult, PersistentWatcher, WatchedEvent,
};

use super::{
    StoreError, record,
    zookeeper::{Nodes, failed},
};
use crate::core::{ids::WorkerId, state::WorkerRecord};

/// Records that are read with one request. ZooKeeper refuses requests above 1 MB.
const AT_ONCE: usize = 100;

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
        let stale: Vec<_> = self.stale.iter().cloned().collect();
        let mut asked = Vec::new();
        // All requests are sent at once.
        for names in stale.chunks(AT_ONCE) {
            asked.push((names, self.read(client, names)?));
        }
        for (names, answers) in asked {
            let answers = answers.await.map_err(|source| self.failed(source))?;
            for (name, answer) in names.iter().zip(answers) {
                self.note_answer(name, answer)?;
            }
        }
        Ok(())
    }

    /// Asks for these nodes with one request.
    fn read<'a>(
        &self,
        client: &'a Client,
        names: &[String],
    ) -> Result<impl Future<Output = Result<Vec<MultiReadResult>, Error>> + use<'a>, StoreError>
    {
        let mut reader = client.new_multi_reader();
        for name in names {
            let path = format!("{}/{name}", self.folder);
            reader.add_get_data(&path).map_err(|source| failed("read", &path, source))?;
        }
        Ok(reader.commit())
    }

    fn failed(&self, source: Error) -> StoreError {
        failed("read below", &self.folder, source)
    }

    fn note_answer(&mut self, name: &str, answer: MultiReadResult) -> Result<(), StoreError> {
        let path = || format!("{}/{name}", self.folder);
        match answer {
            MultiReadResult::Data { data, .. } => {
                let corrupt = |reason| StoreError::Corrupt { path: path().into(), reason };
                let worker = record::decode_worker(&data).map_err(corrupt)?;
                self.workers.insert(worker.id.clone(), worker);
            }
            MultiReadResult::Error { err: Error::NoNode } => {
                self.workers.remove(&WorkerId::from(name));
            }
            MultiReadResult::Error { err } => return Err(failed("read", &path(), err)),
            // Not asked for.
            _ => return Ok(()),
        }
        self.stale.remove(name);
        Ok(())
    }
}
