//! Flink's memory model: from a few configured sizes to JVM flags and the complete set of memory
//! options, equal to the byte to what Flink's `BashJavaUtils` prints for 1.18 to 2.x.
//!
//! ```text
//! process ┬ JVM metaspace
//!         ├ JVM overhead          fraction of process, between min and max
//!         └ flink ┬ TaskManager: framework heap, task heap, framework and task off-heap, network, managed
//!                 └ JobManager:  heap, off-heap
//! ```
//!
//! One of `….memory.process.size`, `….memory.flink.size` or the inner sizes must be configured;
//! what is left over goes to the task heap (or the network, or the JobManager's heap). Sizes
//! derived from fractions are rounded down from the exact product with the fraction's shortest
//! decimal form, as Java's `BigDecimal` gives it, and fractions have single precision.

use crate::config::{ConfigurationError, MemorySize};

mod arithmetic;
mod java_order;
mod job_manager;
mod process;
mod task_manager;

pub use job_manager::JobManagerMemory;
pub use task_manager::TaskManagerMemory;

/// Why no memory sizes can be derived. Each is a condition that Flink refuses too.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// A value that is not of its key's form.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// No size to start from.
    #[error("the memory of the {process} is not configured: set {choices}")]
    NotConfigured {
        /// `TaskManager` or `JobManager`.
        process: &'static str,
        /// The keys, of which one is enough.
        choices: &'static str,
    },
    /// Parts that are more than the whole.
    #[error("{parts} come to more than {whole}")]
    TooSmall {
        /// The parts, each with its size.
        parts: String,
        /// The whole with its size.
        whole: String,
    },
    /// What is left for a part is not within the part's bounds.
    #[error("{left} is left for {part}, but it must be {allowed}")]
    OutOfBounds {
        /// What is left.
        left: MemorySize,
        /// The part.
        part: &'static str,
        /// The bounds, with their keys.
        allowed: String,
    },
    /// Two or more sizes that contradict each other.
    #[error("{0}")]
    Contradiction(String),
    /// A number outside of what is allowed.
    #[error("{key}: {value} is not {allowed}")]
    Number {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        allowed: &'static str,
    },
    /// Sizes that do not fit in 63 bits.
    #[error("the configured memory sizes come to more than {}", MemorySize::MAX)]
    Overflow,
}
