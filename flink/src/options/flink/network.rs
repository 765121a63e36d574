//! How TaskManagers hand data to each other.

use std::time::Duration;

use crate::memory_size::MemorySize;
use crate::options::declare::{declare, key};
use crate::options::{Bounds, Earlier, Kind};

declare! {
    /// how operators, state back end and Python share managed memory
    option _: Vec<(String, String)> = key("taskmanager.memory.managed.consumer-weights")
        .default("OPERATOR:70,STATE_BACKEND:70,PYTHON:30");
    /// part of the framework's off-heap memory for reading shuffled data of batch jobs
    option _: MemorySize = key("taskmanager.memory.framework.off-heap.batch-shuffle.size").default("64 mb");
    /// smallest network buffer after debloating
    option _: MemorySize = key("taskmanager.memory.min-segment-size").default("256 bytes");
    /// initial size of a network buffer if buffers are debloated
    option _: MemorySize = key("taskmanager.memory.starting-segment-size").default("1 kb").since(2, 0);
    /// adapt the amount of data in flight to the throughput
    option _: bool = key("taskmanager.network.memory.buffer-debloat.enabled").default("false");
    /// interval between two computations of the amount of data in flight
    option _: Duration = key("taskmanager.network.memory.buffer-debloat.period").default("200 ms");
    /// number of measurements to average
    option _: i64 = key("taskmanager.network.memory.buffer-debloat.samples").default("20");
    /// time in which the data in flight should be processed
    option _: Duration = key("taskmanager.network.memory.buffer-debloat.target").default("1 s");
    /// smallest change of the amount of data in flight, in percent
    option _: i64 = key("taskmanager.network.memory.buffer-debloat.threshold-percentages").default("25").unit("%");
    /// number of exclusive buffers of a channel
    option _: i64 = key("taskmanager.network.memory.buffers-per-channel").default("2").until(2, 0);
    /// number of buffers that the channels of an input share
    option _: i64 = key("taskmanager.network.memory.floating-buffers-per-gate").default("8").until(2, 0);
    /// maximum number of buffers of an outgoing channel
    option _: i64 = key("taskmanager.network.memory.max-buffers-per-channel").default("10").until(2, 0);
    /// number of extra buffers that an output may use for one record
    option _: i64 = key("taskmanager.network.memory.max-overdraft-buffers-per-gate").default("5").until(2, 0);
    /// maximum number of buffers that an input requires to start
    option _: Option<i64> = key("taskmanager.network.memory.read-buffer.required-per-gate.max");
    /// how long a task waits for its buffers
    option _: Duration = key("taskmanager.network.memory.buffers-request-timeout")
        .default("30 s").formerly(&["taskmanager.network.memory.exclusive-buffers-request-timeout-ms"]).since(1, 19);
    /// how long a task waits for its buffers
    option _: i64 = key("taskmanager.network.memory.exclusive-buffers-request-timeout-ms")
        .within(Bounds::LONG).default("30000").unit("milliseconds").until(2, 0);
    /// whether TaskManagers advertise their `ip` or their `name`
    option _: String = key("taskmanager.network.bind-policy").default("ip");
    /// compression of shuffled data
    option _: String = key("taskmanager.network.compression.codec")
        .any_case_of(&["NONE", "LZ4", "LZO", "ZSTD"]).default("LZ4")
        // A name that is none of these was a class.
        .earlier(&[Earlier::before(1, 20, Kind::Text)]);
    /// compress the data that batch jobs shuffle
    option _: bool = key("taskmanager.network.batch-shuffle.compression.enabled")
        .default("true").formerly(&["taskmanager.network.blocking-shuffle.compression.enabled"]).until(2, 0);
    /// how shuffled data of batch jobs is written: `file`, `mmap`, or `auto`
    option _: String = key("taskmanager.network.blocking-shuffle.type").default("file").until(2, 0);
    /// minimum number of buffers of a sort shuffle
    option _: i64 = key("taskmanager.network.sort-shuffle.min-buffers").default("512");
    /// parallelism from which on the sort shuffle is used
    option _: i64 = key("taskmanager.network.sort-shuffle.min-parallelism").default("1").until(2, 0);
    /// remote folder for hybrid-shuffle data that does not fit on the TaskManagers
    option _: Option<String> = key("taskmanager.network.hybrid-shuffle.remote.path");
    /// class of a remote storage for the hybrid shuffle
    option _: Option<String> = key("taskmanager.network.hybrid-shuffle.external-remote-tier-factory.class")
        .since(1, 19);
    /// use the tiered hybrid shuffle
    option _: bool = key("taskmanager.network.hybrid-shuffle.enable-new-mode").default("true").until(2, 0);
    /// maximum number of hybrid-shuffle index entries in memory
    option _: i64 = key("taskmanager.network.hybrid-shuffle.num-retained-in-memory-regions-max")
        .within(Bounds::LONG).default("1048576").until(2, 0);
    /// size of a group of hybrid-shuffle index entries in a file
    option _: i64 = key("taskmanager.network.hybrid-shuffle.spill-index-region-group-size")
        .default("1024").unit("bytes").formerly(&["taskmanager.network.hybrid-shuffle.spill-index-segment-size"])
        .until(2, 0);
    /// send records to the channel with the least load
    option _: bool = key("taskmanager.network.adaptive-partitioner.enabled").default("false").since(2, 3);
    /// number of channels whose load is compared
    option _: i64 = key("taskmanager.network.adaptive-partitioner.max-traverse-size").default("4").since(2, 3);
    /// report metrics of each network queue
    option _: bool = key("taskmanager.network.detailed-metrics").default("false");
    /// TCP connections between two TaskManagers
    option _: i64 = key("taskmanager.network.max-num-tcp-connections").default("1").until(2, 0);
    /// let jobs share TCP connections
    option _: bool = key("taskmanager.network.tcp-connection.enable-reuse-across-jobs").default("true");
    /// how long a consumer waits for data that does not exist yet
    option _: Duration = key("taskmanager.network.partition-request-timeout").default("10 s").since(1, 19);
    /// first pause before data is requested again
    option _: i64 = key("taskmanager.network.request-backoff.initial")
        .default("100").unit("milliseconds").formerly(&["taskmanager.net.request-backoff.initial"]);
    /// longest pause before data is requested again
    option _: i64 = key("taskmanager.network.request-backoff.max")
        .default("10000").unit("milliseconds").formerly(&["taskmanager.net.request-backoff.max"]);
    /// number of attempts to reconnect
    option _: i64 = key("taskmanager.network.retries").default("0");
    /// how long connecting may take
    option _: i64 = key("taskmanager.network.netty.client.connectTimeoutSec")
        .default("120").unit("seconds").formerly(&["taskmanager.net.client.connectTimeoutSec"]);
    /// number of receiving threads; -1: one for each slot
    option _: i64 = key("taskmanager.network.netty.client.numThreads")
        .default("-1").formerly(&["taskmanager.net.client.numThreads"]).until(2, 0);
    /// number of unanswered probes after which a connection is considered dead
    option _: Option<i64> = key("taskmanager.network.netty.client.tcp.keepCount");
    /// idle time after which a connection is probed
    option _: Option<i64> = key("taskmanager.network.netty.client.tcp.keepIdleSec").unit("seconds");
    /// time between two probes
    option _: Option<i64> = key("taskmanager.network.netty.client.tcp.keepIntervalSec").unit("seconds");
    /// number of Netty arenas; -1: one for each slot
    option _: i64 = key("taskmanager.network.netty.num-arenas")
        .default("-1").formerly(&["taskmanager.net.num-arenas"]).until(2, 0);
    /// size of a connection's send and receive buffers; 0: the system's default
    option _: i64 = key("taskmanager.network.netty.sendReceiveBufferSize")
        .default("0").unit("bytes").formerly(&["taskmanager.net.sendReceiveBufferSize"]).until(2, 0);
    /// number of connections that may wait to be accepted; 0: Netty's default
    option _: i64 = key("taskmanager.network.netty.server.backlog")
        .default("0").formerly(&["taskmanager.net.server.backlog"]).until(2, 0);
    /// number of sending threads; -1: one for each slot
    option _: i64 = key("taskmanager.network.netty.server.numThreads")
        .default("-1").formerly(&["taskmanager.net.server.numThreads"]).until(2, 0);
    /// Netty transport: `nio`, `epoll`, or `auto`
    option _: String = key("taskmanager.network.netty.transport")
        .default("auto").formerly(&["taskmanager.net.transport"]).until(2, 0);
}
