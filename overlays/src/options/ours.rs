//! The options that this project adds.

use super::Kind::{Boolean, Choice, Duration, Integer, List, Map, Memory, Number, Text};
use super::{Bounds, ConfigOption};

const fn option(key: &'static str, kind: super::Kind, meaning: &'static str) -> ConfigOption {
    ConfigOption::new(key, kind, meaning)
}

pub(super) const OPTIONS: &[ConfigOption] = &[
    option("mesos.workers", Integer, "number of TaskManagers to keep").between(0, 100_000).default("1"),
    option(
        "mesos.constraints",
        Text,
        "where TaskManagers run, in Marathon's language: `field:OPERATOR[:value]` with commas, or JSON",
    ),
    option("mesos.worker.launch-timeout", Duration, "replace a starting worker that has not reported for this long").within(Bounds::seconds(1, 30 * 86_400))
        .default("5 min"),
    option(
        "mesos.worker.unreachable-replace-after",
        Duration,
        "replace a worker whose agent has been unreachable for this long",
    ).within(Bounds::seconds(0, 30 * 86_400))
    .default("1 min"),
    option(
        "mesos.worker.kill-grace",
        Duration,
        "how long a TaskManager and all that it has started may take to end after SIGTERM, before SIGKILL",
    ).within(Bounds::seconds(0, 3600))
    .default("5 s"),
    option(
        "mesos.resourcemanager.tasks.resources",
        Map,
        "further scalar resources of a TaskManager by the names that the agents give them, e.g. `fpga:1`",
    ),
    option(
        "mesos.resourcemanager.tasks.cpus-limit",
        Text,
        "how many CPUs a TaskManager may use where its agent has room for more than it asks for: a number, or `unlimited`; it needs \
         Mesos 1.10 and agents with the isolator `cgroups/cpu`",
    ),
    option(
        "mesos.resourcemanager.tasks.mem-limit",
        Text,
        "the same for memory in MB, with the isolator `cgroups/mem`; what is above `taskmanager.memory.process.size` is there for \
         native libraries, Flink does not count on it",
    ),
    option("mesos.worker.surge", Integer, "extra workers allowed while others are being moved").between(0, 100_000)
        .default("1"),
    option("mesos.worker.max-unavailable", Integer, "workers that may be missing while others are being moved").between(0, 100_000).default("0"),
    option(
        "mesos.worker.avoided-agents",
        Number,
        "at most this share of the agents is avoided because workers keep failing there",
    ).within(Bounds::Number(0.0, 1.0))
    .default("0.25"),
    option("mesos.control.port", Integer, "port of the control API (`flink-mesos workers`); 0 is any free one").port()
        .default("0"),
    option(
        "mesos.control.bind-address",
        Text,
        "IP address that the control API listens on, `0.0.0.0` or `::` for all; beyond loopback use TLS",
    )
    .default("127.0.0.1"),
    option(
        "mesos.control.token",
        Text,
        "token that users of the control API must show, 16 characters or more; by default a random one in the run file, which \
         `flink-mesos workers` and `flink-mesos stop` of the same user find",
    ),
    option(
        "mesos.control.ssl.enabled",
        Boolean,
        "TLS at the control API, with the artifact server's certificate; by default where it listens beyond loopback and there is \
         a certificate",
    ),
    option("mesos.worker.log4j", Text, "log4j properties for the workers, in place of `conf/log4j-console.properties`"),
    option("mesos.worker.logback", Text, "logback file for the workers, in place of `conf/logback-console.xml`"),
    option(
        "mesos.python.environment",
        Text,
        "folder with a Python for Python functions, which must work from any place, as those of conda-pack do: \
         workers get it, and its `bin` comes first in their `PATH`",
    ),
    option("mesos.state.dir", Text, "folder of the application master's state; without one the cluster ends with it"),
    option(
        "mesos.state.zookeeper.secret",
        Text,
        "`user:password` for the application master's state in ZooKeeper (digest), where Flink has no \
         `high-availability.zookeeper.client.authorization`",
    ),
    option(
        "mesos.executor.command",
        Text,
        "path of the executor installed on the agents; without one Mesos fetches ours",
    ),
    option(
        "mesos.executor.installed",
        Boolean,
        "the executor is installed as `/usr/bin/flink-mesos-executor` on every agent",
    )
    .default("false"),
    option(
        "mesos.executor.binary",
        Text,
        "our own copy of the executor, which Mesos fetches; found beside `flink-mesos`",
    ),
    option("mesos.executor.java-home", Text, "java home on the agents; it overrides `env.java.home`"),
    option("mesos.executor.cpus", Number, "CPUs of the executor itself").within(Bounds::Number(0.001, 1024.0)).default("0.1"),
    option("mesos.executor.mem", Integer, "memory of the executor itself").between(1, 1_048_576).default("32").unit("MB"),
    option(
        "mesos.executor.running-when",
        Choice(&["started", "listening"]),
        "when a task counts as running: once the process is started, or once it listens",
    ),
    option(
        "mesos.executor.registration-timeout",
        Duration,
        "how long a TaskManager may take to register before it counts as unhealthy",
    ).within(Bounds::seconds(0, 30 * 86_400))
    .default("5 min"),
    option(
        "mesos.executor.output-size",
        Memory,
        "size at which `taskmanager.out` and `taskmanager.err` are rotated",
    ).within(Bounds::Memory(4 << 10, 1 << 40))
    .default("10 mb"),
    option(
        "mesos.executor.fetcher-socket",
        Text,
        "where the sidecar `flink-mesos-fetcher` listens on the agents, if there is one; empty: it is not asked; the \
         agent's variable `FLINK_MESOS_FETCHER_SOCKET` overrides it",
    )
    .default("/run/flink-mesos/fetcher.sock"),
    option("mesos.executor.cache.enabled", Boolean, "keep artifacts in a cache that all workers of an agent share")
        .default("true"),
    option(
        "mesos.executor.cache.path",
        Text,
        "where the cache is on the agents; `/var/cache/flink-mesos`, or `/var/tmp/flink-mesos-<user id>` for users who may \
         not write there; the agent's variable `FLINK_MESOS_CACHE_DIR` overrides it",
    ),
    option(
        "mesos.executor.cache.size",
        Memory,
        "cache size limit; files in use are never evicted, so the cache may exceed it",
    ).within(Bounds::Memory(512 << 20, 1 << 50))
    .default("20 gb"),
    option(
        "mesos.executor.class-data-sharing",
        Boolean,
        "keep what a TaskManager's JVM makes of its class path in the cache, so that later ones start faster",
    )
    .default("true"),
    option(
        "mesos.executor.log-level",
        Choice(&["error", "warn", "info", "debug", "trace"]),
        "how much the executor logs; it overrides the agent's variable `FLINK_MESOS_EXECUTOR_LOG`",
    )
    .default("info"),
    option(
        "mesos.executor.log-format",
        Choice(&["text", "json"]),
        "how the executor logs; it overrides the agent's variable `FLINK_MESOS_EXECUTOR_LOG_FORMAT`",
    )
    .default("text"),
    option(
        "mesos.executor.log-size",
        Memory,
        "size at which the executor's log in `/var/log/flink-mesos` on the agents is rotated; one older one \
         is kept; it overrides the agent's variable `FLINK_MESOS_EXECUTOR_LOG_SIZE`",
    ).within(Bounds::Memory(64 << 10, 1 << 40))
    .default("1 mb"),
    option("mesos.executor.output-files", Integer, "how many older ones of each are kept").between(0, 1000).default("4"),
    option(
        "mesos.resourcemanager.artifactserver.address",
        Text,
        "host by which workers reach the artifact server; `jobmanager.rpc.address` without it",
    ),
    option(
        "mesos.resourcemanager.artifactserver.bind-address",
        Text,
        "IP address that the artifact server listens on; all of this machine's without it, or loopback where Mesos is here",
    ),
    option(
        "mesos.resourcemanager.artifactserver.executor-port",
        Integer,
        "with TLS: a port that serves the executor alone, and without TLS, to Mesos's fetcher, which trusts only whom the \
         agent's system trusts; 0 is any free one",
    ).port(),
    option(
        "mesos.resourcemanager.artifactserver.ssl.certificate",
        Text,
        "PEM file with the artifact server's certificate and those that lead to the root, in place of \
         `security.ssl.rest.keystore`",
    ),
    option(
        "mesos.resourcemanager.artifactserver.ssl.key",
        Text,
        "PEM file with the certificate's key, without a password",
    ),
    option(
        "mesos.resourcemanager.artifactserver.ssl.authorities",
        Text,
        "PEM file with those who vouch for the certificate; without one it must vouch for itself",
    ),
    option(
        "mesos.resourcemanager.artifactserver.plain-secrets",
        Boolean,
        "let the artifact server serve secrets to other machines without TLS",
    )
    .default("false"),
    option(
        "mesos.resourcemanager.artifactserver.peers-above",
        Integer,
        "transfers at once from which on workers' hosts get files from each other where a fetcher runs on them; 0 is never",
    ).between(0, 10_000)
    .default("8"),
    option("mesos.artifacts.<name>", Text, "a file or folder for the workers, who have it as `flink/artifacts/<name>`"),
    option("mesos.secret-artifacts.<name>", Text, "the same, never cached and for the worker's user only"),
    option("mesos.source.https.authorities", Text, "PEM file with more of those who may vouch for web servers"),
    option(
        "mesos.source.s3.endpoint",
        Text,
        "address of the object store, for others than AWS; else `AWS_ENDPOINT_URL`",
    ),
    option("mesos.source.s3.region", Text, "region; else `AWS_REGION`, else `us-east-1`"),
    option("mesos.source.s3.access-key-id", Text, "access key; else what AWS's own tools find"),
    option("mesos.source.s3.secret-access-key", Text, "secret of the access key"),
    option("mesos.source.s3.session-token", Text, "token of a temporary access key"),
    option("mesos.source.s3.role-arn", Text, "role to take on"),
    option("mesos.source.s3.external-id", Text, "external id when taking on the role"),
    option("mesos.source.s3.virtual-host-style", Boolean, "the bucket is part of the host's name").default("false"),
    option("mesos.source.s3.anonymous", Boolean, "no credentials").default("false"),
    option("mesos.source.gs.endpoint", Text, "address of the object store, for others than Google's"),
    option("mesos.source.gs.credential", Text, "credentials, JSON in base64; else `GOOGLE_APPLICATION_CREDENTIALS`"),
    option("mesos.source.gs.credential-path", Text, "file with the credentials"),
    option("mesos.source.gs.service-account", Text, "service account of the machine, in Google's cloud"),
    option("mesos.source.gs.token", Text, "access token"),
    option("mesos.source.gs.anonymous", Boolean, "no credentials").default("false"),
    option("mesos.source.hdfs.endpoint", Text, "namenode's web address; else the URI's host with port 9870"),
    option("mesos.source.hdfs.user", Text, "user; else `HADOOP_USER_NAME`"),
    option("mesos.source.hdfs.delegation-token", Text, "delegation token"),
    option("mesos.source.webhdfs.endpoint", Text, "namenode's web address; else the URI's host and port"),
    option("mesos.source.webhdfs.user", Text, "user; else `HADOOP_USER_NAME`"),
    option("mesos.source.webhdfs.delegation-token", Text, "delegation token"),
    option("mesos.application.jars", List, "jars of an application, besides those in `usrlib`"),
    option("mesos.flink.opt", Boolean, "ship Flink's `opt` folder to the workers, too").default("false"),
];
