//! The peers of one fetch: asking them, and what is told to the server about them.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::{Client, StatusCode, redirect};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::FetchOptions;
use super::error::{FetchError, Retry};
use super::notices::{Notice, Notices};
use super::origin::{Incoming, request};
use crate::counters::{Counters, Source};
use crate::digest::Digest;
use crate::manifest::Blob;
use crate::peers::{FOLLOW, Failure, Known};
use crate::rate::RateFloor;

/// How long a peer may take to accept a connection: the server is the quicker way otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A peer, and why it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) address: SocketAddr,
    /// Nobody has said that it holds this content.
    guessed: bool,
}

impl Chosen {
    /// A peer that the server has named.
    pub(super) fn promised(address: SocketAddr) -> Self {
        Self { address, guessed: false }
    }
}

/// The peers of one fetch.
pub(super) struct Peers {
    known: Mutex<Known>,
    client: OnceLock<Client>,
    connections: usize,
    floor: RateFloor,
    start: Instant,
    /// What goes with a request to the server; none when this fetch follows nobody.
    pub(super) header: Option<String>,
    /// Told when a peer has sent something good for the first time.
    pub(super) news: Notify,
    notices: Notices,
    counters: Arc<Counters>,
}

impl Peers {
    pub(super) fn new(options: &FetchOptions, notices: Notices) -> Self {
        let header = match options.announce {
            Some(address) => address.to_string(),
            None => FOLLOW.to_owned(),
        };
        Self {
            known: Mutex::new(Known::new(rand::random())),
            client: OnceLock::new(),
            connections: options.connections,
            floor: options.peer_floor,
            start: Instant::now(),
            header: options.follow_peers.then_some(header),
            news: Notify::new(),
            notices,
            counters: Arc::clone(&options.counters),
        }
    }

    /// A peer that may have this although nobody has said so.
    pub(super) fn guess(&self, digest: &Digest) -> Option<Chosen> {
        let address = self.known.lock().guess(self.now(), digest)?;
        Some(Chosen { address, guessed: true })
    }

    /// Where the server sends this fetch, unless it has had its experience there.
    pub(super) fn follow(&self, address: SocketAddr, digest: &Digest) -> Option<Chosen> {
        self.known.lock().follows(self.now(), address, digest).then(|| Chosen::promised(address))
    }

    /// Asks a peer. It is told nothing but the content's name: no token, no cookie, no more redirects, no proxy.
    pub(super) async fn get(
        &self,
        peer: Chosen,
        blob: &Blob,
        part: Option<Range<u64>>,
    ) -> Result<Incoming, FetchError> {
        let url = format!("http://{}/v1/blobs/{}", peer.address, blob.name());
        let mut incoming = request(self.client()?.get(&url), url, part, self.floor).await?;
        incoming.source = Source::Peer;
        Ok(incoming)
    }

    /// Notes that a peer has sent what it should.
    pub(super) fn served(&self, peer: Chosen) {
        let is_news = self.known.lock().served(peer.address);
        if is_news {
            self.news.notify_waiters();
        }
    }

    /// Notes that a peer has not, and tells the server if that is its business.
    pub(super) fn failed(&self, peer: Chosen, digest: &Digest, error: &FetchError) {
        self.counters.request_failed(error);
        let failure = failure(error);
        let tells = self.known.lock().failed(self.now(), peer.address, digest, failure, peer.guessed);
        if tells || failure == Failure::Bad {
            tracing::warn!(%error, peer = %peer.address, "A peer sent wrong data or failed");
        }
        if tells {
            let lacks = failure == Failure::Lacks;
            self.notices.send(Notice::Bad { holder: peer.address, digest: *digest, lacks });
        }
    }

    /// Tells the server that this host holds a content, or the tree of that name, if it has a peer port.
    pub(super) fn announce(&self, digest: Digest) {
        self.notices.send(Notice::Holds(digest));
    }

    fn client(&self) -> Result<&Client, FetchError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_max_idle_per_host(self.connections)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .tls_certs_only([])
            .build()
            .map_err(|error| FetchError::Address { url: "of a peer".to_owned(), reason: error.to_string() })?;
        Ok(self.client.get_or_init(|| client))
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// What an error of a peer says about it.
fn failure(error: &FetchError) -> Failure {
    match (error, error.retry()) {
        (_, Retry::After(wait)) => Failure::Busy(wait),
        (FetchError::Status { status: StatusCode::NOT_FOUND | StatusCode::GONE, .. }, _) => Failure::Lacks,
        _ => Failure::Bad,
    }
}
