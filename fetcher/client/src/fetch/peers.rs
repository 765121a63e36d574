//! The peers of one fetch: requests to them, and reports about them to the server.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use common::rate::RateFloor;
use fetcher_formats::digest::Digest;
use fetcher_formats::headers::FOLLOW;
use fetcher_formats::manifest::Blob;
use parking_lot::Mutex;
use reqwest::{Client, StatusCode, redirect};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::known::{Failure, Known};
use super::notices::{Notice, Notices};
use super::options::FetchOptions;
use super::origin::{Incoming, request};
use crate::counters::{Counters, Source};
use crate::error::{FetchError, Retry};

/// Time limit for connecting to a peer; beyond it, the server is faster.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A peer, and why it was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) address: SocketAddr,
    /// The peer was guessed: nobody has said that it holds this content.
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
    /// Header for requests to the server; none if this fetch does not follow redirects to peers.
    pub(super) header: Option<String>,
    /// Notified when a peer has sent something good for the first time.
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

    /// A peer that may have this content although nobody has said so.
    pub(super) fn guess(&self, digest: &Digest) -> Option<Chosen> {
        let address = self.known.lock().guess(self.now(), digest)?;
        Some(Chosen { address, guessed: true })
    }

    /// The peer that the server redirects to, unless it has failed this fetch before.
    pub(super) fn follow(&self, address: SocketAddr, digest: &Digest) -> Option<Chosen> {
        self.known.lock().follows(self.now(), address, digest).then(|| Chosen::promised(address))
    }

    /// Sends a request to a peer. It contains only the content's name: no token, no cookie. There
    /// are no further redirects and no proxy.
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

    /// Notes that a peer has failed, and reports it to the server if needed.
    pub(super) fn failed(&self, peer: Chosen, digest: &Digest, error: &FetchError) {
        self.counters.request_failed(error);
        let failure = failure(error);
        let is_reported =
            self.known.lock().failed(self.now(), peer.address, digest, failure, peer.guessed);
        if is_reported || failure == Failure::Bad {
            tracing::warn!(%error, peer = %peer.address, "A peer sent wrong data or failed");
        }
        if is_reported {
            let lacks = failure == Failure::Lacks;
            self.notices.send(Notice::Bad { holder: peer.address, digest: *digest, lacks });
        }
    }

    /// Announces to the server that this host holds a content, or the whole tree of this digest, if
    /// it has a peer port.
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
            .map_err(|error| FetchError::Address {
                url: "of a peer".to_owned(),
                reason: error.to_string(),
            })?;
        Ok(self.client.get_or_init(|| client))
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// What an error says about a peer.
fn failure(error: &FetchError) -> Failure {
    match (error, error.retry()) {
        (_, Retry::After(wait)) => Failure::Busy(wait),
        (FetchError::Status { status: StatusCode::NOT_FOUND | StatusCode::GONE, .. }, _) => {
            Failure::Lacks
        }
        _ => Failure::Bad,
    }
}
