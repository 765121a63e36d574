//! Reads a node that others have written.

use tokio::time::timeout;
use zookeeper_client::Error;

use super::{
    ZooKeeperOptions,
    trial::{PATIENCE, TrialError, session},
};
use crate::store::failed;

/// The content of the node at `path`; `None` if there is no such node.
pub async fn read_node(
    options: &ZooKeeperOptions,
    path: &str,
) -> Result<Option<Vec<u8>>, TrialError> {
    let (client, _relay) = session(options).await?;
    let read = timeout(PATIENCE, client.get_data(path)).await;
    match read.unwrap_or(Err(Error::Timeout)) {
        Ok((data, _)) => Ok(Some(data)),
        Err(Error::NoNode) => Ok(None),
        Err(source) => Err(failed("read", path, source).into()),
    }
}
