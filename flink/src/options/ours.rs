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
        "placement constraints of TaskManagers, as in Marathon: `field:OPERATOR[:value]` separated by commas, or JSON",
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
        "time between SIGTERM and SIGKILL for a TaskManager and its child processes",
    ).within(Bounds::seconds(0, 3600))
    .default("5 s"),
    option(
        "mesos.resourcemanager.tasks.resources",
        Map,
        "additional scalar resources of a TaskManager, named as on the agents, e.g. `fpga:1`",
    ),
    option(
        "mesos.resourcemanager.tasks.cpus-limit",
        Text,
        "CPUs that a TaskManager may use if its agent has more to spare than it requests: a number, or `unlimited`; requires \
         Mesos 1.10 and agents with the isolator `cgroups/cpu`",
    ),
    option(
        "mesos.resourcemanager.tasks.mem-limit",
        Text,
        "memory in MB that a TaskManager may use if its agent has more to spare than it requests; requires Mesos 1.10 and agents with the \
         isolator `cgroups/mem`; native libraries can use what is above `taskmanager.memory.process.size`, Flink does not",
    ),
    option("mesos.worker.surge", Integer, "extra workers allowed while others are being moved").between(0, 100_000)
        .default("1"),
    option("mesos.worker.max-unavailable", Integer, "workers that may be missing while others are being moved").between(0, 100_000).default("0"),
    option(
        "mesos.worker.avoided-agents",
        Number,
        "largest share of the agents to avoid because workers keep failing there",
    ).within(Bounds::Number(0.0, 1.0))
    .default("0.25"),
    option("mesos.control.port", Integer, "port of the control API (`flink-mesos workers`); 0: any free port").port()
        .default("0"),
    option(
        "mesos.control.bind-address",
        Text,
        "IP address that the control API listens on; `0.0.0.0` or `::`: all; use TLS beyond loopback",
    )
    .default("127.0.0.1"),
    option(
        "mesos.control.token",
        Text,
        "token of the control API, 16 characters or more; not set: a random one in the run file, where `flink-mesos workers` and \
         `flink-mesos stop` of the same user find it",
    ),
    option(
        "mesos.control.ssl.enabled",
        Boolean,
        "use TLS at the control API, with the artifact server's certificate; not set: if it listens beyond loopback and there is \
         a certificate",
    ),
    option("mesos.worker.log4j", Text, "log4j properties for the workers, in place of `conf/log4j-console.properties`"),
    option("mesos.worker.logback", Text, "logback file for the workers, in place of `conf/logback-console.xml`"),
    option(
        "mesos.python.environment",
        Text,
        "folder with a relocatable Python for Python functions, as conda-pack builds it; it is shipped to the workers, \
         and its `bin` comes first in their `PATH`",
    ),
    option("mesos.state.dir", Text, "folder of the application master's state; not set: the cluster ends with the application master"),
    option(
        "mesos.state.forget-framework",
        Text,
        "framework id, as the error names it; if the state has this framework, forget it and its TaskManagers and \
         register a new one; only after Mesos has lost them",
    ),
    option(
        "mesos.state.zookeeper.secret",
        Text,
        "`user:password` for the application master's state in ZooKeeper (digest), for Flink versions without \
         `high-availability.zookeeper.client.authorization`",
    ),
    option(
        "mesos.executor.command",
        Text,
        "path of the executor installed on the agents; not set: Mesos fetches it from the application master",
    ),
    option(
        "mesos.executor.installed",
        Boolean,
        "use the executor installed as `/usr/bin/flink-mesos-executor` on every agent",
    )
    .default("false"),
    option(
        "mesos.executor.binary",
        Text,
        "path of the executor on the application master's machine, for Mesos to fetch; not set: the one beside `flink-mesos`",
    ),
    option("mesos.executor.java-home", Text, "Java home on the agents; overrides `env.java.home`"),
    option("mesos.executor.cpus", Number, "CPUs of the executor itself").within(Bounds::Number(0.001, 1024.0)).default("0.1"),
    option("mesos.executor.mem", Integer, "memory of the executor itself").between(1, 1_048_576).default("32").unit("MB"),
    option(
        "mesos.executor.running-when",
        Choice(&["started", "listening"]),
        "when a task counts as running: once its process has started, or once it listens",
    ),
    option(
        "mesos.executor.registration-timeout",
        Duration,
        "report a TaskManager as unhealthy if it has not registered for this long",
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
        "socket of the sidecar `flink-mesos-fetcher` on the agents; empty: use no sidecar; the \
         agent's variable `FLINK_MESOS_FETCHER_SOCKET` overrides it",
    )
    .default("/run/flink-mesos/fetcher.sock"),
    option("mesos.executor.cache.enabled", Boolean, "keep artifacts in a cache that all workers of an agent share")
        .default("true"),
    option(
        "mesos.executor.cache.path",
        Text,
        "folder of the cache on the agents; not set: `/var/cache/flink-mesos`, or `/var/tmp/flink-mesos-<user id>` for users who may \
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
        "keep class data (AppCDS) of TaskManagers in the cache, so that later ones start faster",
    )
    .default("true"),
    option(
        "mesos.executor.log-level",
        Choice(&["error", "warn", "info", "debug", "trace"]),
        "log level of the executor; overrides the agent's variable `FLINK_MESOS_EXECUTOR_LOG`",
    )
    .default("info"),
    option(
        "mesos.executor.log-format",
        Choice(&["text", "json"]),
        "log format of the executor: `text`, or `json` with one object per line; overrides the agent's variable `FLINK_MESOS_EXECUTOR_LOG_FORMAT`",
    )
    .default("text"),
    option(
        "mesos.executor.log-size",
        Memory,
        "size at which the executor's log in `/var/log/flink-mesos` on the agents is rotated; one older file \
         is kept; overrides the agent's variable `FLINK_MESOS_EXECUTOR_LOG_SIZE`",
    ).within(Bounds::Memory(64 << 10, 1 << 40))
    .default("1 mb"),
    option("mesos.executor.output-files", Integer, "number of rotated files to keep for each of `taskmanager.out` and `taskmanager.err`").between(0, 1000).default("4"),
    option(
        "mesos.resourcemanager.artifactserver.address",
        Text,
        "host by which workers reach the artifact server; not set: `jobmanager.rpc.address`",
    ),
    option(
        "mesos.resourcemanager.artifactserver.bind-address",
        Text,
        "IP address that the artifact server listens on; not set: all addresses of this machine, or loopback if Mesos is on this machine",
    ),
    option(
        "mesos.resourcemanager.artifactserver.executor-port",
        Integer,
        "additional port, without TLS, that serves only the executor, for Mesos's fetcher, which trusts only what the agent's system \
         trusts; 0: any free port",
    ).port(),
    option(
        "mesos.resourcemanager.artifactserver.ssl.certificate",
        Text,
        "PEM file with the artifact server's certificate chain, in place of `security.ssl.rest.keystore`",
    ),
    option(
        "mesos.resourcemanager.artifactserver.ssl.key",
        Text,
        "PEM file with the certificate's key, unencrypted",
    ),
    option(
        "mesos.resourcemanager.artifactserver.ssl.authorities",
        Text,
        "PEM file with the authorities that workers trust; not set: the certificate itself",
    ),
    option(
        "mesos.resourcemanager.artifactserver.plain-secrets",
        Boolean,
        "serve secrets to other machines without TLS",
    )
    .default("false"),
    option(
        "mesos.resourcemanager.artifactserver.peers-above",
        Integer,
        "number of simultaneous transfers above which hosts with a fetcher get files from each other; 0: never",
    ).between(0, 10_000)
    .default("8"),
    option("mesos.artifacts.<name>", Text, "file or folder to ship to the workers as `flink/artifacts/<name>`"),
    option("mesos.secret-artifacts.<name>", Text, "secret file or folder to ship to the workers as `flink/artifacts/<name>`, never cached and readable by the worker's user only"),
    option("mesos.source.https.authorities", Text, "PEM file with additional authorities to trust for web servers"),
    option(
        "mesos.source.s3.endpoint",
        Text,
        "URL of the object store, if it is not AWS; not set: `AWS_ENDPOINT_URL`",
    ),
    option("mesos.source.s3.region", Text, "region; not set: `AWS_REGION`, otherwise `us-east-1`"),
    option("mesos.source.s3.access-key-id", Text, "access key; not set: as AWS's own tools find it"),
    option("mesos.source.s3.secret-access-key", Text, "secret of the access key"),
    option("mesos.source.s3.session-token", Text, "token of a temporary access key"),
    option("mesos.source.s3.role-arn", Text, "ARN of the role to assume"),
    option("mesos.source.s3.external-id", Text, "external id for assuming the role"),
    option("mesos.source.s3.virtual-host-style", Boolean, "put the bucket into the host name").default("false"),
    option("mesos.source.s3.anonymous", Boolean, "send no credentials").default("false"),
    option("mesos.source.gs.endpoint", Text, "URL of the object store, if it is not Google's"),
    option("mesos.source.gs.credential", Text, "credentials, JSON in base64; not set: `GOOGLE_APPLICATION_CREDENTIALS`"),
    option("mesos.source.gs.credential-path", Text, "file with the credentials"),
    option("mesos.source.gs.service-account", Text, "service account of the machine in Google Cloud"),
    option("mesos.source.gs.token", Text, "access token"),
    option("mesos.source.gs.anonymous", Boolean, "send no credentials").default("false"),
    option("mesos.source.hdfs.endpoint", Text, "web address of the namenode; not set: the URI's host with port 9870"),
    option("mesos.source.hdfs.user", Text, "user; not set: `HADOOP_USER_NAME`"),
    option("mesos.source.hdfs.delegation-token", Text, "delegation token"),
    option("mesos.source.webhdfs.endpoint", Text, "web address of the namenode; not set: the URI's host and port"),
    option("mesos.source.webhdfs.user", Text, "user; not set: `HADOOP_USER_NAME`"),
    option("mesos.source.webhdfs.delegation-token", Text, "delegation token"),
    option("mesos.application.jars", List, "jars of an application, in addition to those in `usrlib`"),
    option("mesos.flink.opt", Boolean, "ship Flink's `opt` folder to the workers too").default("false"),
];
