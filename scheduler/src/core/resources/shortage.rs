//! Whether an offer is too small for a worker: which resource is short.

use super::{Needs, PORTS, Pool, unit, units};

/// Why a demand does not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Shortage {
    /// The resource's name.
    pub name: String,
    /// The needed amount.
    pub needed: f64,
    /// The available amount.
    pub there: f64,
}

impl Pool {
    /// The first resource of which too little is left for one worker.
    pub(super) fn shortage(&self, needs: &Needs) -> Option<Shortage> {
        for (number, need) in needs.scalars.iter().enumerate() {
            let there = self.left_of(number);
            // A sum beyond the number range exceeds every offer.
            if need.task.checked_add(need.executor).is_none_or(|needed| there < needed) {
                let needed = units(need.task) + units(need.executor);
                return Some(Shortage { name: need.name.clone(), needed, there: units(there) });
            }
        }
        let there = self.ports.iter().map(|(_, ranges)| ranges.count()).sum::<usize>()
            + self.last_resort.len();
        (there < needs.ports.len()).then(|| {
            let (needed, there) = (needs.ports.len() as f64, there as f64);
            Shortage { name: PORTS.to_owned(), needed, there }
        })
    }

    /// Whether there is a shortage only because ports were left out.
    pub(in crate::core) fn would_do_with_all_ports(&self, short: &Shortage) -> bool {
        short.name == PORTS && short.there + self.withheld as f64 >= short.needed
    }

    /// What is left of a scalar resource, in thousandths.
    fn left_of(&self, need: usize) -> u64 {
        self.scalars
            .iter()
            .filter(|scalar| scalar.need == need)
            .map(|scalar| scalar.left)
            .fold(0, u64::saturating_add)
    }
}

impl Shortage {
    /// The unit shown to people.
    pub fn unit(&self) -> &'static str {
        unit(&self.name)
    }
}
