//! Accepts the control API's connections: a bounded number, each for a bounded time.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use common::connection_limit::{Guest, Guests, machine};
use common::descriptors;
use common::log_rate_limit::Quiet;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::access::Connection;

/// Largest number of connections, if the system allows as many.
const MOST: usize = 256;
/// Timeout of a handshake, of a request's head, and of an idle connection.
const HEAD: Duration = Duration::from_secs(10);
/// The largest head, in bytes.
const LARGEST_HEAD: usize = 16 << 10;
/// How long a connection is used; after that, no further request is read from it.
const USE: Duration = Duration::from_secs(60);
/// How long the last answer on a connection may take.
const LAST_ANSWER: Duration = Duration::from_secs(60);

/// The limit of connections in total and per address. The difference is left for other addresses.
pub(super) fn room() -> (usize, usize) {
    let most = descriptors::connections(MOST);
    (most, most - most / 4)
}

/// Serves forever.
///
/// File descriptors are shared with the state, ZooKeeper, Mesos and the artifacts, so the API has a
/// fixed number of them. If all are in use, a new connection replaces the oldest one that has not
/// presented the token. So nobody can keep operators out with idle connections: an operator
/// presents the token within milliseconds.
pub(super) async fn serve(listener: TcpListener, router: Router, acceptor: Option<TlsAcceptor>) {
    let (most, most_of_each) = room();
    let guests = Guests::new(most, most_of_each);
    let (mut connections, trouble) = (JoinSet::new(), Quiet::default());
    let routes = TowerToHyperService::new(router);
    loop {
        match listener.accept().await {
            // If there is no room, it is closed at once: all current connections have presented the
            // token.
            Ok((socket, peer)) => {
                if let Some(guest) = guests.admit(machine(peer.ip())) {
                    connections.spawn(connection(
                        socket,
                        peer,
                        guest,
                        routes.clone(),
                        acceptor.clone(),
                    ));
                }
            }
            Err(error) => {
                // Usually no file descriptor is left until others are closed.
                if let Some(before) = trouble.now() {
                    warn!(%error, before, "The control API cannot accept a connection");
                }
                sleep(Duration::from_millis(100)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

type Routes = TowerToHyperService<Router>;

async fn connection(
    socket: TcpStream,
    peer: SocketAddr,
    guest: Guest<IpAddr>,
    routes: Routes,
    acceptor: Option<TlsAcceptor>,
) {
    let Ok(local) = socket.local_addr() else { return };
    let guest = Arc::new(guest);
    let here = Connection { local, guest: Arc::clone(&guest) };
    let conversation = async {
        match acceptor {
            None => converse(socket, routes, here).await,
            Some(acceptor) => match timeout(HEAD, acceptor.accept(socket)).await {
                Ok(Ok(socket)) => converse(socket, routes, here).await,
                Ok(Err(error)) => {
                    debug!(%peer, %error, "TLS handshake with the control API failed");
                }
                Err(_) => debug!(%peer, "TLS handshake with the control API timed out"),
            },
        }
    };
    tokio::select! {
        () = conversation => debug!(%peer, "A connection to the control API has ended"),
        () = guest.has_to_leave() => debug!(%peer, "Closed a connection to the control API to make room for others"),
    }
}

async fn converse(socket: impl AsyncRead + AsyncWrite + Unpin, routes: Routes, here: Connection) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(LARGEST_HEAD);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(here.clone());
        routes.call(request)
    });
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
        debug!(%error, "A connection to the control API ended early");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[expect(
    clippy::disallowed_methods,
    reason = "starts itself as another process and tells it its task"
)]
mod tests {
    use std::{
        collections::VecDeque,
        io::Write as _,
        process::Stdio,
        time::{Duration, Instant},
    };

    use serde_json::json;

    use crate::control::tests::{client, echo};

    /// The variable with the address, for the second process of the next test.
    const ADDRESS_VARIABLE: &str = "FLINK_MESOS_TEST_FLOOD";
    const THREADS: usize = 32;
    /// Number of connections that each process holds.
    const HELD: usize = 20;
    const FLOOD: Duration = Duration::from_secs(4);
    const MOST: usize = 100_000;

    #[test]
    #[ignore = "the other process of the next test"]
    fn play_a_user_who_connects_as_fast_as_possible() {
        let address = std::env::var(ADDRESS_VARIABLE).unwrap();
        let until = Instant::now() + FLOOD;
        let flood = || {
            let mut held = VecDeque::new();
            let said = ["", "GET /workers HT", "GET /workers HTTP/1.1\r\nHost: x\r\n\r\n"];
            for said in
                said.iter().cycle().take(MOST / THREADS).take_while(|_| Instant::now() < until)
            {
                let Ok(mut socket) = std::net::TcpStream::connect(&address) else { continue };
                _ = socket.write_all(said.as_bytes());
                held.push_back(socket);
                held.drain(..held.len().saturating_sub(HELD));
            }
        };
        std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(flood))));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_operator_is_answered_soon_during_a_flood_of_connections_from_the_same_address() {
        let (address, _server) = echo().await;
        let mut flood = tokio::process::Command::new(std::env::current_exe().unwrap());
        let name = "control::listener::tests::play_a_user_who_connects_as_fast_as_possible";
        flood
            .args(["--exact", "--ignored", name])
            .env(ADDRESS_VARIABLE, address.trim_start_matches("http://"));
        let mut flood = flood.stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let mut took = Vec::new();
        while flood.try_wait().unwrap().is_none() {
            let asked = Instant::now();
            assert_eq!(client(&address).get("workers").await.unwrap(), json!("Workers"));
            took.push(asked.elapsed());
        }
        took.sort();
        println!(
            "{} answers, the last ones {:?}",
            took.len(),
            &took[took.len().saturating_sub(5)..]
        );
        // The system resends what it could not queue after one second. Not the longest one: this
        // machine may be busy.
        assert!(
            took.get(took.len() / 2).is_some_and(|middle| *middle < Duration::from_secs(1)),
            "{took:?}"
        );
    }
}
