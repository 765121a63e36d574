//! What JobManager and TaskManagers read at their start although it does not concern Mesos: the web page, the cluster,
//! files of jobs, class loading, RPC, metrics. They do not start with a value of another form.

use super::{MILLISECONDS, option};
use crate::options::Kind::{Boolean, Duration, Enum, Integer, List, MessageSize, Number, Ports, Text};
use crate::options::{Bounds, Declaration};

pub(in crate::options) const OPTIONS: &[Declaration] = &[
    option("web.access-control-allow-origin", Text, "origins that REST allows")
        .default("*")
        .formerly(&["jobmanager.web.access-control-allow-origin"]),
    option("web.adaptive-scheduler.rescale-history.size", Integer, "number of changes of the parallelism to remember")
        .default("0")
        .since(2, 3),
    option("web.cancel.enable", Boolean, "cancel jobs from the web page").default("true"),
    option("web.checkpoints.history", Integer, "number of checkpoints to remember")
        .default("10")
        .formerly(&["jobmanager.web.checkpoints.history"]),
    option("web.exception-history-size", Integer, "number of exceptions to remember for each job").default("16"),
    option("web.history", Integer, "number of finished jobs to show")
        .default("5")
        .formerly(&["jobmanager.web.history"]),
    option("web.refresh-interval", Duration, "interval between two updates of the web page")
        .default("3 s")
        .earlier(MILLISECONDS)
        .formerly(&["jobmanager.web.refresh-interval"]),
    option("web.rescale.enable", Boolean, "change the parallelism from the web page").default("true"),
    option("web.submit.enable", Boolean, "submit jobs from the web page, and by the REST API's `jars`")
        .default("true")
        .formerly(&["jobmanager.web.submit.enable"]),
    option("web.timeout", Duration, "how long a background operation of REST may take")
        .default("10 min")
        .earlier(MILLISECONDS),
    option("web.tmpdir", Text, "folder for uploaded jars, if `web.upload.dir` is not set")
        .default("/tmp")
        .formerly(&["jobmanager.web.tmpdir"]),
    option("web.upload.dir", Text, "folder for uploaded jars").formerly(&["jobmanager.web.upload.dir"]),
    option("cluster.evenly-spread-out-slots", Boolean, "spread slots over all TaskManagers")
        .default("false")
        .until(2, 0),
    option(
        "cluster.intercept-user-system-exit",
        Enum(&["DISABLED", "LOG", "THROW"]),
        "what happens when a job's code calls `System.exit`",
    )
    .default("DISABLED"),
    option("cluster.io-pool.size", Integer, "number of threads for files; not set: four for each core"),
    option("cluster.processes.halt-on-fatal-error", Boolean, "halt after a fatal error, without shutdown hooks")
        .default("false"),
    option("cluster.registration.error-delay", Duration, "pause after a registration failed")
        .default("10 s")
        .earlier(MILLISECONDS),
    option("cluster.registration.initial-timeout", Duration, "first time limit of a registration")
        .default("100 ms")
        .earlier(MILLISECONDS),
    option("cluster.registration.max-timeout", Duration, "longest time limit of a registration")
        .default("30 s")
        .earlier(MILLISECONDS),
    option("cluster.registration.refused-registration-delay", Duration, "pause after a registration was refused")
        .default("30 s")
        .earlier(MILLISECONDS),
    option("cluster.services.shutdown-timeout", Duration, "how long a process's services may take to end")
        .default("30 s")
        .earlier(MILLISECONDS),
    option("cluster.thread-dump.stacktrace-max-depth", Integer, "number of stack frames in a thread dump")
        .default("50"),
    option("cluster.uncaught-exception-handling", Enum(&["LOG", "FAIL"]), "what happens after an uncaught exception")
        .default("LOG"),
    option("blob.client.connect.timeout", Integer, "how long connecting to the blob server may take; 0: forever")
        .default("0")
        .unit("milliseconds"),
    option("blob.client.socket.timeout", Integer, "how long the blob server may be silent")
        .default("300000")
        .unit("milliseconds"),
    option("blob.fetch.backlog", Integer, "number of connections that may wait at the blob server").default("1000"),
    option("blob.fetch.num-concurrent", Integer, "number of simultaneous transfers of the blob server").default("50"),
    option("blob.fetch.retries", Integer, "number of times that a transfer is retried").default("5"),
    option("blob.offload.minsize", Integer, "size from which on messages go through the blob server")
        .default("1048576")
        .unit("bytes"),
    option("blob.service.cleanup.interval", Integer, "interval between two removals of unused files")
        .within(Bounds::LONG)
        .default("3600")
        .unit("seconds")
        .formerly(&["library-cache-manager.cleanup.interval"]),
    option(
        "classloader.resolve-order",
        Enum(&["parent-first", "child-first"]),
        "whose classes win: Flink's or the job's",
    )
    .default("child-first"),
    option("classloader.check-leaked-classloader", Boolean, "refuse to load classes of a job that has ended")
        .default("true"),
    option("classloader.fail-on-metaspace-oom-error", Boolean, "end a TaskManager whose metaspace is full")
        .default("true"),
    option("classloader.parent-first-patterns.additional", List, "more prefixes of classes that are always Flink's")
        .default(""),
    option("pekko.ask.callstack", Boolean, "keep call stacks of messages for errors")
        .default("true")
        .formerly(&["akka.ask.callstack"]),
    option("pekko.ask.timeout", Duration, "how long an answer of another process may take")
        .within(Bounds::TENTH_OF_ANY_DURATION)
        .default("10 s")
        .formerly(&["akka.ask.timeout"]),
    option(
        "pekko.client-socket-worker-pool.pool-size-factor",
        Number,
        "threads for outgoing connections, for each core",
    )
    .default("1.0")
    .formerly(&["akka.client-socket-worker-pool.pool-size-factor"]),
    option("pekko.client-socket-worker-pool.pool-size-max", Integer, "maximum number of these threads")
        .default("2")
        .formerly(&["akka.client-socket-worker-pool.pool-size-max"]),
    option("pekko.client-socket-worker-pool.pool-size-min", Integer, "minimum number of these threads")
        .default("1")
        .formerly(&["akka.client-socket-worker-pool.pool-size-min"]),
    option("pekko.fork-join-executor.parallelism-factor", Number, "threads for messages, for each core")
        .default("2.0")
        .formerly(&["akka.fork-join-executor.parallelism-factor"]),
    option("pekko.fork-join-executor.parallelism-max", Integer, "maximum number of these threads")
        .default("64")
        .formerly(&["akka.fork-join-executor.parallelism-max"]),
    option("pekko.fork-join-executor.parallelism-min", Integer, "minimum number of these threads")
        .default("8")
        .formerly(&["akka.fork-join-executor.parallelism-min"]),
    option("pekko.framesize", MessageSize, "largest message between two processes")
        .default("10485760b")
        .formerly(&["akka.framesize"]),
    option("pekko.jvm-exit-on-fatal-error", Boolean, "exit when the RPC system has failed")
        .default("true")
        .formerly(&["akka.jvm-exit-on-fatal-error"]),
    option("pekko.log.lifecycle.events", Boolean, "log connections of the RPC system")
        .default("false")
        .formerly(&["akka.log.lifecycle.events"]),
    option("pekko.lookup.timeout", Duration, "how long looking for another process may take")
        .default("10 s")
        .formerly(&["akka.lookup.timeout"]),
    option("pekko.retry-gate-closed-for", Integer, "pause after a connection failed")
        // Pekko adds it, as nanoseconds in a long, to a time.
        .between(0, i64::MAX / 2_000_000)
        .default("50")
        .unit("milliseconds")
        .formerly(&["akka.retry-gate-closed-for"]),
    option(
        "pekko.server-socket-worker-pool.pool-size-factor",
        Number,
        "threads for incoming connections, for each core",
    )
    .default("1.0")
    .formerly(&["akka.server-socket-worker-pool.pool-size-factor"]),
    option("pekko.server-socket-worker-pool.pool-size-max", Integer, "maximum number of these threads")
        .default("2")
        .formerly(&["akka.server-socket-worker-pool.pool-size-max"]),
    option("pekko.server-socket-worker-pool.pool-size-min", Integer, "minimum number of these threads")
        .default("1")
        .formerly(&["akka.server-socket-worker-pool.pool-size-min"]),
    option("pekko.ssl.enabled", Boolean, "use TLS for RPC if `security.ssl.internal.enabled` is `true`")
        .default("true")
        .formerly(&["akka.ssl.enabled"]),
    option("pekko.startup-timeout", Duration, "how long the RPC system may take to start")
        .formerly(&["akka.startup-timeout"]),
    option("pekko.tcp.timeout", Duration, "how long connecting may take for the RPC system")
        .default("20 s")
        .formerly(&["akka.tcp.timeout"]),
    option("pekko.throughput", Integer, "number of messages that a thread handles at once")
        .default("15")
        .formerly(&["akka.throughput"]),
    option(
        "metrics.fetcher.update-interval",
        Duration,
        "interval between two updates of the metrics on the web page; 0: never",
    )
    .default("10 s")
    .earlier(MILLISECONDS),
    option(
        "metrics.internal.query-service.port",
        Ports,
        "port from which TaskManagers and JobManager get each other's metrics, or ports to choose from",
    )
    .default("0"),
    option("metrics.internal.query-service.thread-priority", Integer, "priority of the thread for metrics")
        .between(1, 10)
        .default("1"),
    option("metrics.latency.granularity", Text, "detail of latencies: `single`, `operator` or `subtask`")
        .default("operator"),
    option("metrics.latency.history-size", Integer, "number of latencies to remember").default("128"),
    option("metrics.latency.interval", Duration, "interval between two measurements of latencies; 0: none")
        .default("0 s")
        .earlier(MILLISECONDS),
    option(
        "metrics.reporters",
        Text,
        "names of the reporters of metrics, separated by commas; not set: all that are configured",
    ),
    option("metrics.system-resource", Boolean, "measure the machine too").default("false"),
    option("metrics.system-resource-probing-interval", Duration, "interval between two such measurements")
        .default("5 s")
        .earlier(MILLISECONDS),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::config::{Configuration, Source};
    use crate::options::check;

    #[test]
    fn values_with_which_a_process_of_flink_ends_are_refused_with_key_and_value() {
        for (version, key, value) in [
            ("1.20.5", "blob.server.port", "50100-50000"),
            ("2.3.0", "blob.server.port", ""),
            ("2.3.0", "high-availability.jobmanager.port", "1-70000"),
            ("1.20.5", "taskmanager.data.bind-port", "50100-"),
            ("2.3.0", "metrics.internal.query-service.port", "99999"),
            ("1.20.5", "web.submit.enable", "yes"),
            ("1.20.5", "jobmanager.web.submit.enable", "yes"),
            ("1.18.1", "web.timeout", "10 min"),
            ("1.20.5", "cluster.evenly-spread-out-slots", "yes"),
            ("1.20.5", "classloader.resolve-order", "child"),
            ("1.18.1", "akka.ask.timeout", "ten"),
            ("2.3.0", "pekko.ask.timeout", "10 parsecs"),
            ("1.18.1", "akka.framesize", "lots"),
            ("1.20.5", "pekko.framesize", "10 mb"),
            ("2.3.0", "pekko.framesize", "31999b"),
            ("2.3.0", "jobmanager.execution.failover-strategy", "none"),
            ("1.18.1", "security.ssl.provider", "BoringSSL"),
        ] {
            let mut config = Configuration::new();
            config.read_as(version.parse().unwrap());
            config.set(key, value, Source::DynamicProperty);
            let [found] =
                check(&config).try_into().unwrap_or_else(|found| panic!("{version} {key}={value}: {found:?}"));
            let is_named = found.to_string().starts_with(&format!("{key}: '{value}' is not "));
            assert!(found.fatal && is_named, "{version} {key}={value}: {found}");
        }
    }
}
