//! What one fetch knows of its peers: whom it has been sent to, and what came of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::digest::Digest;

/// Peers that a fetch has to do with at most; it goes on with the server when it has met more.
const MOST: usize = 64;
/// Reports that a fetch sends at most.
const REPORTS: usize = 8;

/// Why a peer did not send what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It has enough to do for the next time.
    Busy(Duration),
    /// It does not have this content.
    Lacks,
    /// It sends wrong bytes, is not there, breaks off, or is too slow.
    Bad,
}

/// The peers of one fetch.
#[derive(Debug)]
pub struct Known {
    peers: Vec<Peer>,
    reports: usize,
    random: StdRng,
}

#[derive(Debug)]
struct Peer {
    address: SocketAddr,
    is_bad: bool,
    /// Whether something has come from it.
    is_good: bool,
    busy_until: Duration,
    /// What it does not have; true when somebody had said that it does.
    lacks: HashMap<Digest, bool>,
}

impl Peer {
    fn is_able(&self, now: Duration) -> bool {
        !self.is_bad && self.busy_until <= now
    }
}

impl Known {
    /// Nobody yet.
    pub fn new(seed: u64) -> Self {
        Self { peers: Vec::new(), reports: 0, random: StdRng::seed_from_u64(seed) }
    }

    /// Somebody who has sent something good before and may well have this, too: whoever has one part of a tree mostly
    /// has more of it. Saves asking the server.
    pub fn guess(&mut self, now: Duration, digest: &Digest) -> Option<SocketAddr> {
        let able = |peer: &&Peer| peer.is_good && peer.is_able(now) && !peer.lacks.contains_key(digest);
        let count = self.peers.iter().filter(able).count();
        if count == 0 {
            return None;
        }
        let at = self.random.random_range(0..count);
        self.peers.iter().filter(able).nth(at).map(|peer| peer.address)
    }

    /// Whether to go where the server sends this fetch. If not, the server has to serve itself.
    pub fn follows(&mut self, now: Duration, peer: SocketAddr, digest: &Digest) -> bool {
        if let Some(known) = self.peers.iter().find(|known| known.address == peer) {
            // What it did not have at a guess it may have got since.
            return known.is_able(now) && known.lacks.get(digest) != Some(&true);
        }
        if self.peers.len() >= MOST {
            return false;
        }
        let (busy_until, lacks) = (Duration::ZERO, HashMap::new());
        self.peers.push(Peer { address: peer, is_bad: false, is_good: false, busy_until, lacks });
        true
    }

    /// Notes that a peer has sent what it should. True the first time: all who wait can try it now.
    pub fn served(&mut self, peer: SocketAddr) -> bool {
        self.find(peer).is_some_and(|known| !std::mem::replace(&mut known.is_good, true))
    }

    /// Notes that a peer has not, and says whether the server is to be told. `guessed` is that nobody has said that it
    /// would: then it is no fault not to have something.
    pub fn failed(
        &mut self,
        now: Duration,
        peer: SocketAddr,
        digest: &Digest,
        failure: Failure,
        guessed: bool,
    ) -> bool {
        let Some(known) = self.find(peer) else { return false };
        let tells = match failure {
            Failure::Busy(wait) => {
                known.busy_until = now + wait;
                false
            }
            Failure::Lacks => {
                known.lacks.insert(*digest, !guessed);
                !guessed
            }
            Failure::Bad => !std::mem::replace(&mut known.is_bad, true),
        };
        let tells = tells && self.reports < REPORTS;
        self.reports += usize::from(tells);
        tells
    }

    fn find(&mut self, peer: SocketAddr) -> Option<&mut Peer> {
        self.peers.iter_mut().find(|known| known.address == peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);

    fn peer(number: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, number], 7070))
    }

    #[test]
    fn who_has_sent_something_is_asked_for_more() {
        let (digest, mut known) = (Digest::of(b"a"), Known::new(1));
        assert!(known.follows(NOW, peer(1), &digest));
        assert_eq!(known.guess(NOW, &digest), None, "nothing has come yet");
        assert!(known.served(peer(1)) && !known.served(peer(1)));
        assert_eq!(known.guess(NOW, &digest), Some(peer(1)));
    }

    #[test]
    fn a_bad_peer_is_reported_once_and_left_alone() {
        let (digest, mut known) = (Digest::of(b"a"), Known::new(1));
        known.follows(NOW, peer(1), &digest);
        known.served(peer(1));
        assert!(known.failed(NOW, peer(1), &digest, Failure::Bad, false));
        assert!(!known.failed(NOW, peer(1), &digest, Failure::Bad, false));
        assert_eq!(known.guess(NOW, &digest), None);
        assert!(!known.follows(NOW, peer(1), &digest));
    }

    #[test]
    fn what_a_peer_lacks_is_a_fault_only_where_somebody_has_promised_it() {
        let (digest, mut known) = (Digest::of(b"a"), Known::new(1));
        known.follows(NOW, peer(1), &digest);
        known.served(peer(1));
        assert!(!known.failed(NOW, peer(1), &digest, Failure::Lacks, true));
        assert_eq!(known.guess(NOW, &digest), None);
        assert!(known.follows(NOW, peer(1), &digest), "it has it by now, says the server");
        assert_eq!(known.guess(NOW, &Digest::of(b"b")), Some(peer(1)));
        assert!(known.failed(NOW, peer(1), &digest, Failure::Lacks, false));
        assert!(!known.follows(NOW, peer(1), &digest));
    }

    #[test]
    fn a_busy_peer_is_asked_again_later() {
        let (digest, mut known) = (Digest::of(b"a"), Known::new(1));
        known.follows(NOW, peer(1), &digest);
        known.served(peer(1));
        assert!(!known.failed(NOW, peer(1), &digest, Failure::Busy(NOW), false));
        assert!(!known.follows(NOW, peer(1), &digest));
        assert_eq!(known.guess(NOW * 2, &digest), Some(peer(1)));
    }

    #[test]
    fn peers_and_reports_are_bounded() {
        let (digest, mut known) = (Digest::of(b"a"), Known::new(1));
        let followed = (0..=255).filter(|number| known.follows(NOW, peer(*number), &digest)).count();
        assert_eq!(followed, MOST);
        let told = (0..=255).filter(|number| known.failed(NOW, peer(*number), &digest, Failure::Bad, false)).count();
        assert_eq!(told, REPORTS);
    }
}
