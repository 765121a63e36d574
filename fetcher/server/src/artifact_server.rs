//! The artifact server: serves a manifest and its blobs to workers, from inside the application
//! master.
//!
//! A small HTTP/1.1 server of our own, because `sendfile` needs the socket itself. It supports no
//! request bodies, one range per request, and strong entity tags. `routes` defines what each client
//! may get. [`PeerServer`](crate::PeerServer) is made of the same parts.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::rate::RateFloor;
use fetcher_formats::digest::Digest;
use fetcher_formats::manifest::Manifest;
use fetcher_formats::token::Token;
use parking_lot::Mutex;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::build::Catalogue;
use crate::connection::Shared;
use crate::error::ServerError;
use crate::listening::{accept, listen};
use crate::routes::Content;
use crate::tls::Identity;

/// How the server listens, and its limits.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Address to listen on; port 0 means any free port.
    pub bind: SocketAddr,
    /// Host name or address at which workers reach this server. `None` means the bind address, or
    /// this machine's host name if that is unspecified.
    pub advertise: Option<String>,
    /// Port at which workers reach this server, if it is not the one that it listens on.
    pub advertise_port: Option<u16>,
    /// Files sent at the same time; further requests are answered with 503 and `Retry-After`.
    pub max_streams: usize,
    /// Number of files being sent from which clients that can follow redirects are sent to other
    /// hosts that hold the content, if any; 0 means never.
    pub peers_above: usize,
    /// The most open connections, if the system allows as many (see [`common::descriptors`]); a
    /// quarter of them may come from one address. Beyond that, a connection without a request is
    /// closed; if there is none, the new one gets a 503.
    pub max_connections: usize,
    /// Slowest accepted rate of a client.
    pub floor: RateFloor,
    /// How long a connection may stay without a request.
    pub idle: Duration,
    /// Certificate and key; with them the server accepts only TLS.
    pub identity: Option<Identity>,
    /// Additional address that serves only published files, without TLS, for clients that trust no
    /// authority of ours. Anyone on the network can change those files.
    pub plain_published: Option<SocketAddr>,
    /// Whether to serve secrets over unencrypted connections to other machines too. Anyone on the
    /// network can read them.
    pub plain_secrets: bool,
}

impl Default for ServerOptions {
    /// Any free port on all addresses, 64 streams, peers above 8, 4096 connections, secrets never
    /// in plain text.
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([0, 0, 0, 0], 0)),
            advertise: None,
            advertise_port: None,
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

/// A running server. Dropping it stops it at once, with all transfers.
pub struct ArtifactServer {
    url: String,
    address: SocketAddr,
    shared: Arc<Shared<Content>>,
    stop: CancellationToken,
    accepting: JoinHandle<()>,
    /// The server of published files, if it is a separate one.
    published: Option<Box<Self>>,
}

impl ArtifactServer {
    /// Starts serving `manifest` and the files in `catalogue`.
    pub async fn start(
        options: ServerOptions,
        manifest: Manifest,
        catalogue: Catalogue,
    ) -> Result<Self, ServerError> {
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
            site: Content::new(&manifest, catalogue, options.plain_secrets, options.peers_above)?,
            streams: Semaphore::new(options.max_streams),
            max_streams: options.max_streams,
            // Many workers may be on one host, and all have a token.
            max_streams_each: options.max_streams,
            streams_of_each: Mutex::default(),
            idle: options.idle,
            floor: options.floor,
            acceptor,
            sent: AtomicU64::new(0),
        });
        let port = options.advertise_port.unwrap_or(address.port());
        let url = format!("{scheme}://{}:{port}", in_url(&host));
        tracing::info!(url, manifest = %shared.site.digest(), "Artifact server started");
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(accept(
            listener,
            Arc::clone(&shared),
            options.max_connections,
            stop.clone(),
        ));
        Ok(Self { url, address, shared, stop, accepting, published })
    }

    /// A server that serves only published files, without TLS.
    async fn start_plain(bind: SocketAddr, options: &ServerOptions) -> Result<Self, ServerError> {
        let options = ServerOptions {
            bind,
            advertise_port: None,
            identity: None,
            plain_published: None,
            ..options.clone()
        };
        let nothing = Manifest::new(Vec::new()).map_err(|_| ServerError::Stopped)?;
        tracing::warn!(
            "Serving published files without TLS, as configured: anyone on the network can change them"
        );
        Box::pin(Self::start(options, nothing, Catalogue::default())).await
    }

    /// The base URL for workers, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The digest of the manifest of everything that is not secret.
    pub fn manifest(&self) -> Digest {
        self.shared.site.digest()
    }

    /// The digest of the manifest of the secrets, if there are any. Only the workers themselves may
    /// know it.
    pub fn secrets(&self) -> Option<Digest> {
        self.shared.site.secrets()
    }

    /// The token of a worker; it stays the same until it is revoked.
    pub fn issue_token(&self, worker: &str) -> Token {
        self.token_issuer()(worker)
    }

    /// Issues tokens like [`Self::issue_token`], from wherever it is kept.
    pub fn token_issuer(&self) -> impl Fn(&str) -> Token + Send + 'static {
        let shared = self.shared.clone();
        move |worker| shared.site.tokens.issue(worker)
    }

    /// Revokes the token of a worker. Running transfers continue.
    pub fn revoke(&self, worker: &str) {
        self.shared.site.tokens.revoke(worker);
    }

    /// Bytes of files sent since the start, without headers.
    pub fn bytes_sent(&self) -> u64 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// How many hosts have announced contents of the tree and are still counted on.
    pub fn holders(&self) -> usize {
        self.shared.site.referral.holders()
    }

    /// Publishes a file under a secret URL, for clients that can send no token, such as the Mesos
    /// fetcher. Returns the full URL. The file is opened on each request.
    pub fn publish_file(&self, target: &str, source: PathBuf) -> String {
        if let Some(published) = &self.published {
            return published.publish_file(target, source);
        }
        let token = self.shared.site.publish(target, source);
        format!("{}/{token}/{}", self.url, utf8_percent_encode(target, NOT_IN_A_PATH))
    }

    /// Stops listening, and ends all transfers.
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

/// Characters to escape in the path of a URL.
const NOT_IN_A_PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`');

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

async fn acceptor(identity: Option<Identity>) -> Result<Option<TlsAcceptor>, ServerError> {
    let Some(identity) = identity else { return Ok(None) };
    let config = tokio::task::spawn_blocking(move || identity.load())
        .await
        .map_err(|_| ServerError::Stopped)??;
    Ok(Some(TlsAcceptor::from(config)))
}
