//! One holder, and who was sent to it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::peers::policy::Asked;

/// A host that has announced something.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) address: SocketAddr,
    /// When it has announced something last.
    pub(super) seen: Duration,
    pub(super) barred_until: Duration,
    /// The places of its contents in [`Holders`](super::Holders).
    pub(super) contents: Vec<u32>,
    /// Who was sent there, and until when it is taken to be there.
    pub(super) askers: Vec<(Option<SocketAddr>, Duration)>,
}

impl Holder {
    pub(super) fn new(now: Duration, address: SocketAddr) -> Self {
        Self { address, seen: now, barred_until: now, contents: Vec::new(), askers: Vec::new() }
    }

    /// How many askers are there.
    pub(super) fn askers(&mut self, now: Duration) -> usize {
        self.askers.retain(|(_, until)| *until > now);
        self.askers.len()
    }

    pub(super) fn has_asker(&self, asker: SocketAddr) -> bool {
        self.askers.iter().any(|(there, _)| *there == Some(asker))
    }

    /// Notes that somebody is sent there for so many bytes.
    pub(super) fn send(&mut self, now: Duration, asked: &Asked) {
        let until = asked.until(now);
        match self.askers.iter_mut().find(|(asker, _)| asker.is_some() && *asker == asked.asker) {
            Some((_, there)) => *there = until,
            None => self.askers.push((asked.asker, until)),
        }
    }
}
