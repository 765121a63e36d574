//! High availability.

use super::option;
use crate::options::ConfigOption;
use crate::options::Kind::{Boolean, Duration, Integer, Map, Text};

pub(in crate::options) const OPTIONS: &[ConfigOption] = &[
    option("high-availability.type", Text, "`zookeeper`, or `NONE`")
        .default("NONE")
        .formerly(&["recovery.mode", "high-availability"]),
    option("high-availability.cluster-id", Text, "the cluster's name in the durable state")
        .default("/default")
        .formerly(&["high-availability.zookeeper.path.namespace", "recovery.zookeeper.path.namespace"]),
    option("high-availability.storageDir", Text, "where the JobManager keeps what is too large for ZooKeeper")
        .formerly(&["high-availability.zookeeper.storageDir", "recovery.zookeeper.storageDir"]),
    option("high-availability.jobmanager.port", Text, "ports of which the JobManager takes one")
        .default("0")
        .formerly(&["recovery.jobmanager.port"]),
    option("high-availability.zookeeper.quorum", Text, "ZooKeeper's servers, `host:port` with commas")
        .formerly(&["recovery.zookeeper.quorum"]),
    option("high-availability.zookeeper.path.root", Text, "root of all clusters in ZooKeeper")
        .default("/flink")
        .formerly(&["recovery.zookeeper.path.root"]),
    option("high-availability.zookeeper.client.acl", Text, "`open`, or `creator`").default("open"),
    option("high-availability.zookeeper.client.session-timeout", Duration, "timeout of ZooKeeper's sessions")
        .default("60 s")
        .formerly(&["recovery.zookeeper.client.session-timeout"]),
    option("high-availability.job.delay", Text, "how long a new leader waits before jobs go on")
        .formerly(&["recovery.job.delay"])
        .until(2, 0),
    option(
        "high-availability.zookeeper.client.authorization",
        Map,
        "who Flink is at ZooKeeper, by scheme, e.g. `digest:'user:password'`",
    )
    .since(1, 19),
    option(
        "high-availability.zookeeper.client.connection-timeout",
        Duration,
        "how long a connection to ZooKeeper may take",
    )
    .default("15 s")
    .formerly(&["recovery.zookeeper.client.connection-timeout"]),
    option("high-availability.zookeeper.client.ensemble-tracker", Boolean, "follow changes of ZooKeeper's members")
        .default("true"),
    option(
        "high-availability.zookeeper.client.max-close-wait",
        Duration,
        "how long the end of a connection is waited for",
    )
    .since(1, 19),
    option("high-availability.zookeeper.client.max-retry-attempts", Integer, "how often an operation is tried again")
        .default("3")
        .formerly(&["recovery.zookeeper.client.max-retry-attempts"]),
    option("high-availability.zookeeper.client.retry-wait", Duration, "first pause before that")
        .default("5 s")
        .formerly(&["recovery.zookeeper.client.retry-wait"]),
    option("high-availability.zookeeper.client.max-retry-wait", Duration, "longest pause before that")
        .default("1 min")
        .since(2, 3),
    option(
        "high-availability.zookeeper.client.simulated-session-expiration-percent",
        Integer,
        "share of the timeout after which silence counts as the end of the session",
    )
    .unit("%")
    .since(1, 19),
    option(
        "high-availability.zookeeper.client.tolerate-suspended-connections",
        Boolean,
        "a connection that is broken for a moment does not end the leadership",
    )
    .default("false"),
    option("high-availability.zookeeper.path.jobgraphs", Text, "where jobs are, below the cluster")
        .default("/jobgraphs")
        .formerly(&["recovery.zookeeper.path.jobgraphs"])
        .until(2, 0),
    option("high-availability.zookeeper.path.execution-plans", Text, "where jobs are, below the cluster")
        .default("/execution-plans")
        .formerly(&["recovery.zookeeper.path.jobgraphs", "high-availability.zookeeper.path.jobgraphs"])
        .since(2, 0),
    option("high-availability.zookeeper.path.applications", Text, "where applications are, below the cluster")
        .default("/applications")
        .since(2, 3),
    option("high-availability.zookeeper.path.running-registry", Text, "not used any more")
        .default("/running_job_registry/")
        .until(2, 0),
];
