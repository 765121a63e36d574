//! A master or agent whose part the test plays: a real HTTP server on a port of the system's choice
//! that hands every request to the test and sends what the test answers.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::HeaderMap,
    response::Response,
};
use bytes::{Bytes, BytesMut};
use mesos::recordio::RecordIo;
use prost::Message;
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::{codec::Encoder, task::AbortOnDropHandle};

/// Longer than anything here takes on the slowest machine; reached only when a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for something that must happen.
pub(crate) fn soon<T>(what: impl Future<Output = T>) -> impl Future<Output = T> {
    let what = timeout(PATIENCE, Box::pin(what));
    async move { what.await.expect("it never happened") }
}

/// The server.
pub(crate) struct FakePeer {
    pub(crate) address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Asked>,
    _server: AbortOnDropHandle<()>,
}

/// One request that waits for its answer.
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The client's end of the connection: the same one as long as the connection is kept.
    pub(crate) connection: SocketAddr,
    answer: oneshot::Sender<Response>,
}

/// The sending end of an event stream. Dropping it ends the stream properly.
pub(crate) struct Events(mpsc::UnboundedSender<Result<Bytes, Infallible>>);

type Requests = mpsc::UnboundedSender<Asked>;

impl FakePeer {
    pub(crate) async fn start() -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    /// Starts on a port that may have been somebody else's.
    pub(crate) fn start_on(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::unbounded_channel();
        let service = app(sender).into_make_service_with_connect_info::<SocketAddr>();
        let server = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self { address, requests, _server: AbortOnDropHandle::new(server) }
    }

    /// Starts on any listener; the connection's address is not known then.
    pub(crate) fn start_anywhere<L>(listener: L) -> Self
    where
        L: axum::serve::Listener,
        L::Addr: std::fmt::Debug,
    {
        let (sender, requests) = mpsc::unbounded_channel();
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let app = app(sender).layer(axum::Extension(ConnectInfo(unknown)));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address: unknown, requests, _server: AbortOnDropHandle::new(server) }
    }

    /// The next request.
    pub(crate) async fn asked(&mut self) -> Asked {
        soon(self.requests.recv()).await.expect("the server has ended")
    }

    /// Whether a request waits already.
    pub(crate) fn is_asked(&self) -> bool {
        !self.requests.is_empty()
    }
}

fn app(sender: Requests) -> Router {
    Router::new().fallback(hand_over).with_state(sender)
}

async fn hand_over(
    State(requests): State<Requests>,
    ConnectInfo(connection): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let (answer, answered) = oneshot::channel();
    let path = head.uri.path().to_owned();
    requests
        .send(Asked { path, headers: head.headers, body, connection, answer })
        .expect("the test has ended");
    match answered.await {
        Ok(response) => response,
        // The test holds its tongue: the client waits until the server is dropped.
        Err(_) => std::future::pending().await,
    }
}

impl Asked {
    /// The call in the body.
    pub(crate) fn call<C: Message + Default>(&self) -> C {
        C::decode(self.body.clone()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn answer(self, status: u16, text: &'static str) {
        self.reply(Response::builder().status(status), Body::from(text));
    }

    pub(crate) fn accept(self) {
        self.answer(202, "");
    }

    /// Accepts, and closes the connection after the answer.
    pub(crate) fn accept_and_close(self) {
        self.reply(Response::builder().status(202).header("connection", "close"), Body::empty());
    }

    /// Breaks the connection in the middle of the answer's head.
    pub(crate) fn hang_up(self) {
        let broken =
            futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("hung up")) });
        self.reply(Response::builder().status(202), Body::from_stream(broken));
    }

    pub(crate) fn redirect(self, location: &str) {
        self.reply(Response::builder().status(307).header("location", location), Body::empty());
    }

    /// Accepts a subscription.
    pub(crate) fn stream(self, stream_id: &str) -> Events {
        let (sender, pieces) = mpsc::unbounded_channel();
        let body = Body::from_stream(UnboundedReceiverStream::new(pieces));
        let head = Response::builder().header("content-type", "application/x-protobuf");
        self.reply(
            if stream_id.is_empty() { head } else { head.header("mesos-stream-id", stream_id) },
            body,
        );
        Events(sender)
    }

    fn reply(self, head: axum::http::response::Builder, body: Body) {
        assert!(self.answer.send(head.body(body).unwrap()).is_ok(), "the client has gone");
    }
}

impl Events {
    /// Sends one event as one chunk.
    pub(crate) fn send(&self, event: &impl Message) {
        self.send_bytes(record(event));
    }

    /// Sends bytes, whatever they are.
    pub(crate) fn send_bytes(&self, bytes: Bytes) {
        assert!(self.0.send(Ok(bytes)).is_ok(), "the client has gone");
    }

    /// Whether the client still listens.
    pub(crate) async fn left(&self) {
        soon(self.0.closed()).await;
    }
}

/// An event as it goes over the wire.
pub(crate) fn record(event: &impl Message) -> Bytes {
    let mut bytes = BytesMut::new();
    RecordIo::new(usize::MAX).encode(event.encode_to_vec().into(), &mut bytes).unwrap();
    bytes.freeze()
}
