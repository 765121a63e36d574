//! What one fetch knows about its peers: where it was redirected, and with what result.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use fetcher_formats::digest::Digest;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// The most peers that a fetch remembers; beyond that it continues with the server.
const MOST: usize = 64;
/// The most reports that a fetch sends.
const REPORTS: usize = 8;

/// Why a peer did not send the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It is busy for this long.
    Busy(Duration),
    /// It does not have this content.
    Lacks,
    /// It sends wrong bytes, is unreachable, loses the connection, or is too slow.
    Bad,
}

/// The peers of one fetch.
#[derive(Debug)]
pub struct Known {
    peers: Vec<Peer>,
    report_count: usize,
    random: StdRng,
}

#[derive(Debug)]
struct Peer {
    address: SocketAddr,
    is_bad: bool,
    /// Whether it has sent anything good.
    is_good: bool,
    busy_until: Duration,
    /// Contents that it does not have; true if the server had said that it does.
    lacks: HashMap<Digest, bool>,
}

impl Peer {
    fn is_able(&self, now: Duration) -> bool {
        !self.is_bad && self.busy_until <= now
    }
}

impl Known {
    /// Starts without peers.
    pub fn new(seed: u64) -> Self {
        Self { peers: Vec::new(), report_count: 0, random: StdRng::seed_from_u64(seed) }
    }

    /// A peer that has sent something good, and probably has this content too: a host with one part
    /// of a tree usually has more of it. This saves a request to the server.
    pub fn guess(&mut self, now: Duration, digest: &Digest) -> Option<SocketAddr> {
        let able =
            |peer: &&Peer| peer.is_good && peer.is_able(now) && !peer.lacks.contains_key(digest);
        let count = self.peers.iter().filter(able).count();
        if count == 0 {
            return None;
        }
        let at = self.random.random_range(0..count);
        self.peers.iter().filter(able).nth(at).map(|peer| peer.address)
    }

    /// Whether to follow the server's redirect. If not, the server must serve the content itself.
    pub fn follows(&mut self, now: Duration, peer: SocketAddr, digest: &Digest) -> bool {
        if let Some(known) = self.peers.iter().find(|known| known.address == peer) {
            // If it lacked a content that was only guessed, it may have it by now.
            return known.is_able(now) && known.lacks.get(digest) != Some(&true);
        }
        if self.peers.len() >= MOST {
            return false;
        }
        let (busy_until, lacks) = (Duration::ZERO, HashMap::new());
        self.peers.push(Peer { address: peer, is_bad: false, is_good: false, busy_until, lacks });
        true
    }

    /// Notes that a peer has sent the content. True the first time: all waiting pieces can try it
    /// now.
    pub fn served(&mut self, peer: SocketAddr) -> bool {
        self.find(peer).is_some_and(|known| !std::mem::replace(&mut known.is_good, true))
    }

    /// Notes that a peer has failed; returns whether to report it to the server. `guessed` means
    /// that the server had not named it, so lacking the content is not a fault.
    pub fn failed(
        &mut self,
        now: Duration,
        peer: SocketAddr,
        digest: &Digest,
        failure: Failure,
        guessed: bool,
    ) -> bool {
        let Some(known) = self.find(peer) else { return false };
        let is_reported = match failure {
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
        let is_reported = is_reported && self.report_count < REPORTS;
        self.report_count += usize::from(is_reported);
        is_reported
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
    fn a_peer_that_sent_something_is_asked_for_more() {
        let (digest, mut known) = (Digest::of(b"a"), Known::new(1));
        assert!(known.follows(NOW, peer(1), &digest));
        assert_eq!(known.guess(NOW, &digest), None, "nothing was received yet");
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
    fn lacking_a_content_is_a_fault_only_if_the_server_named_the_peer() {
        let (digest, mut known) = (Digest::of(b"a"), Known::new(1));
        known.follows(NOW, peer(1), &digest);
        known.served(peer(1));
        assert!(!known.failed(NOW, peer(1), &digest, Failure::Lacks, true));
        assert_eq!(known.guess(NOW, &digest), None);
        assert!(
            known.follows(NOW, peer(1), &digest),
            "the server says that the peer has it by now"
        );
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
        let followed =
            (0..=255).filter(|number| known.follows(NOW, peer(*number), &digest)).count();
        assert_eq!(followed, MOST);
        let reported = (0..=255)
            .filter(|number| known.failed(NOW, peer(*number), &digest, Failure::Bad, false))
            .count();
        assert_eq!(reported, REPORTS);
    }
}
