//! Accepts connections: a bounded number, none at the expense of the owner and the executors.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::Router;
use common::connection_limit::{Guest, Guests};
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

/// The largest head of a request, in bytes; a connection buffers no more than that.
const LARGEST_HEAD: usize = 16 << 10;
/// How long a connection may take to show a credential. One that has shown it may be idle, as at
/// the real Mesos: a call that is sent while the connection is being closed would be lost.
const STRANGER: Duration = Duration::from_secs(30);

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
    let mut builder = http1::Builder::new();
    builder.max_buf_size(LARGEST_HEAD);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(socket), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = peer.has_to_leave() => return,
        () = remains_a_stranger(&peer) => return,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "A connection to the local Mesos ended early");
    }
}

/// Returns if the connection has shown no credential in time.
async fn remains_a_stranger(peer: &Guest<IpAddr>) {
    tokio::time::sleep(STRANGER).await;
    if peer.stays() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use axum::{Extension, routing::get};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        time::timeout,
    };

    use super::*;

    /// A listener where `/known` shows a credential; a connection to it.
    async fn connect() -> (TcpStream, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new()
            .route("/known", get(async |Extension(peer): Extension<Peer>| peer.stay()))
            .route("/health", get(|| async {}));
        let closing = CancellationToken::new();
        tokio::spawn(serve(listener, routes, closing.clone()));
        (TcpStream::connect(address).await.unwrap(), closing)
    }

    async fn ask(socket: &mut TcpStream, path: &str, more: &str) -> String {
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n");
        // It may be refused before all of it is sent.
        socket.write_all(head.as_bytes()).await.ok();
        let mut answer = [0; 1000];
        let read = socket.read(&mut answer).await.unwrap_or(0);
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }

    #[tokio::test]
    async fn a_usual_head_is_read_and_a_huge_one_is_not() {
        let usual = format!("Authorization: {}\r\n", "x".repeat(8 << 10));
        let (mut socket, _closing) = connect().await;
        assert!(ask(&mut socket, "/known", &usual).await.starts_with("HTTP/1.1 200"));
        for huge in [format!("A: {}", "x".repeat(400 << 10)), "A: b\r\n".repeat(50 << 10)] {
            let (mut socket, _closing) = connect().await;
            let answer = ask(&mut socket, "/known", &huge).await;
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
            let mut rest = Vec::new();
            socket.read_to_end(&mut rest).await.ok();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_shows_no_credential_is_closed_and_one_that_did_may_be_idle() {
        for said in ["", "GET /known HT", "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"] {
            let (mut socket, _closing) = connect().await;
            socket.write_all(said.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            let closed = timeout(STRANGER * 2, socket.read_to_end(&mut rest)).await;
            assert!(closed.is_ok(), "{said:?}");
        }
        let (mut known, _closing) = connect().await;
        assert!(ask(&mut known, "/known", "").await.starts_with("HTTP/1.1 200"));
        assert!(timeout(STRANGER * 100, known.read(&mut [0])).await.is_err());
        assert!(ask(&mut known, "/health", "").await.starts_with("HTTP/1.1 200"));
    }
}
