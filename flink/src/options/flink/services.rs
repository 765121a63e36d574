//! What JobManager and TaskManagers read at their start although it does not concern Mesos: the web
//! page, the cluster, files of jobs, class loading, RPC, metrics. They do not start with a value of
//! another form.

use std::time::Duration;

use super::MILLISECONDS;
use crate::options::Bounds;
use crate::options::declare::{declare, key};

declare! {
    /// origins that REST allows
    option _: String = key("web.access-control-allow-origin")
        .default("*").formerly(&["jobmanager.web.access-control-allow-origin"]);
    /// number of changes of the parallelism to remember
    option _: i64 = key("web.adaptive-scheduler.rescale-history.size").default("0").since(2, 3);
    /// cancel jobs from the web page
    option _: bool = key("web.cancel.enable").default("true");
    /// number of checkpoints to remember
    option _: i64 = key("web.checkpoints.history").default("10").formerly(&["jobmanager.web.checkpoints.history"]);
    /// number of exceptions to remember for each job
    option _: i64 = key("web.exception-history-size").default("16");
    /// number of finished jobs to show
    option _: i64 = key("web.history").default("5").formerly(&["jobmanager.web.history"]);
    /// interval between two updates of the web page
    option _: Duration = key("web.refresh-interval")
        .default("3 s").earlier(MILLISECONDS).formerly(&["jobmanager.web.refresh-interval"]);
    /// change the parallelism from the web page
    option _: bool = key("web.rescale.enable").default("true");
    /// submit jobs from the web page, and by the REST API's `jars`
    option _: bool = key("web.submit.enable").default("true").formerly(&["jobmanager.web.submit.enable"]);
    /// how long a background operation of REST may take
    option _: Duration = key("web.timeout").default("10 min").earlier(MILLISECONDS);
    /// folder for uploaded jars, if `web.upload.dir` is not set
    option WEB_TMPDIR: String = key("web.tmpdir").default("/tmp").formerly(&["jobmanager.web.tmpdir"]);
    /// folder for uploaded jars
    option WEB_UPLOAD_DIR: Option<String> = key("web.upload.dir").formerly(&["jobmanager.web.upload.dir"]);
    /// spread slots over all TaskManagers
    option _: bool = key("cluster.evenly-spread-out-slots").default("false").until(2, 0);
    /// what happens when a job's code calls `System.exit`
    option _: String = key("cluster.intercept-user-system-exit")
        .any_case_of(&["DISABLED", "LOG", "THROW"]).default("DISABLED");
    /// number of threads for files; not set: four for each core
    option _: Option<i64> = key("cluster.io-pool.size");
    /// halt after a fatal error, without shutdown hooks
    option _: bool = key("cluster.processes.halt-on-fatal-error").default("false");
    /// pause after a registration failed
    option CLUSTER_REGISTRATION_ERROR_DELAY: Duration = key("cluster.registration.error-delay")
        .default("10 s").earlier(MILLISECONDS);
    /// first time limit of a registration
    option _: Duration = key("cluster.registration.initial-timeout").default("100 ms").earlier(MILLISECONDS);
    /// longest time limit of a registration
    option _: Duration = key("cluster.registration.max-timeout").default("30 s").earlier(MILLISECONDS);
    /// pause after a registration was refused
    option _: Duration = key("cluster.registration.refused-registration-delay").default("30 s").earlier(MILLISECONDS);
    /// how long a process's services may take to end
    option _: Duration = key("cluster.services.shutdown-timeout").default("30 s").earlier(MILLISECONDS);
    /// number of stack frames in a thread dump
    option _: i64 = key("cluster.thread-dump.stacktrace-max-depth").default("50");
    /// what happens after an uncaught exception
    option _: String = key("cluster.uncaught-exception-handling").any_case_of(&["LOG", "FAIL"]).default("LOG");
    /// how long connecting to the blob server may take; 0: forever
    option _: i64 = key("blob.client.connect.timeout").default("0").unit("milliseconds");
    /// how long the blob server may be silent
    option _: i64 = key("blob.client.socket.timeout").default("300000").unit("milliseconds");
    /// number of connections that may wait at the blob server
    option _: i64 = key("blob.fetch.backlog").default("1000");
    /// number of simultaneous transfers of the blob server
    option _: i64 = key("blob.fetch.num-concurrent").default("50");
    /// number of times that a transfer is retried
    option _: i64 = key("blob.fetch.retries").default("5");
    /// size from which on messages go through the blob server
    option _: i64 = key("blob.offload.minsize").default("1048576").unit("bytes");
    /// interval between two removals of unused files
    option _: i64 = key("blob.service.cleanup.interval")
        .within(Bounds::LONG).default("3600").unit("seconds").formerly(&["library-cache-manager.cleanup.interval"]);
    /// whose classes win: Flink's or the job's
    option _: String = key("classloader.resolve-order")
        .any_case_of(&["parent-first", "child-first"]).default("child-first");
    /// refuse to load classes of a job that has ended
    option _: bool = key("classloader.check-leaked-classloader").default("true");
    /// end a TaskManager whose metaspace is full
    option _: bool = key("classloader.fail-on-metaspace-oom-error").default("true");
    /// more prefixes of classes that are always Flink's
    option _: Vec<String> = key("classloader.parent-first-patterns.additional").default("");
    /// keep call stacks of messages for errors
    option _: bool = key("pekko.ask.callstack").default("true").formerly(&["akka.ask.callstack"]);
    /// how long an answer of another process may take
    option _: Duration = key("pekko.ask.timeout")
        .within(Bounds::TENTH_OF_ANY_DURATION).default("10 s").formerly(&["akka.ask.timeout"]);
    /// threads for outgoing connections, for each core
    option PEKKO_CLIENT_SOCKET_WORKER_POOL_POOL_SIZE_FACTOR: f64 = key("pekko.client-socket-worker-pool.pool-size-factor")
        .default("1.0").formerly(&["akka.client-socket-worker-pool.pool-size-factor"]);
    /// maximum number of threads for outgoing connections
    option PEKKO_CLIENT_SOCKET_WORKER_POOL_POOL_SIZE_MAX: i64 = key("pekko.client-socket-worker-pool.pool-size-max")
        .default("2").formerly(&["akka.client-socket-worker-pool.pool-size-max"]);
    /// minimum number of threads for outgoing connections
    option PEKKO_CLIENT_SOCKET_WORKER_POOL_POOL_SIZE_MIN: i64 = key("pekko.client-socket-worker-pool.pool-size-min")
        .default("1").formerly(&["akka.client-socket-worker-pool.pool-size-min"]);
    /// threads for messages, for each core
    option PEKKO_FORK_JOIN_EXECUTOR_PARALLELISM_FACTOR: f64 = key("pekko.fork-join-executor.parallelism-factor")
        .default("2.0").formerly(&["akka.fork-join-executor.parallelism-factor"]);
    /// maximum number of threads for messages
    option PEKKO_FORK_JOIN_EXECUTOR_PARALLELISM_MAX: i64 = key("pekko.fork-join-executor.parallelism-max")
        .default("64").formerly(&["akka.fork-join-executor.parallelism-max"]);
    /// minimum number of threads for messages
    option PEKKO_FORK_JOIN_EXECUTOR_PARALLELISM_MIN: i64 = key("pekko.fork-join-executor.parallelism-min")
        .default("8").formerly(&["akka.fork-join-executor.parallelism-min"]);
    /// largest message between two processes
    option _: String = key("pekko.framesize").message_size().default("10485760b").formerly(&["akka.framesize"]);
    /// exit when the RPC system has failed
    option _: bool = key("pekko.jvm-exit-on-fatal-error").default("true").formerly(&["akka.jvm-exit-on-fatal-error"]);
    /// log connections of the RPC system
    option _: bool = key("pekko.log.lifecycle.events").default("false").formerly(&["akka.log.lifecycle.events"]);
    /// how long looking for another process may take
    option _: Duration = key("pekko.lookup.timeout").default("10 s").formerly(&["akka.lookup.timeout"]);
    /// pause after a connection failed
    option _: i64 = key("pekko.retry-gate-closed-for")
        // Pekko adds it, as nanoseconds in a long, to a time.
        .between(0, i64::MAX / 2_000_000).default("50").unit("milliseconds").formerly(&["akka.retry-gate-closed-for"]);
    /// threads for incoming connections, for each core
    option PEKKO_SERVER_SOCKET_WORKER_POOL_POOL_SIZE_FACTOR: f64 = key("pekko.server-socket-worker-pool.pool-size-factor")
        .default("1.0").formerly(&["akka.server-socket-worker-pool.pool-size-factor"]);
    /// maximum number of threads for incoming connections
    option PEKKO_SERVER_SOCKET_WORKER_POOL_POOL_SIZE_MAX: i64 = key("pekko.server-socket-worker-pool.pool-size-max")
        .default("2").formerly(&["akka.server-socket-worker-pool.pool-size-max"]);
    /// minimum number of threads for incoming connections
    option PEKKO_SERVER_SOCKET_WORKER_POOL_POOL_SIZE_MIN: i64 = key("pekko.server-socket-worker-pool.pool-size-min")
        .default("1").formerly(&["akka.server-socket-worker-pool.pool-size-min"]);
    /// use TLS for RPC if `security.ssl.internal.enabled` is `true`
    option PEKKO_SSL_ENABLED: bool = key("pekko.ssl.enabled").default("true").formerly(&["akka.ssl.enabled"]);
    /// how long the RPC system may take to start
    option _: Option<Duration> = key("pekko.startup-timeout").formerly(&["akka.startup-timeout"]);
    /// how long connecting may take for the RPC system
    option _: Duration = key("pekko.tcp.timeout").default("20 s").formerly(&["akka.tcp.timeout"]);
    /// number of messages that a thread handles at once
    option _: i64 = key("pekko.throughput").default("15").formerly(&["akka.throughput"]);
    /// interval between two updates of the metrics on the web page; 0: never
    option _: Duration = key("metrics.fetcher.update-interval").default("10 s").earlier(MILLISECONDS);
    /// port from which TaskManagers and JobManager get each other's metrics, or ports to choose
    /// from
    option METRICS_INTERNAL_QUERY_SERVICE_PORT: String = key("metrics.internal.query-service.port")
        .ports().default("0");
    /// priority of the thread for metrics
    option _: i64 = key("metrics.internal.query-service.thread-priority").between(1, 10).default("1");
    /// detail of latencies: `single`, `operator` or `subtask`
    option _: String = key("metrics.latency.granularity").default("operator");
    /// number of latencies to remember
    option _: i64 = key("metrics.latency.history-size").default("128");
    /// interval between two measurements of latencies; 0: none
    option _: Duration = key("metrics.latency.interval").default("0 s").earlier(MILLISECONDS);
    /// names of the reporters of metrics, separated by commas; not set: all that are configured
    option _: Option<String> = key("metrics.reporters");
    /// measure the machine too
    option _: bool = key("metrics.system-resource").default("false");
    /// interval between two measurements of the machine
    option _: Duration = key("metrics.system-resource-probing-interval").default("5 s").earlier(MILLISECONDS);
}
