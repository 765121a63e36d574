//! Writes to the store, and outputs that wait for them.

use std::time::Duration;

use mesos::v1;

use super::{
    Core,
    cause::{Cause, Initiator},
    history::Step,
    ids::Moment,
    message::{Notice, Output},
    state::Change,
    worker::Phase,
};

/// Changes that are being stored.
#[derive(Debug)]
pub(super) struct Write {
    number: u64,
    since: Moment,
    /// Outputs to carry out once this write and all earlier ones are durable.
    then: Vec<Output>,
}

/// How long offers wait for the store. Other frameworks may want them, and the store may be
/// unavailable for hours.
const LONGEST_HOLD: Duration = Duration::from_secs(5);
/// Filter for offers that were declined for that reason.
const LATE_STORE_FILTER: Duration = Duration::from_secs(5);

impl Core {
    /// Stores `changes` and carries out `then` once they are durable.
    pub(super) fn store(&mut self, changes: Vec<Change>, then: Vec<Output>) {
        let number = self.next_write;
        self.next_write += 1;
        self.outputs.push(Output::Store(number, changes));
        self.writes.push_back(Write { number, since: self.now, then });
    }

    /// Carries out `output` once all earlier writes are durable.
    pub(super) fn after_stores(&mut self, output: Output) {
        match self.writes.back_mut() {
            Some(write) => write.then.push(output),
            None => self.outputs.push(output),
        }
    }

    /// The last write that is not durable yet.
    pub fn unstored(&self) -> Option<u64> {
        self.writes.back().map(|write| write.number)
    }

    pub(super) fn stored(&mut self, number: u64) {
        while self.writes.front().is_some_and(|write| write.number <= number) {
            let Some(write) = self.writes.pop_front() else { break };
            for output in write.then {
                self.release(output);
            }
        }
    }

    /// Carries out an output whose writes are durable. A worker that is no longer wanted is
    /// launched anyway: its kill follows, and the task's end deletes its record.
    fn release(&mut self, output: Output) {
        // Mesos has registered us after all: tear the framework down before the end.
        if matches!(output, Output::Stopped) && self.framework.is_some() {
            return;
        }
        // Without a connection, nobody receives the kill. It is repeated on the next one.
        if matches!(output, Output::Kill { .. }) && !self.subscribed {
            return;
        }
        if let Output::Accept { launches, .. } = &output {
            for launch in launches {
                self.launched(&launch.worker, &launch.place);
            }
        }
        self.outputs.push(output);
    }

    /// When the oldest write becomes late.
    pub(super) fn store_is_late_at(&self) -> Option<Moment> {
        let late = self.writes.partition_point(|write| write.since.after(LONGEST_HOLD) <= self.now);
        self.writes.get(late).map(|write| write.since.after(LONGEST_HOLD))
    }

    /// Whether the store is so late that nothing new is started.
    pub(super) fn store_is_late(&self) -> bool {
        self.writes.front().is_some_and(|write| write.since.after(LONGEST_HOLD) <= self.now)
    }

    /// Reports when a late store stops launches, and when it answers again.
    pub(super) fn report_store(&mut self) {
        let late = self.store_is_late();
        if std::mem::replace(&mut self.late_store_reported, late) != late {
            self.notice(if late { Notice::StoreAway } else { Notice::StoreBack });
        }
    }

    /// Declines the offers that have waited for the store for too long.
    pub(super) fn give_back_late_offers(&mut self) {
        let late = self.now;
        let offers = self.withdraw(|write, _| write.since.after(LONGEST_HOLD) <= late);
        if !offers.is_empty() {
            self.outputs.push(Output::Decline(offers, LATE_STORE_FILTER));
        }
    }

    /// Withdraws launches that wait for the store with a rescinded offer; declines their other
    /// offers.
    pub(super) fn rescinded(&mut self, id: &str) {
        let mut offers = self.withdraw(|_, offers| offers.iter().any(|offer| offer.value == id));
        offers.retain(|offer| offer.value != id);
        if !offers.is_empty() {
            self.outputs.push(Output::Decline(offers, LATE_STORE_FILTER));
        }
    }

    /// Withdraws all launches that wait for the store: their offers ended with the connection.
    pub(super) fn withdraw_launches(&mut self) {
        self.withdraw(|_, _| true);
    }

    /// Withdraws launches that wait for the store and returns their offers. Their tasks never
    /// existed.
    fn withdraw(&mut self, which: impl Fn(&Write, &[v1::OfferId]) -> bool) -> Vec<v1::OfferId> {
        let (mut given_back, mut forgotten) = (Vec::new(), Vec::new());
        for write in &mut self.writes {
            for output in std::mem::take(&mut write.then) {
                match output {
                    Output::Accept { offers, launches } if which(write, &offers) => {
                        given_back.extend(offers);
                        forgotten.extend(launches.into_iter().map(|launch| launch.worker));
                    }
                    other => write.then.push(other),
                }
            }
        }
        // A kill may wait behind the launch; then the answer to the kill deletes the worker.
        forgotten
            .retain(|id| self.fleet.get(id).is_some_and(|worker| worker.phase == Phase::Storing));
        if !forgotten.is_empty() {
            for id in &forgotten {
                self.fleet.remove(id);
                self.remember(
                    id,
                    Step::Storing,
                    Step::Gone,
                    Initiator::Scheduler,
                    Cause::OfferDeclined,
                );
            }
            self.store(forgotten.into_iter().map(Change::Forget).collect(), Vec::new());
        }
        given_back
    }
}
