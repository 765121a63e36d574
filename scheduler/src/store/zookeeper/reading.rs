//! Reads the stored state: our own, or what Flink 1.13 has left.

use zookeeper_client::{Client, Error, Stat};

use super::{Nodes, failed};
use crate::{
    core::state::State,
    store::{Mirror, StoreError, fresh_state, record},
};

/// What a leader would take over, if there is anything. Changes nothing.
pub(crate) async fn look(client: &Client, nodes: &Nodes) -> Result<Option<State>, StoreError> {
    match load(client, nodes, None).await? {
        Some((state, _)) => Ok(Some(state)),
        None => Ok(Some(inherited(client, nodes).await?).filter(|state| state.framework.is_some())),
    }
}

/// Our own state, if it exists, and the transaction that wrote the cluster's end, or 0.
pub(super) async fn load(
    client: &Client,
    nodes: &Nodes,
    mirror: Option<Mirror>,
) -> Result<Option<(State, i64)>, StoreError> {
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
    let names = match client.list_children(&folder).await {
        Err(Error::NoNode) => Vec::new(),
        listed => listed.map_err(|e| failed("list", &folder, e))?,
    };
    // All requests are sent at once: one round trip after the other would take seconds for
    // thousands of workers.
    let paths: Vec<String> = names.iter().map(|name| format!("{folder}/{name}")).collect();
    let answers: Vec<_> = paths.iter().map(|path| client.get_data(path)).collect();
    for (path, answer) in paths.iter().zip(answers) {
        let (data, _) = answer.await.map_err(|e| failed("read", path, e))?;
        let worker =
            record::decode_worker(&data).map_err(|reason| corrupt(path.clone(), reason))?;
        state.workers.insert(worker.id.clone(), worker);
    }
    Ok(Some((state, ended_at)))
}

/// A node's data, if the node exists.
async fn read(client: &Client, path: &str) -> Result<Option<(Vec<u8>, Stat)>, StoreError> {
    match client.get_data(path).await {
        Ok(found) => Ok(Some(found)),
        Err(Error::NoNode) => Ok(None),
        Err(e) => Err(failed("read", path, e)),
    }
}

/// A fresh state with framework id and counter from Flink 1.13's nodes, if they exist. Upstream's
/// workers cannot be read (they are serialized Java objects): Mesos reports their tasks, which are
/// then killed.
pub(super) async fn inherited(client: &Client, nodes: &Nodes) -> Result<State, StoreError> {
    let mut state = fresh_state();
    let read = async |name: &str| {
        let found = read(client, &nodes.upstream(name)).await?;
        Ok::<_, StoreError>(found.map(|(data, _)| data))
    };
    let framework = read("frameworkId").await?.and_then(|data| String::from_utf8(data).ok());
    state.framework = framework.filter(|id| !id.is_empty());
    if state.framework.is_some() {
        let count = read("taskCount")
            .await?
            .and_then(|data| data.try_into().ok())
            .map_or(0, u32::from_be_bytes);
        state.next_number = u64::from(count) + 1;
    }
    Ok(state)
}
