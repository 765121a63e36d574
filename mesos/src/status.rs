//! What a task's state means, and the uuid that a status update carries.

use bytes::Bytes;
use uuid::Uuid;

use crate::v1::TaskState;

/// Whether a task in this state has ended and no other update can follow.
///
/// `TASK_UNREACHABLE` and `TASK_UNKNOWN` are not terminal: such a task may come back.
/// `TASK_GONE_BY_OPERATOR` is: the operator vouches for it.
pub fn is_terminal(state: TaskState) -> bool {
    match state {
        TaskState::TaskFinished
        | TaskState::TaskFailed
        | TaskState::TaskKilled
        | TaskState::TaskError
        | TaskState::TaskLost
        | TaskState::TaskDropped
        | TaskState::TaskGone
        | TaskState::TaskGoneByOperator => true,
        TaskState::TaskStaging
        | TaskState::TaskStarting
        | TaskState::TaskRunning
        | TaskState::TaskKilling
        | TaskState::TaskUnreachable
        | TaskState::TaskUnknown => false,
    }
}

/// A fresh uuid for `TaskStatus.uuid`: 16 raw bytes of version 4. The agent refuses plain random
/// bytes.
pub fn new_uuid() -> Bytes {
    Bytes::copy_from_slice(Uuid::new_v4().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_may_come_back_is_not_terminal() {
        assert!(!is_terminal(TaskState::TaskUnreachable));
        assert!(!is_terminal(TaskState::TaskUnknown));
        assert!(is_terminal(TaskState::TaskGone));
    }

    #[test]
    fn a_status_uuid_is_a_version_4_uuid_of_16_bytes() {
        let uuid = Uuid::from_slice(&new_uuid()).unwrap();
        assert_eq!(uuid.get_version_num(), 4);
        assert_ne!(new_uuid(), new_uuid());
    }
}
