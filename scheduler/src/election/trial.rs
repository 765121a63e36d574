//! Checks whether ZooKeeper would let us lead, without changing anything there.

use std::time::Duration;

use tokio::{net::TcpStream, time::timeout};
use zookeeper_client::{Client, CreateMode, Error, MultiWriteError};

use super::{Relay, ZooKeeperOptions, tls_relay::handshake};
use crate::{
    core::state::State,
    store::{self, Nodes, StoreError, failed},
};

/// How long one server may take to answer, and all servers together to start a session.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Why we could not lead.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// No session was established; the text says why, for each server.
    #[error("no session with ZooKeeper: {0}")]
    Unreachable(String),
    /// The login was refused, or an operation in the session.
    #[error(transparent)]
    Refused(#[from] StoreError),
}

/// Logs in, reads the state if there is one, and lets ZooKeeper check a write that it does not
/// execute. Returns the state.
pub async fn try_out(options: &ZooKeeperOptions) -> Result<Option<State>, TrialError> {
    let (client, _relay) = session(options).await?;
    let tried = timeout(PATIENCE, rehearse(&client, &options.nodes())).await;
    Ok(tried.unwrap_or_else(|_| Err(failed("look at", &options.base, Error::Timeout)))?)
}

/// A session, and the relay that it needs.
pub(super) async fn session(
    options: &ZooKeeperOptions,
) -> Result<(Client, Option<Relay>), TrialError> {
    let relay = match &options.access.tls {
        None => None,
        Some(tls) => {
            let deaf =
                |source| StoreError::Io { action: "listen on", path: "127.0.0.1".into(), source };
            Some(Relay::start(tls).await.map_err(deaf)?)
        }
    };
    let quorum = relay.as_ref().map_or(&options.quorum, |relay| &relay.quorum);
    match timeout(PATIENCE, options.connect(quorum)).await {
        Ok(Ok(client)) => Ok((client, relay)),
        Ok(Err(Error::NoHosts | Error::Timeout)) | Err(_) => {
            Err(TrialError::Unreachable(reasons(options).await))
        }
        Ok(Err(source)) => Err(failed("log in to ZooKeeper for", &options.base, source).into()),
    }
}

/// Reads what a leader reads, and tests the creation of its first missing node.
async fn rehearse(client: &Client, nodes: &Nodes) -> Result<Option<State>, StoreError> {
    let found = store::look(client, nodes).await?;
    let fresh = first_to_make(client, &format!("{}/trial", nodes.leader())).await?;
    let refused = |source| failed("make", &fresh, source);
    let mut writer = client.new_multi_writer();
    let options = CreateMode::Persistent.with_acls(nodes.acls());
    writer.add_create(&fresh, b"", &options).map_err(refused)?;
    // The root never has this version, so nothing is ever created.
    writer.add_check_version("/", i32::MAX).map_err(refused)?;
    match writer.commit().await {
        Ok(_)
        | Err(
            MultiWriteError::OperationFailed { index: 1.., .. }
            | MultiWriteError::OperationFailed { source: Error::NodeExists, .. },
        ) => Ok(found),
        Err(e) => Err(refused(e.into())),
    }
}

/// The first missing node on the way to `path`.
async fn first_to_make(client: &Client, path: &str) -> Result<String, StoreError> {
    for (end, _) in path.match_indices('/').skip(1) {
        let above = &path[..end];
        let there =
            client.check_stat(above).await.map_err(|source| failed("look at", above, source))?;
        if there.is_none() {
            return Ok(above.to_owned());
        }
    }
    Ok(path.to_owned())
}

/// Why no session was established, for each server.
async fn reasons(options: &ZooKeeperOptions) -> String {
    let reasons = servers(options).await.into_iter().map(|(server, tried)| match tried {
        Ok(()) => {
            format!(
                "{server} accepts connections but starts no session: is it a ZooKeeper server that is part of a quorum?"
            )
        }
        Err(why) => format!("{server}: {why}"),
    });
    reasons.collect::<Vec<_>>().join("; ")
}

/// Whether each server accepts a connection, or why not.
pub async fn servers(options: &ZooKeeperOptions) -> Vec<(String, Result<(), String>)> {
    let mut all = Vec::new();
    if let Some(tls) = &options.access.tls {
        for server in &tls.servers {
            let tried = timeout(PATIENCE, handshake(&tls.config, server)).await;
            all.push((server.address.clone(), outcome(tried.map(|done| done.map(drop)))));
        }
    } else {
        let servers = options.quorum.split('/').next().unwrap_or_default();
        for server in servers.split(',').map(str::trim) {
            let address =
                if server.contains(':') { server.to_owned() } else { format!("{server}:2181") };
            let tried = timeout(PATIENCE, TcpStream::connect(&address)).await;
            all.push((address, outcome(tried.map(|done| done.map(drop)))));
        }
    }
    all
}

fn outcome(tried: Result<std::io::Result<()>, tokio::time::error::Elapsed>) -> Result<(), String> {
    match tried {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
