//! The writes that turn one state into another, in requests of a size that ZooKeeper accepts.

use super::nodes::{Node, Nodes};
use crate::{core::state::State, store::record};

/// Bytes in one transaction: half of the largest request of a ZooKeeper server (`jute.maxbuffer`, 1
/// MB by default).
const BATCH: usize = 512 * 1024;
/// Bytes of an operation besides path and data: ACL, lengths, flags.
const OVERHEAD: usize = 64;

/// One operation of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Create(Node, Vec<u8>),
    Set(Node, Vec<u8>),
    Delete(Node),
}

impl Operation {
    /// Its approximate size in a request, in bytes.
    fn size(&self, nodes: &Nodes) -> usize {
        let (Self::Create(node, _) | Self::Set(node, _) | Self::Delete(node)) = self;
        let data =
            if let Self::Create(_, data) | Self::Set(_, data) = self { data.len() } else { 0 };
        nodes.path(node).len() + data + OVERHEAD
    }
}

/// Splits the operations, in their order, into requests that ZooKeeper accepts.
pub(super) fn batches(operations: Vec<Operation>, nodes: &Nodes) -> Vec<Vec<Operation>> {
    let (mut batches, mut batch, mut taken) = (Vec::new(), Vec::new(), 0);
    for operation in operations {
        let size = operation.size(nodes);
        if taken + size > BATCH && !batch.is_empty() {
            batches.push(std::mem::take(&mut batch));
            taken = 0;
        }
        taken += size;
        batch.push(operation);
    }
    batches.push(batch);
    batches.retain(|batch| !batch.is_empty());
    batches
}

/// The operations from one state to the other. A state without an epoch does not exist yet.
pub(super) fn difference(from: &State, to: &State) -> Vec<Operation> {
    let mut operations = Vec::new();
    // First, so that nobody finds the rest missing without the reason.
    match (&from.ended, &to.ended) {
        (None, Some(ended)) => {
            operations.push(Operation::Create(Node::Ended, record::encode_ended(ended)));
        }
        (Some(before), Some(ended)) if before != ended => {
            operations.push(Operation::Set(Node::Ended, record::encode_ended(ended)));
        }
        (Some(_), None) => operations.push(Operation::Delete(Node::Ended)),
        _ => {}
    }
    let head = record::encode_head(to);
    let mut last = None;
    if from.epoch.is_empty() {
        operations.push(Operation::Create(Node::State, head));
    } else if record::encode_head(from) != head {
        let set = Operation::Set(Node::State, head);
        // Workers make no sense without their framework, so it is deleted after them.
        if to.framework.is_none() {
            last = Some(set);
        } else {
            operations.push(set);
        }
    }
    for (id, worker) in &to.workers {
        let node = Node::Worker(id.clone());
        match from.workers.get(id) {
            None => operations.push(Operation::Create(node, record::encode_worker(worker))),
            Some(before) if before != worker => {
                operations.push(Operation::Set(node, record::encode_worker(worker)));
            }
            Some(_) => {}
        }
    }
    let gone = from.workers.keys().filter(|id| !to.workers.contains_key(*id));
    operations.extend(gone.map(|id| Operation::Delete(Node::Worker(id.clone()))));
    operations.extend(last);
    operations
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use zookeeper_client::Acls;

    use super::*;
    use crate::core::{
        ids::{Moment, WorkerId},
        state::{Ended, WorkerRecord},
    };

    fn worker(number: u64, running: bool) -> WorkerRecord {
        WorkerRecord {
            id: WorkerId::new("e", number),
            running,
            launched: Moment(1),
            ..WorkerRecord::default()
        }
    }

    fn state(workers: &[WorkerRecord]) -> State {
        let mut state = State::fresh("e".to_owned());
        state.workers = workers.iter().map(|worker| (worker.id.clone(), worker.clone())).collect();
        state
    }

    #[test]
    fn only_what_has_changed_is_written() {
        let before = state(&[worker(1, false), worker(2, false), worker(3, false)]);
        let after = state(&[worker(1, false), worker(2, true), worker(4, false)]);
        let expected = [
            Operation::Set(
                Node::Worker(WorkerId::new("e", 2)),
                record::encode_worker(&worker(2, true)),
            ),
            Operation::Create(
                Node::Worker(WorkerId::new("e", 4)),
                record::encode_worker(&worker(4, false)),
            ),
            Operation::Delete(Node::Worker(WorkerId::new("e", 3))),
        ];
        assert_eq!(difference(&before, &after), expected);
        assert_eq!(difference(&after, &after), []);
    }

    #[test]
    fn a_request_never_grows_beyond_what_zookeeper_takes() {
        let nodes =
            Nodes::new("/flink/mesos-workers/x".to_owned(), String::new(), Acls::anyone_all());
        let heavy = (0..1000).map(|number| {
            Operation::Create(Node::Worker(WorkerId::new("e", number)), vec![0; 3000])
        });
        let operations: Vec<_> = heavy.collect();
        let batches = batches(operations.clone(), &nodes);
        assert_eq!(batches.concat(), operations);
        for batch in batches {
            assert!(batch.iter().map(|operation| operation.size(&nodes)).sum::<usize>() <= BATCH);
        }
    }

    #[test]
    fn the_end_of_a_cluster_is_written_once_and_deleted_when_it_starts_again() {
        let over = State {
            ended: Some(Ended { exit_code: 2, why: "cancelled".to_owned() }),
            ..state(&[])
        };
        assert!(matches!(difference(&state(&[]), &over)[..], [Operation::Create(Node::Ended, _)]));
        assert_eq!(difference(&over, &over), []);
        assert_eq!(difference(&over, &state(&[])), [Operation::Delete(Node::Ended)]);
    }

    #[test]
    fn a_framework_is_forgotten_after_its_workers() {
        let before =
            State { framework: Some("F".to_owned()), ..state(&[worker(1, true), worker(2, true)]) };
        let after = state(&[]);
        let expected = [
            Operation::Delete(Node::Worker(WorkerId::new("e", 1))),
            Operation::Delete(Node::Worker(WorkerId::new("e", 2))),
            Operation::Set(Node::State, record::encode(&after)),
        ];
        assert_eq!(difference(&before, &after), expected);
    }

    #[test]
    fn the_first_write_creates_the_state() {
        let made = difference(&State::default(), &state(&[worker(1, false)]));
        assert!(matches!(
            made[..],
            [Operation::Create(Node::State, _), Operation::Create(Node::Worker(_), _)]
        ));
    }
}
