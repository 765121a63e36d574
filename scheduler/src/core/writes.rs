//! Writes to the store, and outputs that wait for them.

use std::{collections::VecDeque, time::Duration};

use mesos::v1;

use super::{
    ids::{Moment, WorkerId},
    message::{Notice, Output},
    state::Change,
};

/// How long offers wait for the store. Other frameworks may want them, and the store may be
/// unavailable for hours.
const LONGEST_HOLD: Duration = Duration::from_secs(5);

/// The writes that are not durable yet, in their order.
#[derive(Debug, Default)]
pub(super) struct Writes {
    waiting: VecDeque<Write>,
    next_number: u64,
    /// Whether it was reported that the store does not answer.
    reported_late: bool,
}

/// Changes that are being stored.
#[derive(Debug)]
struct Write {
    number: u64,
    since: Moment,
    /// Outputs to carry out once this write and all earlier ones are durable.
    then: Vec<Output>,
}

/// Launches that no longer wait for the store. Their tasks never existed.
#[derive(Debug, Default)]
pub(super) struct Withdrawn {
    /// Their offers.
    pub(super) offers: Vec<v1::OfferId>,
    /// Their workers.
    pub(super) workers: Vec<WorkerId>,
}

impl Writes {
    /// Stores `changes`; `then` is carried out once they are durable.
    pub(super) fn store(&mut self, now: Moment, changes: Vec<Change>, then: Vec<Output>) -> Output {
        let number = self.next_number;
        self.next_number += 1;
        self.waiting.push_back(Write { number, since: now, then });
        Output::Store(number, changes)
    }

    /// Returns `output` at once if everything is durable; otherwise it waits for that.
    pub(super) fn after(&mut self, output: Output) -> Option<Output> {
        match self.waiting.back_mut() {
            Some(write) => {
                write.then.push(output);
                None
            }
            None => Some(output),
        }
    }

    /// The last write that is not durable yet.
    pub(super) fn last(&self) -> Option<u64> {
        self.waiting.back().map(|write| write.number)
    }

    /// All writes up to this number are durable: what has waited for the oldest of them. `None`
    /// once there is no other.
    pub(super) fn stored(&mut self, number: u64) -> Option<Vec<Output>> {
        if self.waiting.front()?.number > number {
            return None;
        }
        self.waiting.pop_front().map(|write| write.then)
    }

    /// Whether everything is durable.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether the store is so late that nothing new is started.
    pub(super) fn are_late(&self, now: Moment) -> bool {
        self.waiting.front().is_some_and(|write| write.is_late(now))
    }

    /// When the oldest write that is not late becomes late.
    pub(super) fn wake_at(&self, now: Moment) -> Option<Moment> {
        let late = self.waiting.partition_point(|write| write.is_late(now));
        self.waiting.get(late).map(|write| write.since.after(LONGEST_HOLD))
    }

    /// The news when a late store stops launches, and when it answers again.
    pub(super) fn news(&mut self, now: Moment) -> Option<Notice> {
        let late = self.are_late(now);
        let was_late = std::mem::replace(&mut self.reported_late, late);
        (was_late != late).then_some(if late { Notice::StoreAway } else { Notice::StoreBack })
    }

    /// Withdraws the launches that have waited for too long.
    pub(super) fn withdraw_late(&mut self, now: Moment) -> Withdrawn {
        if self.are_late(now) {
            self.withdraw(|write, _| write.is_late(now))
        } else {
            Withdrawn::default()
        }
    }

    /// Withdraws the launches with a rescinded offer.
    pub(super) fn withdraw_rescinded(&mut self, id: &str) -> Withdrawn {
        let mut withdrawn = self.withdraw(|_, offers| offers.iter().any(|offer| offer.value == id));
        withdrawn.offers.retain(|offer| offer.value != id);
        withdrawn
    }

    /// Withdraws all launches: their offers ended with the connection.
    pub(super) fn withdraw_all(&mut self) -> Withdrawn {
        Withdrawn { offers: Vec::new(), ..self.withdraw(|_, _| true) }
    }

    fn withdraw(&mut self, which: impl Fn(&Write, &[v1::OfferId]) -> bool) -> Withdrawn {
        let mut withdrawn = Withdrawn::default();
        for write in &mut self.waiting {
            for output in std::mem::take(&mut write.then) {
                match output {
                    Output::Accept { offers, launches } if which(write, &offers) => {
                        withdrawn.offers.extend(offers);
                        withdrawn.workers.extend(launches.into_iter().map(|launch| launch.worker));
                    }
                    other => write.then.push(other),
                }
            }
        }
        withdrawn
    }
}

impl Write {
    fn is_late(&self, now: Moment) -> bool {
        self.since.after(LONGEST_HOLD) <= now
    }
}
