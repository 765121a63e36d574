//! One HTTP/1.1 connection to one master or agent: over TCP, TLS or a Unix socket.
//!
//! A connection is opened when it is needed and kept. Nothing is pooled and nothing is retried
//! here: whether a call may be made twice is a question for Mesos's semantics, and its order is
//! kept by there being one connection.

mod records;

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use common::causes::with_causes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use self::records::{RecordStream, StreamError};
use crate::master::HostPort;

/// The content type of every body in both directions.
pub(crate) const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
/// How long a connection may take to be made, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer's head may take. A master that has just been elected recovers its registry
/// first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How much of a refusal's text is kept, in bytes.
const MAX_REASON: usize = 4096;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No connection, or it broke while TLS was set up.
    #[error("cannot connect to {endpoint}: {source}")]
    Connect {
        /// Host and port, or the socket's path.
        endpoint: String,
        /// What the system said.
        source: io::Error,
    },
    /// The connection broke before the answer came.
    #[error("lost the connection to {endpoint}: {}", with_causes(.source))]
    Lost {
        /// Host and port, or the socket's path.
        endpoint: String,
        /// What the HTTP library said.
        source: hyper::Error,
    },
    /// Nothing came in time.
    #[error("no answer from {endpoint} within {seconds} s")]
    Silent {
        /// Host and port, or the socket's path.
        endpoint: String,
        /// How long it was waited for.
        seconds: u64,
    },
    /// The request could not be built.
    #[error("no valid request for {endpoint}: {source}")]
    Request {
        /// Host and port, or the socket's path.
        endpoint: String,
        /// Which part is wrong.
        source: http::Error,
    },
}

/// Where a connection leads.
#[derive(Clone)]
pub(crate) struct Target {
    /// Name in the Host header and, with TLS, in the certificate; the address too unless there is a
    /// socket.
    pub(crate) host: HostPort,
    /// Speak TLS with this configuration.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Connect to this Unix socket instead of the host.
    pub(crate) socket: Option<PathBuf>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Some(path) => path.display().fmt(f),
            None => self.host.fmt(f),
        }
    }
}

/// An open connection, one request at a time.
pub(crate) struct Connection {
    endpoint: String,
    host: String,
    sender: http1::SendRequest<Full<Bytes>>,
    driver: AbortOnDropHandle<()>,
}

impl Connection {
    /// Opens one.
    pub(crate) async fn open(target: &Target) -> Result<Self, TransportError> {
        // A TLS handshake has a large state, and most connections have none.
        match timeout(CONNECT_TIMEOUT, Box::pin(connect(target))).await {
            Ok(connected) => connected
                .map_err(|source| TransportError::Connect { endpoint: target.to_string(), source }),
            Err(_) => Err(TransportError::Silent {
                endpoint: target.to_string(),
                seconds: CONNECT_TIMEOUT.as_secs(),
            }),
        }
    }

    /// Whether another request may be tried on it: the other end has not closed it, as far as is
    /// known.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Posts a body and waits for the answer's head.
    pub(crate) async fn post(
        &mut self,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, TransportError> {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, PROTOBUF)
            .header(header::ACCEPT, PROTOBUF);
        self.ask(request, headers, body).await
    }

    /// Asks for a path, which answers in JSON, and waits for the answer's head.
    pub(crate) async fn get(
        &mut self,
        path: &str,
        headers: HeaderMap,
    ) -> Result<Response<Incoming>, TransportError> {
        self.ask(Request::get(path), headers, Bytes::new()).await
    }

    async fn ask(
        &mut self,
        request: http::request::Builder,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, TransportError> {
        let mut request =
            request.header(header::HOST, &self.host).body(Full::new(body)).map_err(|source| {
                TransportError::Request { endpoint: self.endpoint.clone(), source }
            })?;
        request.headers_mut().extend(headers);
        let answer = async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        };
        match timeout(ANSWER_TIMEOUT, answer).await {
            Ok(answered) => answered
                .map_err(|source| TransportError::Lost { endpoint: self.endpoint.clone(), source }),
            Err(_) => Err(TransportError::Silent {
                endpoint: self.endpoint.clone(),
                seconds: ANSWER_TIMEOUT.as_secs(),
            }),
        }
    }

    /// The answer's body as records. The connection now belongs to them: there is no end to this
    /// answer.
    pub(crate) fn into_records(self, body: Incoming, max_record: usize) -> RecordStream {
        RecordStream::new(body, self.driver, max_record)
    }
}

async fn connect(target: &Target) -> io::Result<Connection> {
    if let Some(path) = &target.socket {
        return secure(target, UnixStream::connect(path).await?).await;
    }
    let stream = TcpStream::connect((target.host.host.as_str(), target.host.port)).await?;
    stream.set_nodelay(true)?;
    secure(target, stream).await
}

async fn secure<S>(target: &Target, stream: S) -> io::Result<Connection>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let Some(config) = &target.tls else { return handshake(target, stream).await };
    let name = ServerName::try_from(target.host.host.clone()).map_err(io::Error::other)?;
    handshake(target, TlsConnector::from(Arc::clone(config)).connect(name, stream).await?).await
}

async fn handshake<S>(target: &Target, stream: S) -> io::Result<Connection>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            // The reader of an answer or a record sees the same error.
            tracing::trace!(%error, "Connection ended");
        }
    });
    Ok(Connection {
        endpoint: target.to_string(),
        host: target.host.to_string(),
        sender,
        driver: AbortOnDropHandle::new(driver),
    })
}

/// What a refusal says in its body, cut to a readable length. Reading it to the end keeps the
/// connection usable.
pub(crate) async fn read_reason(body: Incoming) -> String {
    let mut body = body;
    let mut text = Vec::new();
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            if let Some(data) = frame.data_ref() {
                text.extend_from_slice(&data[..data.len().min(MAX_REASON - text.len())]);
            }
        }
    };
    // What came in time is worth showing even when the rest did not.
    drop(timeout(CONNECT_TIMEOUT, read).await);
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// A whole body, unless it is longer than this or does not come in time.
pub(crate) async fn read(body: Incoming, most: usize) -> Option<Bytes> {
    let read = timeout(ANSWER_TIMEOUT, Limited::new(body, most).collect()).await;
    Some(read.ok()?.ok()?.to_bytes())
}
