//! Why offers were not used since the last launch.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use super::refusal::{Avoidance, Refusal};
use crate::core::{occupation::Violation, resources::Shortage};

/// Counts the unused offers since the last launch, to answer "why is my TaskManager not starting".
#[derive(Clone, Debug, Default)]
pub(super) struct RefusalCounts {
    offers: usize,
    shortages: BTreeMap<String, (Shortage, usize)>,
    constraints: BTreeMap<String, (usize, SampleValues)>,
    avoided: BTreeMap<Avoidance, usize>,
}

/// The first few values that agents have for a constraint's field.
#[derive(Clone, Debug, Default)]
struct SampleValues {
    values: BTreeSet<Arc<str>>,
    none: bool,
    more: bool,
}

/// At most this many values are shown.
const MOST_VALUES: usize = 3;

impl SampleValues {
    fn add(&mut self, value: Option<&Arc<str>>) {
        match value {
            None => self.none = true,
            Some(value) if self.values.len() < MOST_VALUES => {
                _ = self.values.insert(value.clone());
            }
            Some(value) => self.more |= !self.values.contains(value),
        }
    }
}

impl fmt::Display for SampleValues {
    /// For example `r1, r2, …, nothing`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.values.iter().map(|value| &**value).chain(self.more.then_some("…"));
        f.write_str(&values.chain(self.none.then_some("nothing")).collect::<Vec<_>>().join(", "))
    }
}

impl RefusalCounts {
    /// Counts `offers` unused offers.
    pub(super) fn add(&mut self, offers: usize, refusal: &Refusal) {
        self.offers += offers;
        match refusal {
            Refusal::Constraint(Violation { constraint, value, .. }) => {
                let (count, seen) = self.constraints.entry(constraint.clone()).or_default();
                *count += offers;
                seen.add(value.as_ref());
            }
            Refusal::Avoided(why, _) => *self.avoided.entry(*why).or_insert(0) += offers,
            Refusal::Shortage(shortage) => {
                let new = || (shortage.clone(), 0);
                let (largest, count) =
                    self.shortages.entry(shortage.name.clone()).or_insert_with(new);
                *count += offers;
                if shortage.there > largest.there {
                    *largest = shortage.clone();
                }
            }
        }
    }

    /// Resets the count after a launch.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether any offer was too small.
    pub(super) fn has_shortage(&self) -> bool {
        !self.shortages.is_empty()
    }

    /// Number of unused offers.
    pub(super) fn offers(&self) -> usize {
        self.offers
    }

    /// The reasons, e.g. `need mem 1760 MB, largest was 1024 MB`, and how many offers each applies
    /// to.
    pub(super) fn counted(&self) -> Vec<(String, usize)> {
        let short = self.shortages.values().map(|(s, count)| {
            let unit = s.unit();
            let text = format!("need {} {}{unit}, largest was {}{unit}", s.name, s.needed, s.there);
            (text, *count)
        });
        let unmet = self.constraints.iter().map(|(text, (count, seen))| {
            (format!("constraint {text} not met, the agents have {seen}"), *count)
        });
        let avoided = self.avoided.iter().map(|(why, count)| (why.to_string(), *count));
        short.chain(unmet).chain(avoided).collect()
    }

    /// The reasons as texts. A reason that applies to some of the offers says to how many.
    pub(super) fn reasons(&self) -> Vec<String> {
        let counted = self.counted();
        let alone = counted.len() == 1;
        let times = |count: usize| if alone { String::new() } else { format!(" ({count}×)") };
        counted.into_iter().map(|(reason, count)| format!("{reason}{}", times(count))).collect()
    }

    /// Count and reasons in one line, e.g. `12 offers declined: need mem 1760 MB, largest was 1024
    /// MB`.
    pub(super) fn explain(&self) -> Option<String> {
        let offers = match self.offers {
            0 => return None,
            1 => "1 offer".to_owned(),
            many => format!("{many} offers"),
        };
        Some(format!("{offers} declined: {}", self.reasons().join("; ")))
    }
}
