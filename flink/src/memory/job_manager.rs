//! The JobManager's memory.

use super::MemoryError;
use super::arithmetic::{named, rest, sum};
use super::options::in_java_order;
use super::process::{Jvm, Keys, legacy_heap, size};
use crate::config::{Configuration, MemorySize};
use crate::version::FlinkVersion;

const KEYS: Keys = Keys {
    process_size: "jobmanager.memory.process.size",
    flink_size: "jobmanager.memory.flink.size",
    metaspace: "jobmanager.memory.jvm-metaspace.size",
    overhead_min: "jobmanager.memory.jvm-overhead.min",
    overhead_max: "jobmanager.memory.jvm-overhead.max",
    overhead_fraction: "jobmanager.memory.jvm-overhead.fraction",
    others: &["jobmanager.memory.heap.size", "jobmanager.heap.size", "jobmanager.heap.mb"],
};
const HEAP: &str = "jobmanager.memory.heap.size";
const OFF_HEAP: &str = "jobmanager.memory.off-heap.size";

/// The sizes of a JobManager process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobManagerMemory {
    heap: MemorySize,
    off_heap: MemorySize,
    jvm: Jvm,
    total_process: MemorySize,
    limit_direct: bool,
}

impl JobManagerMemory {
    /// Derives all sizes from what is configured.
    pub fn compute(config: &Configuration, version: &FlinkVersion) -> Result<Self, MemoryError> {
        let heap = match config.get_memory(HEAP)? {
            None if !version.at_least(2, 0) => legacy_heap(config, "jobmanager.heap.size", "jobmanager.heap.mb")?,
            heap => heap,
        };
        let (heap, off_heap, jvm) = if let Some(heap) = heap {
            let off_heap = beside_heap(config, heap)?;
            (heap, off_heap, KEYS.around_flink(config, sum(&[heap, off_heap])?)?)
        } else if let Some(flink) = config.get_memory(KEYS.flink_size)? {
            let (heap, off_heap) = inside(config, (KEYS.flink_size, flink))?;
            (heap, off_heap, KEYS.around_flink(config, flink)?)
        } else if let Some(process) = config.get_memory(KEYS.process_size)? {
            let (jvm, flink) = KEYS.inside_process(config, process)?;
            let (heap, off_heap) = inside(config, ("Flink memory", flink))?;
            (heap, off_heap, jvm)
        } else {
            return Err(MemoryError::NotConfigured {
                process: "JobManager",
                choices: "jobmanager.memory.process.size (or jobmanager.memory.flink.size, or \
                          jobmanager.memory.heap.size)",
            });
        };
        let limit_direct = config.get_bool("jobmanager.memory.enable-jvm-direct-memory-limit")?.unwrap_or(false);
        let total_process = sum(&[heap, off_heap, jvm.metaspace, jvm.overhead])?;
        Ok(Self { heap, off_heap, jvm, total_process, limit_direct })
    }

    /// All memory of the process: what its container must have.
    pub fn total_process(&self) -> MemorySize {
        self.total_process
    }

    /// `-Xmx…` and its fellows.
    pub fn jvm_flags(&self) -> Vec<String> {
        let mut flags = vec![format!("-Xmx{}", self.heap.0), format!("-Xms{}", self.heap.0)];
        if self.limit_direct {
            flags.push(format!("-XX:MaxDirectMemorySize={}", self.off_heap.0));
        }
        flags.push(format!("-XX:MaxMetaspaceSize={}", self.jvm.metaspace.0));
        flags
    }

    /// The options for the JobManager's command line, in Flink's order.
    pub fn dynamic_options(&self) -> Vec<(String, String)> {
        let sizes = [
            (HEAP, self.heap),
            (OFF_HEAP, self.off_heap),
            (KEYS.metaspace, self.jvm.metaspace),
            (KEYS.overhead_min, self.jvm.overhead),
            (KEYS.overhead_max, self.jvm.overhead),
        ];
        in_java_order(sizes.map(|(key, size)| (key.to_owned(), format!("{}b", size.0))).to_vec())
    }
}

/// The off-heap memory when the heap is known: the rest of the Flink memory when that is configured as well.
fn beside_heap(config: &Configuration, heap: MemorySize) -> Result<MemorySize, MemoryError> {
    let off_heap = size(config, OFF_HEAP, MemorySize::of_mebibytes(128))?;
    let Some(flink) = config.get_memory(KEYS.flink_size)? else { return Ok(off_heap) };
    if !config.contains(OFF_HEAP) {
        return rest((KEYS.flink_size, flink), &[(HEAP, heap)]);
    }
    if sum(&[heap, off_heap])? != flink {
        let parts = [named((HEAP, heap)), named((OFF_HEAP, off_heap)), named((KEYS.flink_size, flink))];
        return Err(MemoryError::Contradiction(format!("{} and {} do not come to {}", parts[0], parts[1], parts[2])));
    }
    Ok(off_heap)
}

/// Heap and off-heap memory when the Flink memory is known.
fn inside(config: &Configuration, flink: (&str, MemorySize)) -> Result<(MemorySize, MemorySize), MemoryError> {
    let off_heap = size(config, OFF_HEAP, MemorySize::of_mebibytes(128))?;
    let heap = rest(flink, &[(OFF_HEAP, off_heap)])?;
    if heap.0 == 0 {
        let whole = named(flink);
        return Err(MemoryError::Contradiction(format!("{} leaves no heap of {whole}", named((OFF_HEAP, off_heap)))));
    }
    Ok((heap, off_heap))
}
