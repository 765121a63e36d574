//! The state in ZooKeeper, written only by the leader.
//!
//! ```text
//! <root>/<cluster-id>/mesos-workers/
//!     frameworkId, taskCount      what Flink 1.13 left; read when our own state is not there yet
//!     v2/leader/                  the lock nodes of the election
//!     v2/state                    epoch, framework id, next number
//!     v2/workers/<id>             one record per worker
//! ```
//!
//! Every write is a transaction that checks the leader's own lock node: a deposed leader's writes fail.

use std::{collections::BTreeMap, sync::Arc};

use tracing::info;
use zookeeper_client::{Acls, CheckWriteError, Client, CreateMode, Error, OwnedLockClient};

use super::{Mirror, StoreError, fresh_state, record};
use crate::core::message::{Change, State, WorkerId};

/// Operations in one transaction; with records of a few hundred bytes this stays well below ZooKeeper's limit of 1 MB.
const BATCH: usize = 1000;

/// The nodes of one cluster.
#[derive(Clone, Debug)]
pub struct Nodes {
    base: String,
    acls: Acls<'static>,
}

/// The leader's access to the state.
pub struct ZooKeeperStore {
    lock: Arc<OwnedLockClient>,
    nodes: Nodes,
    /// What is to be in ZooKeeper.
    wanted: State,
    /// What is there; `None` when that is not known for sure.
    durable: Option<State>,
}

impl Nodes {
    /// The nodes below `base`, e.g. `/flink/default/mesos-workers`.
    pub fn new(base: String, acls: Acls<'static>) -> Self {
        Self { base, acls }
    }

    /// The folder of the election's lock nodes.
    pub fn leader(&self) -> String {
        format!("{}/v2/leader", self.base)
    }

    /// Who may do what with our nodes.
    pub fn acls(&self) -> Acls<'static> {
        self.acls
    }

    /// Makes the folders that are missing.
    pub async fn make(&self, client: &Client) -> Result<(), Error> {
        let options = CreateMode::Persistent.with_acls(self.acls);
        client.mkdir(&self.workers(), &options).await?;
        client.mkdir(&self.leader(), &options).await
    }

    fn state(&self) -> String {
        format!("{}/v2/state", self.base)
    }

    pub(super) fn workers(&self) -> String {
        format!("{}/v2/workers", self.base)
    }

    fn worker(&self, id: &WorkerId) -> String {
        format!("{}/{id}", self.workers())
    }
}

impl ZooKeeperStore {
    /// Reads the state that there is, as far as `mirror` does not have it, and stands ready to change it while `lock` is held.
    pub(crate) async fn open(
        lock: OwnedLockClient,
        nodes: Nodes,
        mirror: Option<Mirror>,
    ) -> Result<(Self, State), StoreError> {
        let found = load(lock.client(), &nodes, mirror).await?;
        let state = match &found {
            Some(state) => state.clone(),
            None => inherited(lock.client(), &nodes).await?,
        };
        let nothing = State::default();
        let durable = Some(found.unwrap_or(nothing));
        Ok((Self { lock: Arc::new(lock), nodes, wanted: state.clone(), durable }, state))
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
            None => load(self.lock.client(), &self.nodes, None).await?.unwrap_or_default(),
        };
        let operations = difference(&durable, &self.wanted);
        for batch in operations.chunks(BATCH) {
            self.commit(batch).await?;
        }
        self.durable = Some(self.wanted.clone());
        Ok(())
    }

    async fn commit(&self, batch: &[Operation]) -> Result<(), StoreError> {
        let mut writer = self.lock.new_check_writer();
        let options = CreateMode::Persistent.with_acls(self.nodes.acls);
        let path = |node: &Node| match node {
            Node::State => self.nodes.state(),
            Node::Worker(id) => self.nodes.worker(id),
        };
        for operation in batch {
            match operation {
                Operation::Create(node, data) => writer.add_create(&path(node), data, &options),
                Operation::Set(node, data) => writer.add_set_data(&path(node), data, None),
                Operation::Delete(node) => writer.add_delete(&path(node), None),
            }
            .map_err(|e| failed("prepare a write below", &self.nodes.base, e))?;
        }
        match writer.commit().await {
            Ok(_) => Ok(()),
            Err(
                CheckWriteError::CheckFailed { .. } | CheckWriteError::RequestFailed { source: Error::SessionExpired },
            ) => Err(StoreError::Deposed),
            Err(e) => Err(failed("write below", &self.nodes.base, e.into())),
        }
    }
}

impl std::fmt::Debug for ZooKeeperStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZooKeeperStore").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    State,
    Worker(WorkerId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    Create(Node, Vec<u8>),
    Set(Node, Vec<u8>),
    Delete(Node),
}

