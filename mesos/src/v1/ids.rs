//! Every id in Mesos is a message with one string: made from text, shown as text.

use std::fmt;

use super::{
    AgentId, ContainerId, ExecutorId, FrameworkId, OfferId, OperationId, ResourceProviderId, TaskId,
};

macro_rules! text_ids {
    ($($id:ident $({ $($field:ident: $value:expr),* })?),* $(,)?) => {$(
        impl From<String> for $id {
            fn from(value: String) -> Self {
                Self { value, $($($field: $value),*)? }
            }
        }

        impl From<&str> for $id {
            fn from(value: &str) -> Self {
                Self::from(value.to_owned())
            }
        }

        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.value)
            }
        }
    )*};
}

text_ids!(
    AgentId,
    ContainerId { parent: None },
    ExecutorId,
    FrameworkId,
    OfferId,
    OperationId,
    ResourceProviderId,
    TaskId,
);
