//! Memory of TaskManager and JobManager.

use super::option;
use crate::options::ConfigOption;
use crate::options::Kind::{Boolean, Integer, Memory, Number};

pub(in crate::options) const OPTIONS: &[ConfigOption] = &[
    option("taskmanager.memory.process.size", Memory, "all memory of a TaskManager's process: what Mesos is asked for"),
    option("taskmanager.memory.flink.size", Memory, "memory of a TaskManager without the JVM's own"),
    option("taskmanager.memory.framework.heap.size", Memory, "heap of Flink itself").default("128 mb"),
    option("taskmanager.memory.framework.off-heap.size", Memory, "off-heap memory of Flink itself").default("128 mb"),
    option("taskmanager.memory.task.heap.size", Memory, "heap of the user's code; what is left when not set"),
    option("taskmanager.memory.task.off-heap.size", Memory, "off-heap memory of the user's code").default("0 bytes"),
    option("taskmanager.memory.managed.size", Memory, "memory that operators and state back ends share")
        .formerly(&["taskmanager.memory.size"]),
    option("taskmanager.memory.managed.fraction", Number, "managed memory as a part of the Flink memory")
        .default("0.4"),
    option("taskmanager.memory.network.fraction", Number, "network memory as a part of the Flink memory")
        .default("0.1")
        .formerly(&["taskmanager.network.memory.fraction"]),
    option("taskmanager.memory.network.min", Memory, "least network memory")
        .default("64 mb")
        .formerly(&["taskmanager.network.memory.min"]),
    option("taskmanager.memory.network.max", Memory, "most network memory")
        .default("9223372036854775807 bytes")
        .formerly(&["taskmanager.network.memory.max"]),
    option("taskmanager.network.numberOfBuffers", Integer, "network memory as a number of buffers")
        .default("2048")
        .until(2, 0),
    option("taskmanager.memory.segment-size", Memory, "size of one network buffer").default("32 kb"),
    option("taskmanager.memory.jvm-metaspace.size", Memory, "metaspace of the JVM").default("256 mb"),
    option("taskmanager.memory.jvm-overhead.fraction", Number, "other memory of the JVM as a part of the process")
        .default("0.1"),
    option("taskmanager.memory.jvm-overhead.min", Memory, "least other memory of the JVM").default("192 mb"),
    option("taskmanager.memory.jvm-overhead.max", Memory, "most other memory of the JVM").default("1 gb"),
    option("taskmanager.heap.size", Memory, "like `taskmanager.memory.flink.size`, from before Flink 1.10").until(2, 0),
    option("taskmanager.heap.mb", Integer, "like `taskmanager.heap.size`").unit("MB").until(2, 0),
    option("jobmanager.memory.process.size", Memory, "all memory of the JobManager's process"),
    option("jobmanager.memory.flink.size", Memory, "memory of the JobManager without the JVM's own"),
    option("jobmanager.memory.heap.size", Memory, "heap of the JobManager"),
    option("jobmanager.memory.off-heap.size", Memory, "off-heap memory of the JobManager").default("128 mb"),
    option(
        "jobmanager.memory.enable-jvm-direct-memory-limit",
        Boolean,
        "limit the JobManager's direct memory to its off-heap memory",
    )
    .default("false"),
    option("jobmanager.memory.jvm-metaspace.size", Memory, "metaspace of the JVM").default("256 mb"),
    option("jobmanager.memory.jvm-overhead.fraction", Number, "other memory of the JVM as a part of the process")
        .default("0.1"),
    option("jobmanager.memory.jvm-overhead.min", Memory, "least other memory of the JVM").default("192 mb"),
    option("jobmanager.memory.jvm-overhead.max", Memory, "most other memory of the JVM").default("1 gb"),
    option("jobmanager.heap.size", Memory, "like `jobmanager.memory.heap.size`, from before Flink 1.11").until(2, 0),
    option("jobmanager.heap.mb", Integer, "like `jobmanager.heap.size`").unit("MB").until(2, 0),
];
