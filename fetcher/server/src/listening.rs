//! Accept connections, and serve each in a task of its own.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use common::connection_limit::{Guest, Guests, machine};
use common::descriptors;
use common::log_rate_limit::Quiet;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::connection::{self, Client, Shared, Site};
use crate::error::ServerError;
use crate::wire::Wire;

/// The share of connections that one address may have, as a divisor.
const SHARE: usize = 4;
/// How many rejected connections may be answered with 503 at the same time; further ones are just
/// closed.
const TURNED_AWAY: usize = 32;

/// A listener for `server`, and its address.
pub(crate) async fn listen(
    server: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), ServerError> {
    let listener = TcpListener::bind(address)
        .await
        .and_then(|listener| Ok((listener.local_addr()?, listener)));
    match listener {
        Ok((bound, listener)) => Ok((listener, bound)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Err(ServerError::PortInUse { server, address })
        }
        Err(source) => Err(ServerError::Bind { server, address, source }),
    }
}

/// Accepts connections and owns their tasks, which end with this one.
pub(crate) async fn accept<S: Site>(
    listener: TcpListener,
    shared: Arc<Shared<S>>,
    max_connections: usize,
    stop: CancellationToken,
) {
    let most = descriptors::connections(max_connections);
    let guests = Guests::new(most, most.div_ceil(SHARE));
    let (mut connections, trouble) = (JoinSet::new(), Quiet::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = stop.cancelled() => return connections.shutdown().await,
        };
        match accepted {
            Ok((socket, address)) => {
                let guest = guests.admit(machine(address.ip()));
                if guest.is_some() || connections.len() < guests.count() + TURNED_AWAY {
                    connections.spawn(serve(socket, address, guest, Arc::clone(&shared)));
                }
            }
            Err(error) => {
                // Usually out of file descriptors: other connections must be closed first.
                if let Some(before) = trouble.now() {
                    tracing::warn!(%error, before, "Cannot accept a connection");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve<S: Site>(
    socket: TcpStream,
    address: SocketAddr,
    guest: Option<Guest<IpAddr>>,
    shared: Arc<Shared<S>>,
) {
    let leaves = async {
        match &guest {
            Some(guest) => guest.has_to_leave().await,
            None => std::future::pending().await,
        }
    };
    let served = async {
        let wire = match &shared.acceptor {
            Some(acceptor) => Wire::encrypted(socket, acceptor, shared.floor).await?,
            None => Wire::plain(socket, shared.floor)?,
        };
        let client = Client { address, encrypted: wire.is_encrypted() };
        match &guest {
            Some(guest) => connection::serve(wire, client, guest, Arc::clone(&shared)).await,
            None => connection::turn_away(wire, Duration::from_secs(2)).await,
        }
    };
    let served = tokio::select! {
        served = served => served,
        () = leaves => Err(io::Error::other("it was closed to make room for others")),
    };
    if let Err(error) = served {
        tracing::debug!(client = %address, %error, "A client's connection ended early");
    }
}
