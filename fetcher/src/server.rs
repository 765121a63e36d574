//! The artifact server: serves a manifest and its blobs to workers, from inside the application master.
//!
//! A small HTTP/1.1 server of its own, because `sendfile` needs the socket itself: no request bodies, one range, strong
//! entity tags. What may be asked for and by whom is in `routes`. [`PeerServer`] is made of the same parts.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::build::Catalogue;
use crate::digest::Digest;
use crate::manifest::Manifest;
use crate::rate::RateFloor;
use crate::token::Token;
use connection::Shared;
use routes::Content;

pub use peer::{Metrics, PeerOptions, PeerServer};
pub use tls::{Identity, Password, StoreFormat, TlsError, Trust};

mod answer;
mod connection;
mod file;
mod listening;
mod peer;
mod range;
mod referral;
mod request;
mod routes;
mod tls;
mod transfer;
mod wire;

/// How the server listens and what it bears.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Address to listen on; port 0 is any free one.
    pub bind: SocketAddr,
    /// Host name or address that workers reach this server by; `None`: the bind address, or this machine's host name
    /// when that is "any address".
    pub advertise: Option<String>,
    /// Files sent at the same time; further requests are answered with 503 and `Retry-After`.
    pub max_streams: usize,
    /// Files sent at the same time from which on those who can follow are sent to other hosts that hold what they ask
    /// for, if any have said so; 0 is never.
    pub peers_above: usize,
    /// Connections open at the same time, if the system allows as many (see [`crate::descriptors`]), and a quarter of them from
    /// one address. When there are more, one without a request is closed; if there is none, the new one gets one 503.
    pub max_connections: usize,
    /// The slowest client that is borne.
    pub floor: RateFloor,
    /// How long a connection may be without a request.
    pub idle: Duration,
    /// Certificate and key; with them only TLS is spoken.
    pub identity: Option<Identity>,
    /// Where published files, and nothing else, are served without TLS all the same, for clients that trust nobody who
    /// vouches for us. Anybody on the way can change them.
    pub plain_published: Option<SocketAddr>,
    /// Serve secrets over plain connections to other machines, too. Anybody on the way can read them.
    pub plain_secrets: bool,
}

