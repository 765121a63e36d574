//! The types that the artifact server and [`Holders`](super::Holders) exchange.

use std::net::SocketAddr;
use std::time::Duration;

use fetcher_formats::digest::Digest;

/// The assumed rate of a holder to a client without a peer port, in bytes per second.
const ASSUMED_RATE: f64 = 200e6;
/// The slowest rate of a client, in bytes per second, and an additional time, after which it is
/// assumed to be gone.
const SLOWEST: (f64, Duration) = (10e6, Duration::from_secs(1));
/// Limits for streams, and how long holders are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Number of streams from which clients are redirected to holders; 0 means never.
    pub above: usize,
    /// Clients that are redirected to one holder at the same time: few, so that they soon become
    /// holders themselves.
    pub per_holder: usize,
    /// How long a holder is remembered after its last announcement.
    pub lifetime: Duration,
    /// How long a holder that was reported as bad is ignored.
    pub barred: Duration,
    /// The most holders to remember.
    pub max_holders: usize,
    /// The most contents of all holders together to remember.
    pub max_entries: usize,
}

impl Default for Policy {
    /// Above 8 streams, 2 clients per holder; holders are remembered for ten minutes and barred for
    /// one; 16 384 holders of a million contents.
    fn default() -> Self {
        Self {
            above: 8,
            per_holder: 2,
            lifetime: Duration::from_secs(600),
            barred: Duration::from_secs(60),
            max_holders: 1 << 14,
            max_entries: 1 << 20,
        }
    }
}

/// A request for a content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The requested content.
    pub digest: Digest,
    /// The number of bytes requested.
    pub bytes: u64,
    /// The client's own peer port, if it has one.
    pub asker: Option<SocketAddr>,
    /// A holder that it does not want to be redirected to now.
    pub avoid: Option<SocketAddr>,
}

impl Asked {
    /// Until when the client is assumed to be where it is redirected now. A client with a peer port
    /// announces earlier that it has everything.
    pub(super) fn until(&self, now: Duration) -> Duration {
        let bytes = self.bytes as f64;
        let (rate, silence) = SLOWEST;
        match self.asker {
            Some(_) => now + silence + Duration::from_secs_f64(bytes / rate),
            None => now + Duration::from_secs_f64(bytes / ASSUMED_RATE),
        }
    }

    pub(super) fn wants(&self, holder: SocketAddr) -> bool {
        self.asker != Some(holder) && self.avoid != Some(holder)
    }
}

/// How to answer a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Send the content.
    Serve,
    /// Redirect to this holder.
    SendTo(SocketAddr),
    /// Ask the client to come back after this time.
    Wait(Duration),
}

/// Why an announcement is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The host was reported as bad recently.
    #[error("this peer was reported as bad recently")]
    Barred,
    /// The limits are reached.
    #[error("enough peers")]
    Full,
}
