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

use std::{collections::BTreeMap, sync::Arc};

use tracing::{debug, info};
use zookeeper_client::{Acls, CheckWriteError, Client, CreateMode, Error, OwnedLockClient, Stat};

use super::{Mirror, StoreError, fresh_state, record};
use crate::core::message::{Change, State, WorkerId};

/// Bytes in one transaction: half of what a ZooKeeper server takes as one request (`jute.maxbuffer`, 1 MB by default).
const BATCH: usize = 512 * 1024;
/// What an operation takes besides path and data: ACL, lengths, flags.
const OVERHEAD: usize = 64;

/// The nodes of one cluster.
#[derive(Clone, Debug)]
pub struct Nodes {
    base: String,
    upstream: String,
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
    /// The nodes below `base`, e.g. `/flink/mesos-workers/default`; Flink 1.13 had its own below `upstream`.
    pub fn new(base: String, upstream: String, acls: Acls<'static>) -> Self {
        Self { base, upstream, acls }
    }

    /// The folder of the election's lock nodes.
    pub fn leader(&self) -> String {
        format!("{}/leader", self.base)
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
        format!("{}/state", self.base)
    }

    fn ended(&self) -> String {
        format!("{}/ended", self.base)
    }

    pub(super) fn workers(&self) -> String {
        format!("{}/workers", self.base)
    }

    fn worker(&self, id: &WorkerId) -> String {
        format!("{}/{id}", self.workers())
    }

    fn path(&self, node: &Node) -> String {
        match node {
            Node::State => self.state(),
            Node::Ended => self.ended(),
            Node::Worker(id) => self.worker(id),
        }
    }
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
            debug!("The lock node was not deleted: {e}.");
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
        let options = CreateMode::Persistent.with_acls(self.nodes.acls);
        let path = |node| self.nodes.path(node);
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
    Ended,
    Worker(WorkerId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    Create(Node, Vec<u8>),
    Set(Node, Vec<u8>),
    Delete(Node),
}

impl Operation {
    /// About how many bytes it takes in a request.
    fn size(&self, nodes: &Nodes) -> usize {
        let (Self::Create(node, _) | Self::Set(node, _) | Self::Delete(node)) = self;
        let data = if let Self::Create(_, data) | Self::Set(_, data) = self { data.len() } else { 0 };
        nodes.path(node).len() + data + OVERHEAD
    }
}

/// The operations in their order, in parts that ZooKeeper takes as one request each.
fn batches(operations: Vec<Operation>, nodes: &Nodes) -> Vec<Vec<Operation>> {
    let (mut batches, mut batch, mut taken) = (Vec::new(), Vec::new(), 0);
    for operation in operations {
        let size = operation.size(nodes);
        if taken + size > BATCH && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            taken = 0;
        }
        taken += size;
        batch.push(operation);
    }
    batches.push(batch);
    batches.retain(|batch| !batch.is_empty());
    batches
}

/// What leads from one state to the other. A state without an epoch is not there at all.
fn difference(from: &State, to: &State) -> Vec<Operation> {
    let mut operations = Vec::new();
    // First, so that nobody finds the rest gone without knowing why.
    match (&from.ended, &to.ended) {
        (None, Some(ended)) => operations.push(Operation::Create(Node::Ended, record::encode_ended(ended))),
        (Some(before), Some(ended)) if before != ended => {
            operations.push(Operation::Set(Node::Ended, record::encode_ended(ended)));
        }
        (Some(_), None) => operations.push(Operation::Delete(Node::Ended)),
        _ => {}
    }
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

/// Our own state, if it was ever written, and the transaction in which the cluster's end was written; 0 if it was not.
async fn load(client: &Client, nodes: &Nodes, mirror: Option<Mirror>) -> Result<Option<(State, i64)>, StoreError> {
    let (path, ended) = (nodes.state(), nodes.ended());
    let Some((head, _)) = read(client, &path).await? else { return Ok(None) };
    let corrupt = |path: String, reason| StoreError::Corrupt { path: path.into(), reason };
    let mut state = record::decode(&head).map_err(|reason| corrupt(path, reason))?;
    let mut ended_at = 0;
    if let Some((data, stat)) = read(client, &ended).await? {
        state.ended = Some(record::decode_ended(&data).map_err(|reason| corrupt(ended, reason))?);
        ended_at = stat.mzxid;
    }
    if let Some(mirror) = mirror
        && let Some(workers) = mirror.finish(client).await?
    {
        state.workers = workers;
        return Ok(Some((state, ended_at)));
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
    Ok(Some((state, ended_at)))
}

/// A node's data, if it is there.
async fn read(client: &Client, path: &str) -> Result<Option<(Vec<u8>, Stat)>, StoreError> {
    match client.get_data(path).await {
        Ok(found) => Ok(Some(found)),
        Err(Error::NoNode) => Ok(None),
        Err(e) => Err(failed("read", path, e)),
    }
}

/// A fresh state, which takes over framework id and counter from Flink 1.13's nodes if they are there. Upstream's workers
/// cannot be read (they are serialized Java objects): Mesos tells of their tasks, and they are ended.
async fn inherited(client: &Client, nodes: &Nodes) -> Result<State, StoreError> {
    let mut state = fresh_state();
    let read = async |name: &str| {
        let found = read(client, &format!("{}/{name}", nodes.upstream)).await?;
        Ok::<_, StoreError>(found.map(|(data, _)| data))
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
    use crate::core::message::{Ended, Moment, WorkerRecord};

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
    fn a_request_never_grows_beyond_what_zookeeper_takes() {
        let nodes = Nodes::new("/flink/mesos-workers/x".to_owned(), String::new(), Acls::anyone_all());
        let heavy = (0..1000).map(|number| Operation::Create(Node::Worker(WorkerId::new("e", number)), vec![0; 3000]));
        let operations: Vec<_> = heavy.collect();
        let batches = batches(operations.clone(), &nodes);
        assert_eq!(batches.concat(), operations);
        for batch in batches {
            assert!(batch.iter().map(|operation| operation.size(&nodes)).sum::<usize>() <= BATCH);
        }
    }

    #[test]
    fn the_end_of_a_cluster_is_written_once_and_taken_back_when_it_begins_anew() {
        let over = State { ended: Some(Ended { exit_code: 2, why: "cancelled".to_owned() }), ..state(&[]) };
        assert!(matches!(difference(&state(&[]), &over)[..], [Operation::Create(Node::Ended, _)]));
        assert_eq!(difference(&over, &over), []);
        assert_eq!(difference(&over, &state(&[])), [Operation::Delete(Node::Ended)]);
    }

    #[test]
    fn the_first_write_makes_the_state() {
        let made = difference(&State::default(), &state(&[worker(1, false)]));
        assert!(matches!(made[..], [Operation::Create(Node::State, _), Operation::Create(Node::Worker(_), _)]));
    }
}
