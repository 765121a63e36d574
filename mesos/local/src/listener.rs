//! Accepts connections: a bounded number, none at the expense of the owner and the executors.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::Router;
use common::guests::{Guest, Guests};
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// Largest number of connections. Scheduler and executors have two each: one for events, one for
/// calls.
pub(crate) const MOST: usize = 512;

/// How long to wait after a connection could not be accepted: usually no file descriptor is left
/// until others are closed.
const PAUSE: Duration = Duration::from_millis(100);

type Routes = TowerToHyperService<Router>;

/// A connection, found in the extensions of its requests.
pub(crate) type Peer = Arc<Guest<IpAddr>>;

/// Serves until `closing` is cancelled, then ends open connections gracefully. If all connections
/// are in use, a new one replaces the oldest that has not shown a credential.
pub(crate) async fn serve(listener: TcpListener, router: Router, closing: CancellationToken) {
    let guests = Guests::new(MOST, MOST);
    let routes = TowerToHyperService::new(router);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => break,
        };
        match accepted {
            Ok((socket, peer)) => {
                if let Some(guest) = guests.admit(peer.ip()) {
                    connections.spawn(converse(
                        socket,
                        Arc::new(guest),
                        routes.clone(),
                        closing.clone(),
                    ));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "The local Mesos cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn converse(socket: TcpStream, peer: Peer, routes: Routes, closing: CancellationToken) {
    socket.set_nodelay(true).ok();
    let here = Arc::clone(&peer);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Arc::clone(&here));
        routes.call(request)
    });
    let mut connection =
        std::pin::pin!(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = peer.has_to_leave() => return,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "A connection to the local Mesos ended early");
    }
}
