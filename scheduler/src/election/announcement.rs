//! What the leader announces in its lock node: how to reach it. The node ends with its leadership,
//! so nothing outdated is left.

use tokio::time::timeout;
use zookeeper_client::{Client, Error};

use super::{
    ZooKeeperOptions,
    trial::{PATIENCE, TrialError, session},
};
use crate::store::{StoreError, failed};

/// The digits at the end of a lock node's name, by which the nodes are ordered.
const DIGITS: usize = 10;

/// What the leader of the cluster has announced; `None` if nobody leads.
pub async fn announced(options: &ZooKeeperOptions) -> Result<Option<Vec<u8>>, TrialError> {
    let (client, _relay) = session(options).await?;
    let folder = options.nodes().leader();
    let read = timeout(PATIENCE, read(&client, &folder)).await;
    Ok(read.unwrap_or_else(|_| Err(failed("read", &folder, Error::Timeout)))?)
}

async fn read(client: &Client, folder: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let nodes = match client.list_children(folder).await {
        Err(Error::NoNode) => return Ok(None),
        listed => listed.map_err(|source| failed("list", folder, source))?,
    };
    let Some(oldest) = oldest(&nodes) else { return Ok(None) };
    let path = format!("{folder}/{oldest}");
    match client.get_data(&path).await {
        Ok((data, _)) => Ok(Some(data)),
        // It has just ended.
        Err(Error::NoNode) => Ok(None),
        Err(source) => Err(failed("read", &path, source)),
    }
}

/// The lock node that leads.
fn oldest(nodes: &[String]) -> Option<&String> {
    nodes.iter().min_by_key(|name| name.get(name.len().saturating_sub(DIGITS)..))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_with_the_lowest_number_leads_whatever_its_name() {
        let nodes = ["_c_f0-latch-0000000011", "_c_a1-latch-0000000012", "_c_b2-latch-0000000002"];
        let nodes = nodes.map(str::to_owned);
        assert_eq!(oldest(&nodes), Some(&nodes[2]));
        assert_eq!(oldest(&[]), None);
    }
}
