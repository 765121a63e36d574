//! One holder, and the clients that were redirected to it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::peers::policy::Asked;

/// A host that has announced contents.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) address: SocketAddr,
    /// When it last announced anything.
    pub(super) seen: Duration,
    pub(super) barred_until: Duration,
    /// Indices of its contents in [`Holders`](super::Holders).
    pub(super) contents: Vec<u32>,
    /// The clients that were redirected to it, and until when each is assumed to be there.
    pub(super) askers: Vec<(Option<SocketAddr>, Duration)>,
}

impl Holder {
    pub(super) fn new(now: Duration, address: SocketAddr) -> Self {
        Self { address, seen: now, barred_until: now, contents: Vec::new(), askers: Vec::new() }
    }

    /// How many clients are assumed to be there.
    pub(super) fn askers(&mut self, now: Duration) -> usize {
        self.askers.retain(|(_, until)| *until > now);
        self.askers.len()
    }

    pub(super) fn has_asker(&self, asker: SocketAddr) -> bool {
        self.askers.iter().any(|(there, _)| *there == Some(asker))
    }

    /// Notes that a client is redirected there for this many bytes.
    pub(super) fn send(&mut self, now: Duration, asked: &Asked) {
        let until = asked.until(now);
        match self.askers.iter_mut().find(|(asker, _)| asker.is_some() && *asker == asked.asker) {
            Some((_, there)) => *there = until,
            None => self.askers.push((asked.asker, until)),
        }
    }
}
