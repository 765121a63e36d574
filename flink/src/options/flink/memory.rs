//! Memory of TaskManager and JobManager.

use super::option;
use crate::options::Kind::{Boolean, Integer, Memory, Number};
use crate::options::{Bounds, Declaration};

pub(in crate::options) const OPTIONS: &[Declaration] = &[
    option(
        "taskmanager.memory.process.size",
        Memory,
        "total memory of a TaskManager's process, which is requested from Mesos",
    )
    .within(Bounds::PROCESS),
    option("taskmanager.memory.flink.size", Memory, "memory of a TaskManager, except the JVM's own")
        .within(Bounds::PROCESS),
    option("taskmanager.memory.framework.heap.size", Memory, "heap for Flink itself")
        .within(Bounds::PROCESS)
        .default("128 mb"),
    option("taskmanager.memory.framework.off-heap.size", Memory, "off-heap memory for Flink itself")
        .within(Bounds::PROCESS)
        .default("128 mb"),
    option("taskmanager.memory.task.heap.size", Memory, "heap for the user's code; not set: the remaining memory")
        .within(Bounds::PROCESS),
    option("taskmanager.memory.task.off-heap.size", Memory, "off-heap memory for the user's code")
        .within(Bounds::PROCESS)
        .default("0 bytes"),
    option("taskmanager.memory.managed.size", Memory, "memory that operators and state back ends share")
        .within(Bounds::PROCESS)
        .formerly(&["taskmanager.memory.size"]),
    option("taskmanager.memory.managed.fraction", Number, "share of the Flink memory used as managed memory")
        .default("0.4"),
    option("taskmanager.memory.network.fraction", Number, "share of the Flink memory used as network memory")
        .default("0.1")
        .formerly(&["taskmanager.network.memory.fraction"]),
    option("taskmanager.memory.network.min", Memory, "minimum network memory")
        .within(Bounds::PROCESS)
        .default("64 mb")
        .formerly(&["taskmanager.network.memory.min"]),
    option("taskmanager.memory.network.max", Memory, "maximum network memory")
        .default("9223372036854775807 bytes")
        .formerly(&["taskmanager.network.memory.max"]),
    option("taskmanager.network.numberOfBuffers", Integer, "network memory as a number of buffers")
        .default("2048")
        .until(2, 0),
    option("taskmanager.memory.segment-size", Memory, "size of one network buffer").default("32 kb"),
    option("taskmanager.memory.jvm-metaspace.size", Memory, "metaspace of the JVM")
        .within(Bounds::PROCESS)
        .default("256 mb"),
    option("taskmanager.memory.jvm-overhead.fraction", Number, "share of the process's memory for the JVM overhead")
        .default("0.1"),
    option("taskmanager.memory.jvm-overhead.min", Memory, "minimum JVM overhead")
        .within(Bounds::PROCESS)
        .default("192 mb"),
    option("taskmanager.memory.jvm-overhead.max", Memory, "maximum JVM overhead").default("1 gb"),
    option("taskmanager.heap.size", Memory, "like `taskmanager.memory.flink.size`, from before Flink 1.10")
        .within(Bounds::PROCESS)
        .until(2, 0),
    option("taskmanager.heap.mb", Integer, "like `taskmanager.heap.size`")
        .within(Bounds::PROCESS_MB)
        .unit("MB")
        .until(2, 0),
    option("jobmanager.memory.process.size", Memory, "total memory of the JobManager's process")
        .within(Bounds::PROCESS),
    option("jobmanager.memory.flink.size", Memory, "memory of the JobManager, except the JVM's own")
        .within(Bounds::PROCESS),
    option("jobmanager.memory.heap.size", Memory, "heap of the JobManager").within(Bounds::PROCESS),
    option("jobmanager.memory.off-heap.size", Memory, "off-heap memory of the JobManager")
        .within(Bounds::PROCESS)
        .default("128 mb"),
    option(
        "jobmanager.memory.enable-jvm-direct-memory-limit",
        Boolean,
        "limit the JobManager's direct memory to its off-heap memory",
    )
    .default("false"),
    option("jobmanager.memory.jvm-metaspace.size", Memory, "metaspace of the JVM")
        .within(Bounds::PROCESS)
        .default("256 mb"),
    option("jobmanager.memory.jvm-overhead.fraction", Number, "share of the process's memory for the JVM overhead")
        .default("0.1"),
    option("jobmanager.memory.jvm-overhead.min", Memory, "minimum JVM overhead")
        .within(Bounds::PROCESS)
        .default("192 mb"),
    option("jobmanager.memory.jvm-overhead.max", Memory, "maximum JVM overhead").default("1 gb"),
    option("jobmanager.heap.size", Memory, "like `jobmanager.memory.heap.size`, from before Flink 1.11")
        .within(Bounds::PROCESS)
        .until(2, 0),
    option("jobmanager.heap.mb", Integer, "like `jobmanager.heap.size`")
        .within(Bounds::PROCESS_MB)
        .unit("MB")
        .until(2, 0),
];
