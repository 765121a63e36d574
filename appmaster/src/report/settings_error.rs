//! An option that cannot be used.

use flink::{config::ConfigurationError, memory::MemoryError};

/// Why an option cannot be used. The user can fix all of these.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A value has the wrong form.
    #[error(transparent)]
    Form(#[from] ConfigurationError),
    /// A value has the right form but makes no sense.
    #[error("{key}: {value}: {reason}")]
    Value {
        /// The option.
        key: &'static str,
        /// Its value.
        value: String,
        /// The error, and what is allowed.
        reason: String,
    },
    /// A file that an option names cannot be used, or a part of a value is invalid.
    #[error("{key}: {reason}")]
    File {
        /// The option.
        key: &'static str,
        /// The file or the part, and its error.
        reason: String,
    },
    /// The same for an option with a name in its key, or one of several for the same thing.
    #[error("{key}: {reason}")]
    Named {
        /// The option.
        key: String,
        /// The error, and what is allowed.
        reason: String,
    },
    /// A required option is missing.
    #[error("{key} must be configured: {hint}")]
    Missing {
        /// The option.
        key: &'static str,
        /// What to write.
        hint: &'static str,
    },
    /// The TaskManager's memory does not add up.
    #[error("the TaskManager's memory: {0}")]
    TaskManagerMemory(MemoryError),
    /// The JobManager's memory does not add up.
    #[error("the JobManager's memory: {0}")]
    JobManagerMemory(MemoryError),
}

impl SettingsError {
    /// The invalid option, if the error is about one.
    pub fn key(&self) -> Option<&str> {
        use ConfigurationError::{Range, Value};
        match self {
            Self::Value { key, .. } | Self::File { key, .. } | Self::Missing { key, .. } => {
                Some(key)
            }
            Self::Named { key, .. } => Some(key),
            _ => match self.form()? {
                Value { key, .. } | Range { key, .. } => Some(key),
                _ => None,
            },
        }
    }

    /// Whether the text says where the value comes from.
    pub(super) fn names_origin(&self) -> bool {
        matches!(self.form(), Some(ConfigurationError::Value { .. }))
    }

    /// The form of a value as the cause.
    fn form(&self) -> Option<&ConfigurationError> {
        match self {
            Self::Form(error)
            | Self::TaskManagerMemory(MemoryError::Configuration(error))
            | Self::JobManagerMemory(MemoryError::Configuration(error)) => Some(error),
            _ => None,
        }
    }
}
