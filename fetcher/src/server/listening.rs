//! Taking connections and handing each to a task of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::connection::{self, Client, Shared, Site};
use super::wire::Wire;

/// Accepts connections and owns their tasks: they end with this one.
pub(super) async fn accept<S: Site>(
    listener: TcpListener,
    shared: Arc<Shared<S>>,
    max_connections: usize,
    stop: CancellationToken,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = stop.cancelled() => return connections.shutdown().await,
        };
        match accepted {
            Ok((socket, address)) => {
                let welcome = connections.len() < max_connections;
                connections.spawn(serve(socket, address, welcome, Arc::clone(&shared)));
            }
            Err(error) => {
                // Out of file descriptors, mostly: others have to be closed first.
                tracing::warn!(%error, "The server cannot accept a connection.");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve<S: Site>(socket: TcpStream, address: SocketAddr, welcome: bool, shared: Arc<Shared<S>>) {
    let served = async {
        let wire = match &shared.acceptor {
            Some(acceptor) => Wire::encrypted(socket, acceptor, shared.floor).await?,
            None => Wire::plain(socket, shared.floor)?,
        };
        let client = Client { address, encrypted: wire.is_encrypted() };
        if welcome {
            connection::serve(wire, client, Arc::clone(&shared)).await
        } else {
            connection::turn_away(wire, Duration::from_secs(2)).await
        }
    };
    if let Err(error) = served.await {
        tracing::debug!(client = %address, %error, "A client's connection ended early.");
    }
}
