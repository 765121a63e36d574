//! What constraints are checked against: the number of workers per value.

use std::{collections::BTreeMap, sync::Arc};

use hashbrown::HashMap;

/// Number of workers per value of one constraint's field.
#[derive(Clone, Debug, Default)]
pub struct Census {
    values: HashMap<Arc<str>, usize>,
    /// How many values have each count.
    counts: BTreeMap<usize, usize>,
}

impl Census {
    /// Counts one worker more (or one less) with this value.
    pub fn count_one(&mut self, value: &Arc<str>, more: bool) {
        let known = self.values.get_mut(value);
        let before = known.as_ref().map_or(0, |count| **count);
        let after = if more { before + 1 } else { before.saturating_sub(1) };
        match known {
            Some(count) if after > 0 => *count = after,
            Some(_) => drop(self.values.remove(value)),
            None if after > 0 => drop(self.values.insert(value.clone(), after)),
            None => {}
        }
        if let Some(many) = self.counts.get_mut(&before) {
            *many -= 1;
            if *many == 0 {
                self.counts.remove(&before);
            }
        }
        if after > 0 {
            *self.counts.entry(after).or_default() += 1;
        }
    }

    /// Number of workers with this value.
    pub fn count(&self, value: &str) -> usize {
        self.values.get(value).copied().unwrap_or(0)
    }

    /// Whether no worker has any value.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The count of the least used of at least `groups` values; values not seen yet count 0.
    pub(super) fn least(&self, groups: usize) -> usize {
        if self.values.len() < groups { 0 } else { self.counts.keys().next().copied().unwrap_or(0) }
    }
}
