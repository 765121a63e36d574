//! Ranges of ports, as Mesos offers them.

use rand::{Rng as _, rngs::SmallRng};
use smallvec::SmallVec;

/// Ports below this one are for root.
pub(in crate::core) const UNPRIVILEGED: u64 = 1024;
const LAST_PORT: u64 = 65_535;

/// Port ranges, both ends included. No range is empty, and no port is contained twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges(SmallVec<[(u16, u16); 4]>);

impl FromIterator<(u64, u64)> for Ranges {
    fn from_iter<I: IntoIterator<Item = (u64, u64)>>(ranges: I) -> Self {
        let port = |number: u64| u16::try_from(number.min(LAST_PORT)).unwrap_or(u16::MAX);
        let legal = ranges.into_iter().filter(|(begin, end)| begin <= end && *begin <= LAST_PORT);
        let mut ranges: Vec<_> = legal.map(|(begin, end)| (port(begin), port(end))).collect();
        ranges.sort_unstable();
        let mut free = 0;
        // Cut off what an earlier range contains.
        let apart = ranges.into_iter().filter_map(|(begin, end)| {
            let begin = u32::from(begin).max(free);
            free = free.max(u32::from(end) + 1);
            Some((u16::try_from(begin).ok()?, end)).filter(|(begin, end)| begin <= end)
        });
        Self(apart.collect())
    }
}

impl Ranges {
    /// Number of ports.
    pub(super) fn count(&self) -> usize {
        self.0.iter().map(|(begin, end)| usize::from(end - begin) + 1).sum()
    }

    /// Takes a port, each with the same probability.
    pub(super) fn take_any(&mut self, chance: &mut SmallRng) -> Option<u16> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let mut nth = chance.random_range(0..count);
        for (begin, end) in &self.0 {
            let size = usize::from(end - begin) + 1;
            if nth < size {
                let port = begin + u16::try_from(nth).ok()?;
                self.remove(port);
                return Some(port);
            }
            nth -= size;
        }
        None
    }

    /// Takes this port, if it is contained.
    pub(super) fn remove(&mut self, port: u16) -> bool {
        let Some(i) = self.0.iter().position(|(begin, end)| (*begin..=*end).contains(&port)) else {
            return false;
        };
        let (begin, end) = self.0[i];
        match (begin == port, end == port) {
            (true, true) => drop(self.0.remove(i)),
            (true, false) => self.0[i].0 = port + 1,
            (false, true) => self.0[i].1 = port - 1,
            (false, false) => {
                self.0[i].1 = port - 1;
                self.0.insert(i + 1, (port + 1, end));
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rand::SeedableRng as _;

    use super::*;

    proptest! {
        #[test]
        fn every_port_of_the_ranges_is_taken_once_and_no_other(
            ranges in prop::collection::vec((0_u64..90, 0_u64..90), 0..6), seed in any::<u64>(), without in 0_u16..90,
        ) {
            let mut all: BTreeSet<u16> = ranges.iter().flat_map(|(begin, end)| *begin as u16..=*end as u16).collect();
            let mut left: Ranges = ranges.into_iter().collect();
            prop_assert_eq!(left.count(), all.len());
            prop_assert_eq!(left.remove(without), all.remove(&without));
            let mut chance = SmallRng::seed_from_u64(seed);
            while let Some(port) = left.take_any(&mut chance) {
                prop_assert!(all.remove(&port));
            }
            prop_assert!(all.is_empty() && left.count() == 0);
        }
    }

    #[test]
    fn numbers_outside_the_port_range_are_ignored() {
        let ranges: Ranges =
            [(0, u64::MAX), (65_530, 70_000), (70_000, 80_000), (9, 3)].into_iter().collect();
        assert_eq!(ranges.0.as_slice(), [(0, 65_535)]);
    }
}
