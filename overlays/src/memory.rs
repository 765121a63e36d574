//! Flink's memory model: from a few configured sizes to JVM flags and the complete set of memory options, equal to the
//! byte to what Flink's `BashJavaUtils` prints.

use crate::config::{Configuration, MemorySize};
use crate::flink::FlinkVersion;

/// Why no memory sizes can be derived.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {}

/// The sizes of a TaskManager process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskManagerMemory {}

impl TaskManagerMemory {
    /// Derives all sizes from what is configured.
    pub fn compute(config: &Configuration, version: &FlinkVersion) -> Result<Self, MemoryError> {
        todo!()
    }

    /// All memory of the process: what its container must have.
    pub fn total_process(&self) -> MemorySize {
        todo!()
    }

    /// `-Xmx…` and its fellows.
    pub fn jvm_flags(&self) -> Vec<String> {
        todo!()
    }

    /// The options that the TaskManager demands on its command line, in Flink's order.
    pub fn dynamic_options(&self) -> Vec<(String, String)> {
        todo!()
    }
}

/// The sizes of a JobManager process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobManagerMemory {}

impl JobManagerMemory {
    /// Derives all sizes from what is configured.
    pub fn compute(config: &Configuration, version: &FlinkVersion) -> Result<Self, MemoryError> {
        todo!()
    }

    /// All memory of the process: what its container must have.
    pub fn total_process(&self) -> MemorySize {
        todo!()
    }

    /// `-Xmx…` and its fellows.
    pub fn jvm_flags(&self) -> Vec<String> {
        todo!()
    }

    /// The options for the JobManager's command line, in Flink's order.
    pub fn dynamic_options(&self) -> Vec<(String, String)> {
        todo!()
    }
}
