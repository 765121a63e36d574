//! The words that an artifact server and what it knows of holders speak with each other.

use std::net::SocketAddr;
use std::time::Duration;

use crate::digest::Digest;

/// How fast a holder is taken to send to an asker that we do not hear of again, in bytes per second.
const ASSUMED_RATE: f64 = 200e6;
/// How slow an asker may be, in bytes per second, and how long it may be silent on top, until it is taken to be gone.
const SLOWEST: (f64, Duration) = (10e6, Duration::from_secs(1));
/// How many streams are too many, and what is remembered for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// From so many streams on, askers are sent to holders; 0 is never.
    pub above: usize,
    /// Askers that are sent to one holder at the same time: few, so that they soon are holders themselves.
    pub per_holder: usize,
    /// How long a holder is one after its last announcement.
    pub lifetime: Duration,
    /// How long a holder that was reported as bad is none.
    pub barred: Duration,
    /// Holders that are remembered at most.
    pub max_holders: usize,
    /// What all holders together hold at most, in contents.
    pub max_entries: usize,
}

impl Default for Policy {
    /// Above 8 streams, 2 askers per holder, for ten minutes, one when reported; 16 384 holders of a million contents.
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
    /// What it is for.
    pub digest: Digest,
    /// How many bytes of it.
    pub bytes: u64,
    /// The asker's own peer port, if it has one.
    pub asker: Option<SocketAddr>,
    /// A holder that it does not want to be sent to now.
    pub avoid: Option<SocketAddr>,
}

impl Asked {
    /// Until when the asker is taken to be where it is sent now. One with a peer port says before when it has everything.
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

/// What to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The content.
    Serve,
    /// Where to get it.
    SendTo(SocketAddr),
    /// When to ask again.
    Wait(Duration),
}

/// Why an announcement is not heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Reported not long ago.
    #[error("this peer was reported as bad recently")]
    Barred,
    /// No more can be remembered.
    #[error("enough peers")]
    Full,
}
