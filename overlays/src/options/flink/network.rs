//! How TaskManagers hand data to each other.

use super::option;
use crate::options::Kind::{Boolean, Duration, Enum, Integer, Map, Memory, Text};
use crate::options::{Bounds, ConfigOption};

pub(in crate::options) const OPTIONS: &[ConfigOption] = &[
    option(
        "taskmanager.memory.managed.consumer-weights",
        Map,
        "how operators, state back end and Python share managed memory",
    )
    .default("OPERATOR:70,STATE_BACKEND:70,PYTHON:30"),
    option(
        "taskmanager.memory.framework.off-heap.batch-shuffle.size",
        Memory,
        "what reading shuffled data of batch jobs takes of the off-heap memory of Flink itself",
    )
    .default("64 mb"),
    option("taskmanager.memory.min-segment-size", Memory, "smallest network buffer that debloating leaves")
        .default("256 bytes"),
    option(
        "taskmanager.memory.starting-segment-size",
        Memory,
        "size of a network buffer at first, where buffers are debloated",
    )
    .default("1 kb")
    .since(2, 0),
    option(
        "taskmanager.network.memory.buffer-debloat.enabled",
        Boolean,
        "have the amount of data in flight follow the throughput",
    )
    .default("false"),
    option("taskmanager.network.memory.buffer-debloat.period", Duration, "how often that amount is computed")
        .default("200 ms"),
    option("taskmanager.network.memory.buffer-debloat.samples", Integer, "how many earlier measurements count in it")
        .default("20"),
    option(
        "taskmanager.network.memory.buffer-debloat.target",
        Duration,
        "how much time the data in flight should take",
    )
    .default("1 s"),
    option(
        "taskmanager.network.memory.buffer-debloat.threshold-percentages",
        Integer,
        "smaller changes than this many percent are not made",
    )
    .default("25")
    .unit("%"),
    option("taskmanager.network.memory.buffers-per-channel", Integer, "buffers that each channel has to itself")
        .default("2")
        .until(2, 0),
    option(
        "taskmanager.network.memory.floating-buffers-per-gate",
        Integer,
        "buffers that the channels of an input share",
    )
    .default("8")
    .until(2, 0),
    option("taskmanager.network.memory.max-buffers-per-channel", Integer, "most buffers of an outgoing channel")
        .default("10")
        .until(2, 0),
    option(
        "taskmanager.network.memory.max-overdraft-buffers-per-gate",
        Integer,
        "buffers beyond its share that an output may take for one record",
    )
    .default("5")
    .until(2, 0),
    option(
        "taskmanager.network.memory.read-buffer.required-per-gate.max",
        Integer,
        "most buffers without which an input does not start",
    ),
    option("taskmanager.network.memory.buffers-request-timeout", Duration, "how long a task waits for its buffers")
        .default("30 s")
        .formerly(&["taskmanager.network.memory.exclusive-buffers-request-timeout-ms"])
        .since(1, 19),
    option(
        "taskmanager.network.memory.exclusive-buffers-request-timeout-ms",
        Integer,
        "how long a task waits for its buffers",
    )
    .within(Bounds::LONG)
    .default("30000")
    .unit("milliseconds")
    .until(2, 0),
    option("taskmanager.network.bind-policy", Text, "whether TaskManagers tell each other their `ip` or their `name`")
        .default("ip"),
    option(
        "taskmanager.network.compression.codec",
        Enum(&["NONE", "LZ4", "LZO", "ZSTD"]),
        "how shuffled data is compressed",
    )
    .default("LZ4"),
    option(
        "taskmanager.network.batch-shuffle.compression.enabled",
        Boolean,
        "compress the data that batch jobs shuffle",
    )
    .default("true")
    .formerly(&["taskmanager.network.blocking-shuffle.compression.enabled"])
    .until(2, 0),
    option(
        "taskmanager.network.blocking-shuffle.type",
        Text,
        "how shuffled data of batch jobs is written: `file`, `mmap`, or `auto`",
    )
    .default("file")
    .until(2, 0),
    option("taskmanager.network.sort-shuffle.min-buffers", Integer, "least buffers of a shuffle that sorts")
        .default("512"),
    option("taskmanager.network.sort-shuffle.min-parallelism", Integer, "parallelism from which on a shuffle sorts")
        .default("1")
        .until(2, 0),
    option(
        "taskmanager.network.hybrid-shuffle.remote.path",
        Text,
        "where the hybrid shuffle puts data that has no room on the TaskManagers",
    ),
    option(
        "taskmanager.network.hybrid-shuffle.external-remote-tier-factory.class",
        Text,
        "class of a remote storage for the hybrid shuffle",
    )
    .since(1, 19),
    option("taskmanager.network.hybrid-shuffle.enable-new-mode", Boolean, "the hybrid shuffle in tiers")
        .default("true")
        .until(2, 0),
    option(
        "taskmanager.network.hybrid-shuffle.num-retained-in-memory-regions-max",
        Integer,
        "index entries of the hybrid shuffle that stay in memory",
    )
    .within(Bounds::LONG)
    .default("1048576")
    .until(2, 0),
    option(
        "taskmanager.network.hybrid-shuffle.spill-index-region-group-size",
        Integer,
        "size of a group of such entries in a file",
    )
    .default("1024")
    .unit("bytes")
    .formerly(&["taskmanager.network.hybrid-shuffle.spill-index-segment-size"])
    .until(2, 0),
    option(
        "taskmanager.network.adaptive-partitioner.enabled",
        Boolean,
        "send records to the channel that has least to do",
    )
    .default("false")
    .since(2, 3),
    option(
        "taskmanager.network.adaptive-partitioner.max-traverse-size",
        Integer,
        "so many channels are compared for that",
    )
    .default("4")
    .since(2, 3),
    option("taskmanager.network.detailed-metrics", Boolean, "metrics of each queue of the network").default("false"),
    option("taskmanager.network.max-num-tcp-connections", Integer, "TCP connections between two TaskManagers")
        .default("1")
        .until(2, 0),
    option("taskmanager.network.tcp-connection.enable-reuse-across-jobs", Boolean, "jobs use the same connections")
        .default("true"),
    option(
        "taskmanager.network.partition-request-timeout",
        Duration,
        "how long a consumer waits for data that is not there yet",
    )
    .default("10 s")
    .since(1, 19),
    option("taskmanager.network.request-backoff.initial", Integer, "first pause before data is asked for again")
        .default("100")
        .unit("milliseconds")
        .formerly(&["taskmanager.net.request-backoff.initial"]),
    option("taskmanager.network.request-backoff.max", Integer, "longest such pause")
        .default("10000")
        .unit("milliseconds")
        .formerly(&["taskmanager.net.request-backoff.max"]),
    option("taskmanager.network.retries", Integer, "attempts to connect again").default("0"),
    option(
        "taskmanager.network.netty.client.connectTimeoutSec",
        Integer,
        "how long a connection may take to come about",
    )
    .default("120")
    .unit("seconds")
    .formerly(&["taskmanager.net.client.connectTimeoutSec"]),
    option("taskmanager.network.netty.client.numThreads", Integer, "threads that receive; -1 is one for each slot")
        .default("-1")
        .formerly(&["taskmanager.net.client.numThreads"])
        .until(2, 0),
    option(
        "taskmanager.network.netty.client.tcp.keepCount",
        Integer,
        "probes without an answer after which a connection is dead",
    ),
    option("taskmanager.network.netty.client.tcp.keepIdleSec", Integer, "silence after which a connection is probed")
        .unit("seconds"),
    option("taskmanager.network.netty.client.tcp.keepIntervalSec", Integer, "time between two probes").unit("seconds"),
    option("taskmanager.network.netty.num-arenas", Integer, "arenas of Netty; -1 is one for each slot")
        .default("-1")
        .formerly(&["taskmanager.net.num-arenas"])
        .until(2, 0),
    option(
        "taskmanager.network.netty.sendReceiveBufferSize",
        Integer,
        "buffers of a connection; 0 is what the system has",
    )
    .default("0")
    .unit("bytes")
    .formerly(&["taskmanager.net.sendReceiveBufferSize"])
    .until(2, 0),
    option(
        "taskmanager.network.netty.server.backlog",
        Integer,
        "connections that wait to be accepted; 0 is what Netty has",
    )
    .default("0")
    .formerly(&["taskmanager.net.server.backlog"])
    .until(2, 0),
    option("taskmanager.network.netty.server.numThreads", Integer, "threads that send; -1 is one for each slot")
        .default("-1")
        .formerly(&["taskmanager.net.server.numThreads"])
        .until(2, 0),
    option("taskmanager.network.netty.transport", Text, "`nio`, `epoll`, or `auto`")
        .default("auto")
        .formerly(&["taskmanager.net.transport"])
        .until(2, 0),
];
