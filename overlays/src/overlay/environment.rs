//! Environment variables for workers: `containerized.taskmanager.env.<NAME>`.

use flink::options::mesos::TASK_MANAGER_VARIABLE;

use super::{Draft, Master, OverlayError};

/// What stands before the variable's name in a key.
pub(super) const PREFIX: &str = TASK_MANAGER_VARIABLE.prefix();

pub(super) fn collect(master: &Master<'_>, draft: &mut Draft) -> Result<(), OverlayError> {
    for (key, value) in master.config.iter() {
        let Some(name) = key.strip_prefix(PREFIX) else { continue };
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(OverlayError::VariableName { key: key.to_owned(), name: name.to_owned() });
        }
        draft.export(name, value);
    }
    Ok(())
}
