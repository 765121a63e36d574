//! High availability.

use super::{MILLISECONDS_OF_INT, option};
use crate::options::Declaration;
use crate::options::Kind::{Boolean, Duration, Integer, Map, Ports, Text};

pub(in crate::options) const OPTIONS: &[Declaration] = &[
    option("high-availability.type", Text, "high availability: `zookeeper`, or `NONE`")
        .default("NONE")
        .formerly(&["recovery.mode", "high-availability"]),
    option("high-availability.cluster-id", Text, "name of the cluster in the durable state")
        .default("/default")
        .formerly(&["high-availability.zookeeper.path.namespace", "recovery.zookeeper.path.namespace"]),
    option("high-availability.storageDir", Text, "folder for the JobManager's data that is too large for ZooKeeper")
        .formerly(&["high-availability.zookeeper.storageDir", "recovery.zookeeper.storageDir"]),
    option("high-availability.jobmanager.port", Ports, "port of the JobManager, or ports to choose from")
        .default("0")
        .formerly(&["recovery.jobmanager.port"]),
    option("high-availability.zookeeper.quorum", Text, "ZooKeeper servers, `host:port` separated by commas")
        .formerly(&["recovery.zookeeper.quorum"]),
    option("high-availability.zookeeper.path.root", Text, "root of all clusters in ZooKeeper")
        .default("/flink")
        .formerly(&["recovery.zookeeper.path.root"]),
    option("high-availability.zookeeper.client.acl", Text, "ACL of Flink's nodes: `open`, or `creator`")
        .default("open"),
    option("high-availability.zookeeper.client.session-timeout", Duration, "session timeout of ZooKeeper")
        .default("60 s")
        .earlier(MILLISECONDS_OF_INT)
        .formerly(&["recovery.zookeeper.client.session-timeout"]),
    option("high-availability.job.delay", Text, "how long a new leader waits before it recovers jobs")
        .formerly(&["recovery.job.delay"])
        .until(2, 0),
    option(
        "high-availability.zookeeper.client.authorization",
        Map,
        "credentials for ZooKeeper by scheme, e.g. `digest:'user:password'`",
    )
    .since(1, 19),
    option(
        "high-availability.zookeeper.client.connection-timeout",
        Duration,
        "how long connecting to ZooKeeper may take",
    )
    .default("15 s")
    .earlier(MILLISECONDS_OF_INT)
    .formerly(&["recovery.zookeeper.client.connection-timeout"]),
    option("high-availability.zookeeper.client.ensemble-tracker", Boolean, "follow changes of the ZooKeeper ensemble")
        .default("true"),
    option("high-availability.zookeeper.client.max-close-wait", Duration, "how long to wait for a connection to close")
        .since(1, 19),
    option(
        "high-availability.zookeeper.client.max-retry-attempts",
        Integer,
        "number of times that an operation is retried",
    )
    .default("3")
    .formerly(&["recovery.zookeeper.client.max-retry-attempts"]),
    option("high-availability.zookeeper.client.retry-wait", Duration, "first pause before a retry")
        .default("5 s")
        .earlier(MILLISECONDS_OF_INT)
        .formerly(&["recovery.zookeeper.client.retry-wait"]),
    option("high-availability.zookeeper.client.max-retry-wait", Duration, "longest pause before a retry")
        .default("1 min")
        .since(2, 3),
    option(
        "high-availability.zookeeper.client.simulated-session-expiration-percent",
        Integer,
        "share of the session timeout after which silence counts as the end of the session",
    )
    .unit("%")
    .since(1, 19),
    option(
        "high-availability.zookeeper.client.tolerate-suspended-connections",
        Boolean,
        "keep the leadership when the connection is suspended",
    )
    .default("false"),
    option("high-availability.zookeeper.path.jobgraphs", Text, "path of jobs, below the cluster's path")
        .default("/jobgraphs")
        .formerly(&["recovery.zookeeper.path.jobgraphs"])
        .until(2, 0),
    option("high-availability.zookeeper.path.execution-plans", Text, "path of jobs, below the cluster's path")
        .default("/execution-plans")
        .formerly(&["recovery.zookeeper.path.jobgraphs", "high-availability.zookeeper.path.jobgraphs"])
        .since(2, 0),
    option("high-availability.zookeeper.path.applications", Text, "path of applications, below the cluster's path")
        .default("/applications")
        .since(2, 3),
    option("high-availability.zookeeper.path.running-registry", Text, "no longer used")
        .default("/running_job_registry/")
        .until(2, 0),
];
