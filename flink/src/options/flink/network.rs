//! How TaskManagers hand data to each other.

use super::option;
use crate::options::Kind::{Boolean, Duration, Enum, Integer, Map, Memory, Text};
use crate::options::{Bounds, Declaration, Earlier};

pub(in crate::options) const OPTIONS: &[Declaration] = &[
    option(
        "taskmanager.memory.managed.consumer-weights",
        Map,
        "how operators, state back end and Python share managed memory",
    )
    .default("OPERATOR:70,STATE_BACKEND:70,PYTHON:30"),
    option(
        "taskmanager.memory.framework.off-heap.batch-shuffle.size",
        Memory,
        "part of the framework's off-heap memory for reading shuffled data of batch jobs",
    )
    .default("64 mb"),
    option("taskmanager.memory.min-segment-size", Memory, "smallest network buffer after debloating")
        .default("256 bytes"),
    option(
        "taskmanager.memory.starting-segment-size",
        Memory,
        "initial size of a network buffer if buffers are debloated",
    )
    .default("1 kb")
    .since(2, 0),
    option(
        "taskmanager.network.memory.buffer-debloat.enabled",
        Boolean,
        "adapt the amount of data in flight to the throughput",
    )
    .default("false"),
    option(
        "taskmanager.network.memory.buffer-debloat.period",
        Duration,
        "interval between two computations of the amount of data in flight",
    )
    .default("200 ms"),
    option("taskmanager.network.memory.buffer-debloat.samples", Integer, "number of measurements to average")
        .default("20"),
    option(
        "taskmanager.network.memory.buffer-debloat.target",
        Duration,
        "time that the data in flight should take to process",
    )
    .default("1 s"),
    option(
        "taskmanager.network.memory.buffer-debloat.threshold-percentages",
        Integer,
        "smallest change of the amount of data in flight, in percent",
    )
    .default("25")
    .unit("%"),
    option("taskmanager.network.memory.buffers-per-channel", Integer, "number of exclusive buffers of a channel")
        .default("2")
        .until(2, 0),
    option(
        "taskmanager.network.memory.floating-buffers-per-gate",
        Integer,
        "number of buffers that the channels of an input share",
    )
    .default("8")
    .until(2, 0),
    option(
        "taskmanager.network.memory.max-buffers-per-channel",
        Integer,
        "maximum number of buffers of an outgoing channel",
    )
    .default("10")
    .until(2, 0),
    option(
        "taskmanager.network.memory.max-overdraft-buffers-per-gate",
        Integer,
        "number of extra buffers that an output may use for one record",
    )
    .default("5")
    .until(2, 0),
    option(
        "taskmanager.network.memory.read-buffer.required-per-gate.max",
        Integer,
        "maximum number of buffers that an input requires to start",
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
    option("taskmanager.network.bind-policy", Text, "whether TaskManagers advertise their `ip` or their `name`")
        .default("ip"),
    option(
        "taskmanager.network.compression.codec",
        Enum(&["NONE", "LZ4", "LZO", "ZSTD"]),
        "compression of shuffled data",
    )
    .default("LZ4")
    // A name that is none of these was a class.
    .earlier(&[Earlier::before(1, 20, Text)]),
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
    option("taskmanager.network.sort-shuffle.min-buffers", Integer, "minimum number of buffers of a sort shuffle")
        .default("512"),
    option(
        "taskmanager.network.sort-shuffle.min-parallelism",
        Integer,
        "parallelism from which on the sort shuffle is used",
    )
    .default("1")
    .until(2, 0),
    option(
        "taskmanager.network.hybrid-shuffle.remote.path",
        Text,
        "remote folder for hybrid-shuffle data that does not fit on the TaskManagers",
    ),
    option(
        "taskmanager.network.hybrid-shuffle.external-remote-tier-factory.class",
        Text,
        "class of a remote storage for the hybrid shuffle",
    )
    .since(1, 19),
    option("taskmanager.network.hybrid-shuffle.enable-new-mode", Boolean, "use the tiered hybrid shuffle")
        .default("true")
        .until(2, 0),
    option(
        "taskmanager.network.hybrid-shuffle.num-retained-in-memory-regions-max",
        Integer,
        "maximum number of hybrid-shuffle index entries in memory",
    )
    .within(Bounds::LONG)
    .default("1048576")
    .until(2, 0),
    option(
        "taskmanager.network.hybrid-shuffle.spill-index-region-group-size",
        Integer,
        "size of a group of hybrid-shuffle index entries in a file",
    )
    .default("1024")
    .unit("bytes")
    .formerly(&["taskmanager.network.hybrid-shuffle.spill-index-segment-size"])
    .until(2, 0),
    option(
        "taskmanager.network.adaptive-partitioner.enabled",
        Boolean,
        "send records to the channel with the least load",
    )
    .default("false")
    .since(2, 3),
    option(
        "taskmanager.network.adaptive-partitioner.max-traverse-size",
        Integer,
        "number of channels to compare for that load",
    )
    .default("4")
    .since(2, 3),
    option("taskmanager.network.detailed-metrics", Boolean, "report metrics of each network queue").default("false"),
    option("taskmanager.network.max-num-tcp-connections", Integer, "TCP connections between two TaskManagers")
        .default("1")
        .until(2, 0),
    option("taskmanager.network.tcp-connection.enable-reuse-across-jobs", Boolean, "let jobs share TCP connections")
        .default("true"),
    option(
        "taskmanager.network.partition-request-timeout",
        Duration,
        "how long a consumer waits for data that does not exist yet",
    )
    .default("10 s")
    .since(1, 19),
    option("taskmanager.network.request-backoff.initial", Integer, "first pause before data is requested again")
        .default("100")
        .unit("milliseconds")
        .formerly(&["taskmanager.net.request-backoff.initial"]),
    option("taskmanager.network.request-backoff.max", Integer, "longest pause before data is requested again")
        .default("10000")
        .unit("milliseconds")
        .formerly(&["taskmanager.net.request-backoff.max"]),
    option("taskmanager.network.retries", Integer, "number of attempts to reconnect").default("0"),
    option("taskmanager.network.netty.client.connectTimeoutSec", Integer, "how long connecting may take")
        .default("120")
        .unit("seconds")
        .formerly(&["taskmanager.net.client.connectTimeoutSec"]),
    option(
        "taskmanager.network.netty.client.numThreads",
        Integer,
        "number of receiving threads; -1: one for each slot",
    )
    .default("-1")
    .formerly(&["taskmanager.net.client.numThreads"])
    .until(2, 0),
    option(
        "taskmanager.network.netty.client.tcp.keepCount",
        Integer,
        "number of unanswered probes after which a connection is considered dead",
    ),
    option("taskmanager.network.netty.client.tcp.keepIdleSec", Integer, "idle time after which a connection is probed")
        .unit("seconds"),
    option("taskmanager.network.netty.client.tcp.keepIntervalSec", Integer, "time between two probes").unit("seconds"),
    option("taskmanager.network.netty.num-arenas", Integer, "number of Netty arenas; -1: one for each slot")
        .default("-1")
        .formerly(&["taskmanager.net.num-arenas"])
        .until(2, 0),
    option(
        "taskmanager.network.netty.sendReceiveBufferSize",
        Integer,
        "size of a connection's send and receive buffers; 0: the system's default",
    )
    .default("0")
    .unit("bytes")
    .formerly(&["taskmanager.net.sendReceiveBufferSize"])
    .until(2, 0),
    option(
        "taskmanager.network.netty.server.backlog",
        Integer,
        "number of connections that may wait to be accepted; 0: Netty's default",
    )
    .default("0")
    .formerly(&["taskmanager.net.server.backlog"])
    .until(2, 0),
    option("taskmanager.network.netty.server.numThreads", Integer, "number of sending threads; -1: one for each slot")
        .default("-1")
        .formerly(&["taskmanager.net.server.numThreads"])
        .until(2, 0),
    option("taskmanager.network.netty.transport", Text, "Netty transport: `nio`, `epoll`, or `auto`")
        .default("auto")
        .formerly(&["taskmanager.net.transport"])
        .until(2, 0),
];
