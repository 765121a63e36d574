//! Memory of TaskManager and JobManager.

use crate::memory_size::MemorySize;
use crate::options::Bounds;
use crate::options::declare::{declare, key};

declare! {
    /// total memory of a TaskManager's process, which is requested from Mesos
    option TASKMANAGER_MEMORY_PROCESS_SIZE: Option<MemorySize> = key("taskmanager.memory.process.size")
        .within(Bounds::PROCESS);
    /// memory of a TaskManager, except the JVM's own
    option TASKMANAGER_MEMORY_FLINK_SIZE: Option<MemorySize> = key("taskmanager.memory.flink.size")
        .within(Bounds::PROCESS);
    /// heap for Flink itself
    option TASKMANAGER_MEMORY_FRAMEWORK_HEAP_SIZE: MemorySize = key("taskmanager.memory.framework.heap.size")
        .within(Bounds::PROCESS).default("128 mb");
    /// off-heap memory for Flink itself
    option TASKMANAGER_MEMORY_FRAMEWORK_OFF_HEAP_SIZE: MemorySize = key("taskmanager.memory.framework.off-heap.size")
        .within(Bounds::PROCESS).default("128 mb");
    /// heap for the user's code; not set: the remaining memory
    option TASKMANAGER_MEMORY_TASK_HEAP_SIZE: Option<MemorySize> = key("taskmanager.memory.task.heap.size")
        .within(Bounds::PROCESS);
    /// off-heap memory for the user's code
    option TASKMANAGER_MEMORY_TASK_OFF_HEAP_SIZE: MemorySize = key("taskmanager.memory.task.off-heap.size")
        .within(Bounds::PROCESS).default("0 bytes");
    /// memory that operators and state back ends share
    option TASKMANAGER_MEMORY_MANAGED_SIZE: Option<MemorySize> = key("taskmanager.memory.managed.size")
        .within(Bounds::PROCESS).formerly(&["taskmanager.memory.size"]);
    /// share of the Flink memory used as managed memory
    option TASKMANAGER_MEMORY_MANAGED_FRACTION: f32 = key("taskmanager.memory.managed.fraction").default("0.4");
    /// share of the Flink memory used as network memory
    option TASKMANAGER_MEMORY_NETWORK_FRACTION: f32 = key("taskmanager.memory.network.fraction")
        .default("0.1").formerly(&["taskmanager.network.memory.fraction"]);
    /// minimum network memory
    option TASKMANAGER_MEMORY_NETWORK_MIN: MemorySize = key("taskmanager.memory.network.min")
        .within(Bounds::PROCESS).default("64 mb").formerly(&["taskmanager.network.memory.min"]);
    /// maximum network memory
    option TASKMANAGER_MEMORY_NETWORK_MAX: MemorySize = key("taskmanager.memory.network.max")
        .default("9223372036854775807 bytes").formerly(&["taskmanager.network.memory.max"]);
    /// network memory as a number of buffers
    option TASKMANAGER_NETWORK_NUMBEROFBUFFERS: Option<i64> = key("taskmanager.network.numberOfBuffers")
        .default("2048").until(2, 0);
    /// size of one network buffer
    option TASKMANAGER_MEMORY_SEGMENT_SIZE: MemorySize = key("taskmanager.memory.segment-size").default("32 kb");
    /// metaspace of the JVM
    option TASKMANAGER_MEMORY_JVM_METASPACE_SIZE: MemorySize = key("taskmanager.memory.jvm-metaspace.size")
        .within(Bounds::PROCESS).default("256 mb");
    /// share of the process's memory for the JVM overhead
    option TASKMANAGER_MEMORY_JVM_OVERHEAD_FRACTION: f32 = key("taskmanager.memory.jvm-overhead.fraction")
        .default("0.1");
    /// minimum JVM overhead
    option TASKMANAGER_MEMORY_JVM_OVERHEAD_MIN: MemorySize = key("taskmanager.memory.jvm-overhead.min")
        .within(Bounds::PROCESS).default("192 mb");
    /// maximum JVM overhead
    option TASKMANAGER_MEMORY_JVM_OVERHEAD_MAX: MemorySize = key("taskmanager.memory.jvm-overhead.max").default("1 gb");
    /// like `taskmanager.memory.flink.size`, from before Flink 1.10
    option TASKMANAGER_HEAP_SIZE: Option<MemorySize> = key("taskmanager.heap.size").within(Bounds::PROCESS).until(2, 0);
    /// like `taskmanager.heap.size`
    option TASKMANAGER_HEAP_MB: Option<i64> = key("taskmanager.heap.mb")
        .within(Bounds::PROCESS_MB).unit("MB").until(2, 0);
    /// total memory of the JobManager's process
    option JOBMANAGER_MEMORY_PROCESS_SIZE: Option<MemorySize> = key("jobmanager.memory.process.size")
        .within(Bounds::PROCESS);
    /// memory of the JobManager, except the JVM's own
    option JOBMANAGER_MEMORY_FLINK_SIZE: Option<MemorySize> = key("jobmanager.memory.flink.size")
        .within(Bounds::PROCESS);
    /// heap of the JobManager
    option JOBMANAGER_MEMORY_HEAP_SIZE: Option<MemorySize> = key("jobmanager.memory.heap.size").within(Bounds::PROCESS);
    /// off-heap memory of the JobManager
    option JOBMANAGER_MEMORY_OFF_HEAP_SIZE: MemorySize = key("jobmanager.memory.off-heap.size")
        .within(Bounds::PROCESS).default("128 mb");
    /// limit the JobManager's direct memory to its off-heap memory
    option JOBMANAGER_MEMORY_ENABLE_JVM_DIRECT_MEMORY_LIMIT: bool =
        key("jobmanager.memory.enable-jvm-direct-memory-limit")
        .default("false");
    /// metaspace of the JVM
    option JOBMANAGER_MEMORY_JVM_METASPACE_SIZE: MemorySize = key("jobmanager.memory.jvm-metaspace.size")
        .within(Bounds::PROCESS).default("256 mb");
    /// share of the process's memory for the JVM overhead
    option JOBMANAGER_MEMORY_JVM_OVERHEAD_FRACTION: f32 = key("jobmanager.memory.jvm-overhead.fraction").default("0.1");
    /// minimum JVM overhead
    option JOBMANAGER_MEMORY_JVM_OVERHEAD_MIN: MemorySize = key("jobmanager.memory.jvm-overhead.min")
        .within(Bounds::PROCESS).default("192 mb");
    /// maximum JVM overhead
    option JOBMANAGER_MEMORY_JVM_OVERHEAD_MAX: MemorySize = key("jobmanager.memory.jvm-overhead.max").default("1 gb");
    /// like `jobmanager.memory.heap.size`, from before Flink 1.11
    option JOBMANAGER_HEAP_SIZE: Option<MemorySize> = key("jobmanager.heap.size").within(Bounds::PROCESS).until(2, 0);
    /// like `jobmanager.heap.size`
    option JOBMANAGER_HEAP_MB: Option<i64> = key("jobmanager.heap.mb")
        .within(Bounds::PROCESS_MB).unit("MB").until(2, 0);
}