impl Default for ServerOptions {
    /// Any free port of all addresses, 64 streams, peers above 8, 4096 connections, secrets never in plain text.
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([0, 0, 0, 0], 0)),
            advertise: None,
            max_streams: 64,
            peers_above: 8,
            max_connections: 4096,
            floor: RateFloor::default(),
            idle: Duration::from_secs(60),
            identity: None,
            plain_published: None,
            plain_secrets: false,
        }
    }
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Somebody else listens there.
    #[error("the {server}'s port is in use: {address} (port 0 takes any free one)")]
    PortInUse {
        /// Which server.
        server: &'static str,
        /// Where it should listen.
        address: SocketAddr,
    },
    /// The certificate or the key is unusable.
    #[error("the artifact server's certificate: {0}")]
    Tls(#[from] TlsError),
    /// The runtime is going down.
    #[error("the artifact server was stopped before it had started")]
    Stopped,
    /// The address is not ours, the port is not allowed, …
    #[error("the {server} cannot listen on {address}: {source}")]
    Bind {
        /// Which server.
        server: &'static str,
        /// Where it should listen.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// A running server. Dropping it ends it at once, with all transfers.
pub struct ArtifactServer {
    url: String,
    address: SocketAddr,
    shared: Arc<Shared<Content>>,
    stop: CancellationToken,
    accepting: JoinHandle<()>,
    /// Where published files are, if not here.
    published: Option<Box<Self>>,
}

impl ArtifactServer {
    /// Starts to serve `manifest` and what is in `catalogue`.
    pub async fn start(options: ServerOptions, manifest: Manifest, catalogue: Catalogue) -> Result<Self, ServerError> {
        let acceptor = acceptor(options.identity.clone()).await?;
        let published = match options.plain_published.filter(|_| acceptor.is_some()) {
            Some(bind) => Some(Box::new(Self::start_plain(bind, &options).await?)),
            None => None,
        };
        let (listener, address) = listen("artifact server", options.bind).await?;
        let host = options.advertise.clone().unwrap_or_else(|| own_name(address.ip()));
        if options.plain_secrets && acceptor.is_none() && catalogue.has_secrets() {
            tracing::warn!(
                "Serving secret artifacts over plain connections, as configured: anyone on the network can read them"
            );
        }
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let shared = Arc::new(Shared {
            site: Content::new(&manifest, catalogue, options.plain_secrets, options.peers_above),
            streams: Semaphore::new(options.max_streams),
            max_streams: options.max_streams,
            // Many workers may be on one host, and all have shown a token.
            max_streams_each: options.max_streams,
            streams_of_each: Mutex::default(),
            idle: options.idle,
            floor: options.floor,
            acceptor,
            sent: AtomicU64::new(0),
        });
        let url = format!("{scheme}://{}:{}", in_url(&host), address.port());
        tracing::info!(url, manifest = %shared.site.digest(), "Artifact server started");
        let stop = CancellationToken::new();
        let accepting =
            tokio::spawn(listening::accept(listener, Arc::clone(&shared), options.max_connections, stop.clone()));
        Ok(Self { url, address, shared, stop, accepting, published })
    }

    /// A server of nothing but published files, without TLS.
    async fn start_plain(bind: SocketAddr, options: &ServerOptions) -> Result<Self, ServerError> {
        let options = ServerOptions { bind, identity: None, plain_published: None, ..options.clone() };
        let nothing = Manifest::new(Vec::new()).map_err(|_| ServerError::Stopped)?;
        tracing::warn!("Serving published files without TLS, as configured: anyone on the network can change them");
        Box::pin(Self::start(options, nothing, Catalogue::default())).await
    }

    /// The base address for workers, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The digest of the served manifest.
    pub fn manifest(&self) -> Digest {
        self.shared.site.digest()
    }

    /// The token of a worker: the same one until it is revoked.
    pub fn issue_token(&self, worker: &str) -> Token {
        self.shared.site.tokens.issue(worker)
    }

    /// Makes the token of a worker void. Transfers that are running come to their end.
    pub fn revoke(&self, worker: &str) {
        self.shared.site.tokens.revoke(worker);
    }

    /// Bytes of files that have been sent since the start, without heads.
    pub fn bytes_sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// How many hosts have said that they hold something of the tree, and are still counted on.
    pub fn holders(&self) -> usize {
        self.shared.site.referral.holders()
    }

    /// Publishes a file under a URL that only those know who are told, for clients that can send no token, such as
    /// the Mesos fetcher. Returns the full URL. The file is opened on each request.
    pub fn publish_file(&self, target: &str, source: PathBuf) -> String {
        if let Some(published) = &self.published {
            return published.publish_file(target, source);
        }
        let token = self.shared.site.publish(target, source);
        format!("{}/{token}/{}", self.url, utf8_percent_encode(target, NOT_IN_A_PATH))
    }

    /// Stops listening and ends all transfers.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.accepting).await {
            tracing::error!(%error, "The artifact server failed while stopping");
        }
        if let Some(published) = self.published.take() {
            Box::pin(published.shutdown()).await;
        }
    }
}

impl Drop for ArtifactServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// What cannot stand literally in the path of a URL.
const NOT_IN_A_PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');

/// A listener for `server` and where it listens.
async fn listen(server: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServerError> {
    let listener = TcpListener::bind(address).await.and_then(|listener| Ok((listener.local_addr()?, listener)));
    match listener {
        Ok((bound, listener)) => Ok((listener, bound)),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(ServerError::PortInUse { server, address }),
        Err(source) => Err(ServerError::Bind { server, address, source }),
    }
}

fn own_name(ip: IpAddr) -> String {
    if !ip.is_unspecified() {
        return ip.to_string();
    }
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.unwrap_or_else(|| "localhost".to_owned())
}

fn in_url(host: &str) -> String {
    if host.parse::<std::net::Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() }
}

/// What fuzzing tries: bytes that come where a request's head is expected.
#[cfg(fuzzing)]
pub fn fuzz_head(bytes: &[u8]) {
    if let request::Parsed::Complete(head, length) = request::parse(bytes) {
        assert!(head.path.starts_with('/') && length <= bytes.len());
        let again = bytes.get(..length).map(request::parse);
        assert_eq!(again, Some(request::Parsed::Complete(head, length)));
    }
}

async fn acceptor(identity: Option<Identity>) -> Result<Option<TlsAcceptor>, ServerError> {
    let Some(identity) = identity else { return Ok(None) };
    let config = tokio::task::spawn_blocking(move || identity.load()).await.map_err(|_| ServerError::Stopped)??;
    Ok(Some(TlsAcceptor::from(config)))
}
