//! Which source has sent which part of a piece, so that wrong bytes count against the right one.

use std::ops::Range;

use super::peers::Chosen;

/// The sources of one piece's bytes, in their order.
pub(super) struct Trail {
    /// The last URL that was requested.
    pub(super) url: String,
    /// The source from each position on: a peer, or the server.
    steps: Vec<(u64, Option<Chosen>)>,
}

impl Trail {
    pub(super) fn new(url: String) -> Self {
        Self { url, steps: Vec::new() }
    }

    /// Bytes from `position` on come from this source.
    pub(super) fn step(&mut self, position: u64, peer: Option<Chosen>) {
        // A source that has sent nothing has sent nothing wrong.
        self.steps.retain(|(start, _)| *start < position);
        self.steps.push((position, peer));
    }

    /// The peers that have sent any byte of `range`.
    pub(super) fn peers_in(&self, range: &Range<u64>) -> impl Iterator<Item = Chosen> {
        let ends = self.steps.iter().skip(1).map(|(start, _)| *start).chain([u64::MAX]);
        let parts = self
            .steps
            .iter()
            .zip(ends)
            .filter(|((start, _), end)| *start < range.end && *end > range.start);
        parts.filter_map(|((_, peer), _)| *peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u8) -> Chosen {
        Chosen::promised(([10, 0, 0, number], 7070).into())
    }

    #[test]
    fn only_sources_that_sent_bytes_of_a_range_are_to_blame_for_it() {
        let mut trail = Trail::new(String::new());
        trail.step(0, Some(peer(1)));
        trail.step(10, Some(peer(2)));
        trail.step(10, None);
        trail.step(20, Some(peer(3)));
        let peers = |range| trail.peers_in(&range).collect::<Vec<_>>();
        assert_eq!(peers(0..10), [peer(1)]);
        assert_eq!(peers(10..20), []);
        assert_eq!(peers(5..25), [peer(1), peer(3)]);
        assert_eq!(peers(9..11), [peer(1)]);
    }
}