/// What leads from one state to the other. A state without an epoch is not there at all.
fn difference(from: &State, to: &State) -> Vec<Operation> {
    let mut operations = Vec::new();
    let head = |state: &State| record::encode(&State { workers: BTreeMap::new(), ..state.clone() });
    if from.epoch.is_empty() {
        operations.push(Operation::Create(Node::State, head(to)));
    } else if head(from) != head(to) {
        operations.push(Operation::Set(Node::State, head(to)));
    }
    for (id, worker) in &to.workers {
        let node = Node::Worker(id.clone());
        match from.workers.get(id) {
            None => operations.push(Operation::Create(node, record::encode_worker(worker))),
            Some(before) if before != worker => operations.push(Operation::Set(node, record::encode_worker(worker))),
            Some(_) => {}
        }
    }
    let gone = from.workers.keys().filter(|id| !to.workers.contains_key(*id));
    operations.extend(gone.map(|id| Operation::Delete(Node::Worker(id.clone()))));
    operations
}

/// Our own state, if it was ever written.
async fn load(client: &Client, nodes: &Nodes, mirror: Option<Mirror>) -> Result<Option<State>, StoreError> {
    let path = nodes.state();
    let head = match client.get_data(&path).await {
        Ok((head, _)) => head,
        Err(Error::NoNode) => return Ok(None),
        Err(e) => return Err(failed("read", &path, e)),
    };
    let corrupt = |path: String, reason| StoreError::Corrupt { path: path.into(), reason };
    let mut state = record::decode(&head).map_err(|reason| corrupt(path, reason))?;
    if let Some(mirror) = mirror
        && let Some(workers) = mirror.finish(client).await?
    {
        state.workers = workers;
        return Ok(Some(state));
    }
    let folder = nodes.workers();
    let names = client.list_children(&folder).await.map_err(|e| failed("list", &folder, e))?;
    // All requests leave at once: a round trip for each of thousands of workers would take seconds.
    let paths: Vec<String> = names.iter().map(|name| format!("{folder}/{name}")).collect();
    let answers: Vec<_> = paths.iter().map(|path| client.get_data(path)).collect();
    for (path, answer) in paths.iter().zip(answers) {
        let (data, _) = answer.await.map_err(|e| failed("read", path, e))?;
        let worker = record::decode_worker(&data).map_err(|reason| corrupt(path.clone(), reason))?;
        state.workers.insert(worker.id.clone(), worker);
    }
    Ok(Some(state))
}

/// A fresh state, which takes over framework id and counter from Flink 1.13's nodes if they are there. Upstream's workers
/// cannot be read (they are serialized Java objects): Mesos tells of their tasks, and they are ended.
async fn inherited(client: &Client, nodes: &Nodes) -> Result<State, StoreError> {
    let mut state = fresh_state();
    let read = async |name: &str| {
        let path = format!("{}/{name}", nodes.base);
        match client.get_data(&path).await {
            Ok((data, _)) => Ok(Some(data)),
            Err(Error::NoNode) => Ok(None),
            Err(e) => Err(failed("read", &path, e)),
        }
    };
    let framework = read("frameworkId").await?.and_then(|data| String::from_utf8(data).ok());
    state.framework = framework.filter(|id| !id.is_empty());
    if let Some(id) = &state.framework {
        let count = read("taskCount").await?.and_then(|data| data.try_into().ok()).map_or(0, u32::from_be_bytes);
        state.next_number = u64::from(count) + 1;
        info!("Taking over the framework {id} from Flink 1.13, whose {count} workers are replaced.");
    }
    Ok(state)
}

fn failed(action: &'static str, path: &str, source: Error) -> StoreError {
    StoreError::ZooKeeper { action, path: path.to_owned(), source }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::core::message::{Moment, WorkerRecord};

    fn worker(number: u64, running: bool) -> WorkerRecord {
        WorkerRecord { id: WorkerId::new("e", number), running, launched: Moment(1), ..WorkerRecord::default() }
    }

    fn state(workers: &[WorkerRecord]) -> State {
        let mut state = State::fresh("e".to_owned());
        state.workers = workers.iter().map(|worker| (worker.id.clone(), worker.clone())).collect();
        state
    }

    #[test]
    fn only_what_has_changed_is_written() {
        let before = state(&[worker(1, false), worker(2, false), worker(3, false)]);
        let after = state(&[worker(1, false), worker(2, true), worker(4, false)]);
        let expected = [
            Operation::Set(Node::Worker(WorkerId::new("e", 2)), record::encode_worker(&worker(2, true))),
            Operation::Create(Node::Worker(WorkerId::new("e", 4)), record::encode_worker(&worker(4, false))),
            Operation::Delete(Node::Worker(WorkerId::new("e", 3))),
        ];
        assert_eq!(difference(&before, &after), expected);
        assert_eq!(difference(&after, &after), []);
    }

    #[test]
    fn the_first_write_makes_the_state() {
        let made = difference(&State::default(), &state(&[worker(1, false)]));
        assert!(matches!(made[..], [Operation::Create(Node::State, _), Operation::Create(Node::Worker(_), _)]));
    }
}
