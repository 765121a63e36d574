//! Connections at the Unix socket, with limits on their number and duration.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::ConnectInfo;
use common::connection_limit::{Guest, Guests};
use common::descriptors;
use common::log_rate_limit::Quiet;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::select;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::caller::Caller;

/// The most connections, if there are enough descriptors.
const MOST: usize = 1024;
/// The share of them that one user may have, as a divisor.
const SHARE: usize = 8;
/// How long a connection may stay without a complete request.
const IDLE: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes; a connection buffers no more than that.
const LARGEST_HEAD: usize = 16 << 10;
/// How long to pause after an error of `accept`.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until stopped, and then until the last answer is sent. `healthy` reports whether
/// connections can be accepted.
pub(super) async fn serve(
    listener: UnixListener,
    routes: Router,
    stop: CancellationToken,
    healthy: Arc<AtomicBool>,
) {
    let most = descriptors::connections(MOST);
    let guests = Guests::new(most, most.div_ceil(SHARE));
    let (connections, trouble) = (TaskTracker::new(), Quiet::default());
    loop {
        let accepted = select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        healthy.store(accepted.is_ok(), Ordering::Relaxed);
        match accepted {
            Ok((stream, _)) => {
                let caller = Caller::of(&stream);
                // Without room the connection is closed at once: the executor then fetches by
                // itself.
                if let Some(guest) = guests.admit(caller) {
                    connections.spawn(converse(
                        stream,
                        caller,
                        guest,
                        routes.clone(),
                        stop.clone(),
                    ));
                }
            }
            Err(error) => {
                if let Some(before) = trouble.now() {
                    tracing::error!(%error, before, "The socket cannot accept a connection");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    connections.close();
    connections.wait().await;
}

/// Serves one connection to its end.
async fn converse(
    stream: UnixStream,
    caller: Caller,
    guest: Guest<Caller>,
    routes: Router,
    stop: CancellationToken,
) {
    let guest = Arc::new(guest);
    let routes = TowerToHyperService::new(routes);
    let answering = Arc::clone(&guest);
    let service = service_fn(move |mut request: Request<Incoming>| {
        // The connection counts as busy until the last byte of the answer.
        let busy = answering.busy();
        request.extensions_mut().insert(ConnectInfo(caller));
        let answer = routes.call(request);
        async move {
            let answer: Response<Body> = answer.await?;
            Ok::<_, Infallible>(answer.map(|body| {
                body.map_frame(move |frame| {
                    let _ = &busy;
                    frame
                })
            }))
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(LARGEST_HEAD);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = select! {
        ended = connection.as_mut() => Some(ended),
        () = guest.has_to_leave() => return,
        () = stop.cancelled() => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        // Pending requests are still answered.
        connection.as_mut().graceful_shutdown();
        select! {
            ended = connection.as_mut() => ended,
            () = guest.has_to_leave() => return,
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "A connection at the socket ended early");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A served socket: its path, and how to stop it.
    fn served(folder: &tempfile::TempDir) -> (std::path::PathBuf, CancellationToken) {
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let (routes, stop) =
            (Router::new().route("/", get(async || "hello")), CancellationToken::new());
        tokio::spawn(serve(listener, routes, stop.clone(), Arc::default()));
        (path, stop)
    }

    async fn request(stream: &mut UnixStream) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut buffer = vec![0; 1000];
        let read = stream.read(&mut buffer).await.unwrap();
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    }

    #[tokio::test]
    async fn idle_connections_of_one_user_do_not_keep_others_out() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _stop) = served(&folder);
        let mut idle = Vec::new();
        for _ in 0..=descriptors::connections(MOST).div_ceil(SHARE) {
            idle.push(UnixStream::connect(&path).await.unwrap());
        }
        // The oldest one was closed.
        assert_eq!(idle[0].read(&mut [0; 1]).await.unwrap_or(0), 0);
        let mut last = UnixStream::connect(&path).await.unwrap();
        assert!(request(&mut last).await.ends_with("hello"));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_heads_and_connections_without_a_request_are_closed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _stop) = served(&folder);
        for sent in ["", "GET / HTTP/1.1\r\nHost:"] {
            let mut stream = UnixStream::connect(&path).await.unwrap();
            stream.write_all(sent.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            tokio::time::timeout(IDLE * 2, stream.read_to_end(&mut rest))
                .await
                .expect("it stays")
                .ok();
        }
        let mut kept = UnixStream::connect(&path).await.unwrap();
        assert!(request(&mut kept).await.ends_with("hello"));
        tokio::time::timeout(IDLE * 2, kept.read(&mut [0; 1]))
            .await
            .expect("the connection stays open after an answer")
            .ok();
    }

    #[tokio::test]
    async fn a_huge_head_is_refused_without_being_read() {
        let folder = tempfile::tempdir().unwrap();
        let (path, _stop) = served(&folder);
        for huge in [format!("A: {}", "x".repeat(400 << 10)), "A: b\r\n".repeat(50 << 10)] {
            let mut stream = UnixStream::connect(&path).await.unwrap();
            // It is closed before all of it is sent.
            stream.write_all(format!("GET / HTTP/1.1\r\n{huge}").as_bytes()).await.unwrap_err();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.ok();
            assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 431"), "{rest:?}");
        }
    }
}
