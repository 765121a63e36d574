//! Tasks that nobody knows.

use std::{collections::BTreeMap, time::Duration};

use crate::core::ids::{Moment, WorkerId};

/// Number of tasks whose kills are counted.
const MOST: usize = 1000;

/// How often unknown tasks were killed, and since when.
#[derive(Debug, Default)]
pub(super) struct UnknownTasks(BTreeMap<WorkerId, (u32, Moment)>);

impl UnknownTasks {
    /// Counts one more kill. Returns whether the task has had this long to end, and disobeys.
    pub(super) fn kill(&mut self, now: Moment, id: &WorkerId, obey: Duration) -> bool {
        let kills = self.0.entry(id.clone());
        let (kills, since) = *kills.and_modify(|(kills, _)| *kills += 1).or_insert((1, now));
        if self.0.len() > MOST {
            self.0.pop_first();
        }
        kills > 1 && now.since(since) >= obey
    }

    /// The task has ended.
    pub(super) fn ended(&mut self, id: &WorkerId) {
        self.0.remove(id);
    }
}
