//! The JobManager's memory.

use super::MemoryError;
use super::arithmetic::{named, rest, sum};
use super::java_order::in_java_order;
use super::process::{Jvm, Options, legacy_heap};
use crate::config::{Configuration, MemorySize};
use crate::options::flink::{
    JOBMANAGER_HEAP_MB, JOBMANAGER_HEAP_SIZE, JOBMANAGER_MEMORY_ENABLE_JVM_DIRECT_MEMORY_LIMIT,
    JOBMANAGER_MEMORY_FLINK_SIZE, JOBMANAGER_MEMORY_HEAP_SIZE as HEAP,
    JOBMANAGER_MEMORY_JVM_METASPACE_SIZE, JOBMANAGER_MEMORY_JVM_OVERHEAD_FRACTION,
    JOBMANAGER_MEMORY_JVM_OVERHEAD_MAX, JOBMANAGER_MEMORY_JVM_OVERHEAD_MIN,
    JOBMANAGER_MEMORY_OFF_HEAP_SIZE as OFF_HEAP, JOBMANAGER_MEMORY_PROCESS_SIZE,
};
use crate::version::FlinkVersion;

const OPTIONS: Options = Options {
    process_size: JOBMANAGER_MEMORY_PROCESS_SIZE,
    flink_size: JOBMANAGER_MEMORY_FLINK_SIZE,
    metaspace: JOBMANAGER_MEMORY_JVM_METASPACE_SIZE,
    overhead_min: JOBMANAGER_MEMORY_JVM_OVERHEAD_MIN,
    overhead_max: JOBMANAGER_MEMORY_JVM_OVERHEAD_MAX,
    overhead_fraction: JOBMANAGER_MEMORY_JVM_OVERHEAD_FRACTION,
    others: &[HEAP.key(), JOBMANAGER_HEAP_SIZE.key(), JOBMANAGER_HEAP_MB.key()],
};

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
        let heap = match config.read_unbounded(&HEAP)? {
            None if !version.at_least(2, 0) => {
                legacy_heap(config, &JOBMANAGER_HEAP_SIZE, &JOBMANAGER_HEAP_MB)?
            }
            heap => heap,
        };
        let (heap, off_heap, jvm) = if let Some(heap) = heap {
            let off_heap = beside_heap(config, heap)?;
            (heap, off_heap, OPTIONS.around_flink(config, sum(&[heap, off_heap])?)?)
        } else if let Some(flink) = config.read_unbounded(&OPTIONS.flink_size)? {
            let (heap, off_heap) = inside(config, (OPTIONS.flink_size.key(), flink))?;
            (heap, off_heap, OPTIONS.around_flink(config, flink)?)
        } else if let Some(process) = config.read_unbounded(&OPTIONS.process_size)? {
            let (jvm, flink) = OPTIONS.inside_process(config, process)?;
            let (heap, off_heap) = inside(config, ("Flink memory", flink))?;
            (heap, off_heap, jvm)
        } else {
            return Err(MemoryError::NotConfigured {
                process: "JobManager",
                choices: "jobmanager.memory.process.size (or jobmanager.memory.flink.size, or \
                          jobmanager.memory.heap.size)",
            });
        };
        let limit_direct =
            config.read_unbounded(&JOBMANAGER_MEMORY_ENABLE_JVM_DIRECT_MEMORY_LIMIT)?;
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
            (HEAP.key(), self.heap),
            (OFF_HEAP.key(), self.off_heap),
            (OPTIONS.metaspace.key(), self.jvm.metaspace),
            (OPTIONS.overhead_min.key(), self.jvm.overhead),
            (OPTIONS.overhead_max.key(), self.jvm.overhead),
        ];
        in_java_order(sizes.map(|(key, size)| (key.to_owned(), format!("{}b", size.0))).to_vec())
    }
}

/// The off-heap memory when the heap is known: the rest of the Flink memory when that is configured
/// as well.
fn beside_heap(config: &Configuration, heap: MemorySize) -> Result<MemorySize, MemoryError> {
    let off_heap = config.read_unbounded(&OFF_HEAP)?;
    let Some(flink) = config.read_unbounded(&OPTIONS.flink_size)? else { return Ok(off_heap) };
    if !config.contains(&OFF_HEAP) {
        return rest((OPTIONS.flink_size.key(), flink), &[(HEAP.key(), heap)]);
    }
    if sum(&[heap, off_heap])? != flink {
        let parts = [
            named((HEAP.key(), heap)),
            named((OFF_HEAP.key(), off_heap)),
            named((OPTIONS.flink_size.key(), flink)),
        ];
        return Err(MemoryError::Contradiction(format!(
            "{} and {} do not come to {}",
            parts[0], parts[1], parts[2]
        )));
    }
    Ok(off_heap)
}

/// Heap and off-heap memory when the Flink memory is known.
fn inside(
    config: &Configuration,
    flink: (&str, MemorySize),
) -> Result<(MemorySize, MemorySize), MemoryError> {
    let off_heap = config.read_unbounded(&OFF_HEAP)?;
    let heap = rest(flink, &[(OFF_HEAP.key(), off_heap)])?;
    if heap.0 == 0 {
        let whole = named(flink);
        return Err(MemoryError::Contradiction(format!(
            "{} leaves no heap of {whole}",
            named((OFF_HEAP.key(), off_heap))
        )));
    }
    Ok((heap, off_heap))
}
