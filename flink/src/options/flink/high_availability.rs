//! High availability.

use std::time::Duration;

use super::MILLISECONDS_OF_INT;
use crate::options::declare::{declare, key};

declare! {
    /// high availability: `zookeeper`, or `NONE`
    option HIGH_AVAILABILITY_TYPE: String = key("high-availability.type")
        .default("NONE").formerly(&["recovery.mode", "high-availability"]);
    /// name of the cluster in the durable state
    option HIGH_AVAILABILITY_CLUSTER_ID: String = key("high-availability.cluster-id")
        .default("/default")
        .formerly(&["high-availability.zookeeper.path.namespace", "recovery.zookeeper.path.namespace"]);
    /// folder for the JobManager's data that is too large for ZooKeeper
    option _: Option<String> = key("high-availability.storageDir")
        .formerly(&["high-availability.zookeeper.storageDir", "recovery.zookeeper.storageDir"]);
    /// port of the JobManager, or ports to choose from
    option HIGH_AVAILABILITY_JOBMANAGER_PORT: String = key("high-availability.jobmanager.port")
        .ports().default("0").formerly(&["recovery.jobmanager.port"]);
    /// ZooKeeper servers, `host:port` separated by commas
    option HIGH_AVAILABILITY_ZOOKEEPER_QUORUM: Option<String> = key("high-availability.zookeeper.quorum")
        .formerly(&["recovery.zookeeper.quorum"]);
    /// root of all clusters in ZooKeeper
    option HIGH_AVAILABILITY_ZOOKEEPER_PATH_ROOT: String = key("high-availability.zookeeper.path.root")
        .default("/flink").formerly(&["recovery.zookeeper.path.root"]);
    /// ACL of Flink's nodes: `open`, or `creator`
    option HIGH_AVAILABILITY_ZOOKEEPER_CLIENT_ACL: String = key("high-availability.zookeeper.client.acl")
        .default("open");
    /// session timeout of ZooKeeper
    option HIGH_AVAILABILITY_ZOOKEEPER_CLIENT_SESSION_TIMEOUT: Duration =
        key("high-availability.zookeeper.client.session-timeout")
        .default("60 s").earlier(MILLISECONDS_OF_INT).formerly(&["recovery.zookeeper.client.session-timeout"]);
    /// how long a new leader waits before it recovers jobs
    option _: Option<String> = key("high-availability.job.delay").formerly(&["recovery.job.delay"]).until(2, 0);
    /// credentials for ZooKeeper by scheme, e.g. `digest:'user:password'`
    option HIGH_AVAILABILITY_ZOOKEEPER_CLIENT_AUTHORIZATION: Option<Vec<(String, String)>> =
        key("high-availability.zookeeper.client.authorization")
        .secret().since(1, 19);
    /// how long connecting to ZooKeeper may take
    option _: Duration = key("high-availability.zookeeper.client.connection-timeout")
        .default("15 s").earlier(MILLISECONDS_OF_INT).formerly(&["recovery.zookeeper.client.connection-timeout"]);
    /// follow changes of the ZooKeeper ensemble
    option _: bool = key("high-availability.zookeeper.client.ensemble-tracker").default("true");
    /// how long to wait for a connection to close
    option _: Option<Duration> = key("high-availability.zookeeper.client.max-close-wait").since(1, 19);
    /// number of times that an operation is retried
    option _: i64 = key("high-availability.zookeeper.client.max-retry-attempts")
        .default("3").formerly(&["recovery.zookeeper.client.max-retry-attempts"]);
    /// first pause before a retry
    option _: Duration = key("high-availability.zookeeper.client.retry-wait")
        .default("5 s").earlier(MILLISECONDS_OF_INT).formerly(&["recovery.zookeeper.client.retry-wait"]);
    /// longest pause before a retry
    option _: Duration = key("high-availability.zookeeper.client.max-retry-wait").default("1 min").since(2, 3);
    /// share of the session timeout after which silence counts as the end of the session
    option _: Option<i64> = key("high-availability.zookeeper.client.simulated-session-expiration-percent")
        .unit("%").since(1, 19);
    /// keep the leadership when the connection is suspended
    option _: bool = key("high-availability.zookeeper.client.tolerate-suspended-connections").default("false");
    /// path of jobs, below the cluster's path
    option _: String = key("high-availability.zookeeper.path.jobgraphs")
        .default("/jobgraphs").formerly(&["recovery.zookeeper.path.jobgraphs"]).until(2, 0);
    /// path of jobs, below the cluster's path
    option _: String = key("high-availability.zookeeper.path.execution-plans")
        .default("/execution-plans")
        .formerly(&["recovery.zookeeper.path.jobgraphs", "high-availability.zookeeper.path.jobgraphs"]).since(2, 0);
    /// path of applications, below the cluster's path
    option _: String = key("high-availability.zookeeper.path.applications").default("/applications").since(2, 3);
    /// no longer used
    option _: String = key("high-availability.zookeeper.path.running-registry")
        .default("/running_job_registry/").until(2, 0);
    /// do not log in at ZooKeeper
    option ZOOKEEPER_SASL_DISABLE: bool = key("zookeeper.sasl.disable").default("false");
    /// login context of ZooKeeper's client
    option ZOOKEEPER_SASL_LOGIN_CONTEXT_NAME: String = key("zookeeper.sasl.login-context-name").default("Client");
    /// service name of ZooKeeper in Kerberos
    option _: String = key("zookeeper.sasl.service-name").default("zookeeper");
}
