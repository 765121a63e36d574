//! Takes the control API's connections, a bounded number for a bounded time.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Extension, Router};
use fetcher::descriptors;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, Id, JoinSet},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::{
    access::Connection,
    guests::{Guests, MOST, Room},
};

/// How long a handshake may take, and the head of a request, and how long a connection may be without one.
const HEAD: Duration = Duration::from_secs(10);
/// The largest head, in bytes.
const LARGEST_HEAD: usize = 16 << 10;
/// How long a connection is used: no further request is read from it then.
const USE: Duration = Duration::from_secs(60);
/// How long the last answer on a connection may take.
const LAST_ANSWER: Duration = Duration::from_secs(60);

/// Serves forever.
pub(super) async fn serve(listener: TcpListener, router: Router, acceptor: Option<TlsAcceptor>) {
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut guests: Guests<Id> = Guests::new(descriptors::connections(MOST));
    let mut handles: Vec<AbortHandle> = Vec::new();
    let mut refuses = false;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(ended) = tasks.join_next_with_id() => {
                let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                guests.leave(id);
                handles.retain(|handle| handle.id() != id);
                continue;
            }
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, mostly. Said once, not ten times a second.
                if !std::mem::replace(&mut refuses, true) {
                    warn!(%error, "The control API cannot accept a connection.");
                }
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        refuses = false;
        match guests.room_for(peer.ip()) {
            Room::Free => {}
            Room::InPlaceOf(id) => {
                handles.iter().filter(|handle| handle.id() == id).for_each(AbortHandle::abort);
                guests.leave(id);
            }
            Room::None => {
                debug!(%peer, "Too many connections to the control API.");
                continue;
            }
        }
        let proven = Arc::new(AtomicBool::new(false));
        let task = connection(socket, peer, router.clone(), acceptor.clone(), proven.clone());
        let handle = tasks.spawn(task);
        guests.enter(handle.id(), peer.ip(), proven);
        handles.push(handle);
    }
}

async fn connection(
    socket: TcpStream,
    peer: SocketAddr,
    router: Router,
    acceptor: Option<TlsAcceptor>,
    proven: Arc<AtomicBool>,
) {
    let Ok(local) = socket.local_addr() else { return };
    let router = router.layer(Extension(Connection { local, proven: proven.clone() }));
    match acceptor {
        None => converse(socket, router).await,
        Some(acceptor) => match timeout(HEAD, acceptor.accept(socket)).await {
            Ok(Ok(socket)) => converse(socket, router).await,
            Ok(Err(error)) => debug!(%peer, %error, "No TLS with the control API."),
            Err(_) => debug!(%peer, "No TLS with the control API in time."),
        },
    }
    debug!(%peer, proven = proven.load(Ordering::Relaxed), "A connection to the control API has ended.");
}

async fn converse(socket: impl AsyncRead + AsyncWrite + Unpin, router: Router) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST_HEAD);
    let service = TowerToHyperService::new(router);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(socket), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = sleep(USE) => {
            connection.as_mut().graceful_shutdown();
            match timeout(LAST_ANSWER, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        debug!(%error, "A connection to the control API ended early.");
    }
}
