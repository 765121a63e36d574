//! Status updates, stored until the agent acknowledges them.
//!
//! An update is made once, with its uuid, and sent until the agent answers ACKNOWLEDGED for that
//! uuid. While subscribed, the update is sent directly; after a disconnect, the next SUBSCRIBE
//! lists it; without an answer, it is sent again. Updates always go out in the order in which they
//! were made.

use std::{collections::VecDeque, fmt, time::Duration};

use bytes::Bytes;
use mesos::v1::TaskStatus;

/// How long to wait for an acknowledgement before the update is sent again; the agent ignores
/// duplicates.
const RESEND_AFTER: Duration = Duration::from_secs(10);

/// How soon an update is sent again after its request failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Makes the uuids of status updates: 16 raw bytes of RFC 4122 version 4. Mesos rejects anything
/// else.
pub type Uuids = Box<dyn FnMut() -> Bytes + Send>;

pub(super) struct Updates {
    uuids: Uuids,
    pending: VecDeque<Pending>,
    resend_at: Option<Duration>,
}

struct Pending {
    status: TaskStatus,
    /// The agent was sent it on the current connection, or in the SUBSCRIBE that opens the
    /// connection.
    offered: bool,
}

impl Updates {
    pub(super) fn new(uuids: Uuids) -> Self {
        Self { uuids, pending: VecDeque::new(), resend_at: None }
    }

    /// Gives the status its uuid and stores it; returns the complete update.
    pub(super) fn add(&mut self, mut status: TaskStatus) -> TaskStatus {
        status.uuid = Some((self.uuids)());
        self.pending.push_back(Pending { status: status.clone(), offered: false });
        status
    }

    /// Removes the acknowledged update; false if no such update is waiting.
    pub(super) fn acknowledge(&mut self, task_id: &str, uuid: &[u8]) -> bool {
        let before = self.pending.len();
        self.pending.retain(|entry| {
            entry.status.task_id.value != task_id || entry.status.uuid.as_deref() != Some(uuid)
        });
        if self.pending.is_empty() {
            self.resend_at = None;
        }
        self.pending.len() < before
    }

    /// Everything unacknowledged, for the SUBSCRIBE call about to be made.
    pub(super) fn for_subscribe(&mut self) -> Vec<TaskStatus> {
        self.resend_at = None;
        self.pending.iter_mut().for_each(|update| update.offered = true);
        self.pending.iter().map(|update| update.status.clone()).collect()
    }

    /// The updates that were not sent yet. Call it only while subscribed.
    pub(super) fn unsent(&mut self, now: Duration) -> Vec<TaskStatus> {
        if self.resend_at.is_some_and(|at| at <= now) {
            self.resend_at = None;
            self.pending.iter_mut().for_each(|update| update.offered = false);
        }
        if !self.pending.is_empty() && self.resend_at.is_none() {
            self.resend_at = Some(now + RESEND_AFTER);
        }
        let news = self.pending.iter_mut().filter(|update| !update.offered);
        news.map(|update| {
            update.offered = true;
            update.status.clone()
        })
        .collect()
    }

    /// A request failed: everything unacknowledged is sent again soon, so that the order stays.
    pub(super) fn failed(&mut self, now: Duration) {
        if !self.pending.is_empty() {
            let soon = now + RETRY_AFTER;
            self.resend_at = Some(self.resend_at.map_or(soon, |at| at.min(soon)));
        }
    }

    /// The connection is lost: no acknowledgement is expected until the next SUBSCRIBE.
    pub(super) fn disconnected(&mut self) {
        self.resend_at = None;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.resend_at
    }
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates")
            .field("pending", &self.pending.len())
            .field("resend_at", &self.resend_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use mesos::v1::TaskId;

    use super::*;

    fn updates(states: &[i32]) -> Updates {
        let mut next = 0;
        let mut updates = Updates::new(Box::new(move || {
            next += 1;
            vec![next; 16].into()
        }));
        for state in states {
            updates.add(TaskStatus {
                task_id: TaskId { value: "w".into() },
                state: *state,
                ..TaskStatus::default()
            });
        }
        updates
    }

    fn first_bytes(statuses: &[TaskStatus]) -> Vec<u8> {
        statuses.iter().filter_map(|status| status.uuid.as_ref()?.first().copied()).collect()
    }

    #[test]
    fn updates_are_sent_once_and_again_in_order_when_no_answer_comes() {
        let mut updates = updates(&[0, 1]);
        let at = Duration::from_secs(5);
        assert_eq!(first_bytes(&updates.unsent(at)), [1, 2]);
        assert!(updates.unsent(at + RESEND_AFTER / 2).is_empty());
        assert_eq!(first_bytes(&updates.unsent(at + RESEND_AFTER)), [1, 2]);
    }

    #[test]
    fn an_update_made_while_subscribing_is_sent_after_it() {
        let mut updates = updates(&[0]);
        assert_eq!(first_bytes(&updates.for_subscribe()), [1]);
        updates.add(TaskStatus { task_id: TaskId { value: "w".into() }, ..TaskStatus::default() });
        assert_eq!(first_bytes(&updates.unsent(Duration::ZERO)), [2]);
        assert_eq!(first_bytes(&updates.for_subscribe()), [1, 2]);
    }

    #[test]
    fn only_the_acknowledged_uuid_is_forgotten() {
        let mut updates = updates(&[0, 1]);
        assert!(!updates.acknowledge("another", &[1; 16]));
        assert!(updates.acknowledge("w", &[1; 16]));
        assert!(!updates.acknowledge("w", &[1; 16]));
        assert_eq!(first_bytes(&updates.for_subscribe()), [2]);
        assert!(updates.acknowledge("w", &[2; 16]));
        assert!(updates.is_empty() && updates.deadline().is_none());
    }

    #[test]
    fn a_failed_request_sends_everything_again_soon() {
        let mut updates = updates(&[0, 1]);
        updates.unsent(Duration::ZERO);
        updates.failed(Duration::ZERO);
        assert_eq!(updates.deadline(), Some(RETRY_AFTER));
        assert_eq!(first_bytes(&updates.unsent(RETRY_AFTER)), [1, 2]);
    }
}
