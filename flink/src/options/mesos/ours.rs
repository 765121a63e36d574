//! The options that this project adds.

use std::time::Duration;

use crate::memory_size::MemorySize;
use crate::options::Bounds;
use crate::options::declare::{declare, key};

declare! {
    /// fixed number of TaskManagers to keep; not set: as many as jobs need, within
    /// `mesos.workers.min` and `mesos.workers.max`; on a laptop and in reactive mode: 1
    option WORKERS: Option<usize> = key("mesos.workers").between(0, 100_000);

    /// least number of TaskManagers to keep while jobs need fewer; not set: as
    /// `slotmanager.number-of-slots.min` and `slotmanager.min-total-resource.*` require
    option WORKERS_MIN: Option<usize> = key("mesos.workers.min").between(0, 100_000);

    /// largest number of TaskManagers to start for jobs; not set: as
    /// `slotmanager.number-of-slots.max` and `slotmanager.max-total-resource.*` allow
    option WORKERS_MAX: Option<usize> = key("mesos.workers.max").between(0, 100_000);

    /// who runs the JobManager: `own`: the application master starts one; `external`: somebody else
    /// does, at `jobmanager.rpc.address` and `rest.address`, or where ZooKeeper says
    option JOB_MANAGER: String = key("mesos.jobmanager").one_of(&["own", "external"]).default("own");

    /// placement constraints of TaskManagers, as in Marathon: `field:OPERATOR[:value]` separated by
    /// commas, or JSON
    option CONSTRAINTS: Option<String> = key("mesos.constraints");

    /// replace a starting worker that has not reported for this long
    option WORKER_LAUNCH_TIMEOUT: Duration = key("mesos.worker.launch-timeout")
        .within(Bounds::seconds(1, 30 * 86_400))
        .default("5 min");

    /// replace a worker whose agent has been unreachable for this long
    option WORKER_UNREACHABLE_REPLACE_AFTER: Duration = key("mesos.worker.unreachable-replace-after")
        .within(Bounds::seconds(0, 30 * 86_400))
        .default("1 min");

    /// time between SIGTERM and SIGKILL for a TaskManager and its child processes
    option WORKER_KILL_GRACE: Duration = key("mesos.worker.kill-grace").within(Bounds::seconds(0, 3600)).default("5 s");

    /// additional scalar resources of a TaskManager, named as on the agents, e.g. `fpga:1`
    option TASKS_RESOURCES: Option<Vec<(String, String)>> = key("mesos.resourcemanager.tasks.resources");

    /// most CPUs that a TaskManager may use while its agent has CPUs to spare: a number, or
    /// `unlimited`; requires Mesos 1.10 and agents with the isolator `cgroups/cpu`
    option TASKS_CPUS_LIMIT: Option<String> = key("mesos.resourcemanager.tasks.cpus-limit");

    /// most memory in MB that a TaskManager may use while its agent has memory to spare; requires
    /// Mesos 1.10 and agents with the isolator `cgroups/mem`; native libraries can use what is
    /// above `taskmanager.memory.process.size`, Flink does not
    option TASKS_MEM_LIMIT: Option<String> = key("mesos.resourcemanager.tasks.mem-limit");

    /// extra workers allowed while others are being moved
    option WORKER_SURGE: usize = key("mesos.worker.surge").between(0, 100_000).default("1");

    /// workers that may be missing while others are being moved
    option WORKER_MAX_UNAVAILABLE: usize = key("mesos.worker.max-unavailable").between(0, 100_000).default("0");

    /// largest share of the agents to avoid because workers keep failing there
    option WORKER_AVOIDED_AGENTS: f64 = key("mesos.worker.avoided-agents").within(Bounds::Number(0.0, 1.0)).default("0.25");

    /// port of the control API and of `/metrics`; 0: any free port
    option WEB_PORT: u16 = key("mesos.web.port").formerly(&["mesos.control.port"]).port().default("0");

    /// port that the control API listens on, if it differs from the one by which others reach it
    option WEB_BIND_PORT: Option<u16> = key("mesos.web.bind-port").port();

    /// host by which others reach the control API; not set: the address it listens on, or
    /// `jobmanager.rpc.address` if that is all
    option WEB_ADDRESS: Option<String> = key("mesos.web.address");

    /// IP address that the control API listens on; `0.0.0.0` or `::`: all; use TLS beyond loopback
    option WEB_BIND_ADDRESS: String = key("mesos.web.bind-address").formerly(&["mesos.control.bind-address"]).default("127.0.0.1");

    /// token of the control API, 16 characters or more; not set: a random one in the run file,
    /// where `flink-mesos workers` and `flink-mesos stop` of the same user find it
    option WEB_TOKEN: Option<String> = key("mesos.web.token").formerly(&["mesos.control.token"]).secret();

    /// second token of the control API, 16 characters or more, with which status, workers, events,
    /// offers and metrics can be read, but no log; it allows no command
    option WEB_VIEW_TOKEN: Option<String> = key("mesos.web.view-token").secret();

    /// use TLS at the control API, with the artifact server's certificate; not set: only beyond
    /// loopback, if there is a certificate
    option WEB_SSL_ENABLED: Option<bool> = key("mesos.web.ssl.enabled").formerly(&["mesos.control.ssl.enabled"]);

    /// log4j properties for the workers, in place of `conf/log4j-console.properties`
    option WORKER_LOG4J: Option<String> = key("mesos.worker.log4j");

    /// logback file for the workers, in place of `conf/logback-console.xml`
    option WORKER_LOGBACK: Option<String> = key("mesos.worker.logback");

    /// folder with a relocatable Python for Python functions, as conda-pack builds it; it is
    /// shipped to the workers, and its `bin` comes first in their `PATH`
    option PYTHON_ENVIRONMENT: Option<String> = key("mesos.python.environment");

    /// folder of the application master's state; not set: the cluster ends with the application
    /// master
    option STATE_DIR: Option<String> = key("mesos.state.dir");

    /// framework id, as the error names it; if the state has this framework, forget it and its
    /// TaskManagers and register a new one; set this only after Mesos has lost them
    option STATE_FORGET_FRAMEWORK: Option<String> = key("mesos.state.forget-framework");

    /// `user:password` for the application master's state in ZooKeeper (digest), for Flink versions
    /// without `high-availability.zookeeper.client.authorization`
    option STATE_ZOOKEEPER_SECRET: Option<String> = key("mesos.state.zookeeper.secret").secret();

    /// path of the executor installed on the agents; not set: Mesos fetches it from the application
    /// master
    option EXECUTOR_COMMAND: Option<String> = key("mesos.executor.command");

    /// use the executor installed as `/usr/bin/flink-mesos-executor` on every agent
    option EXECUTOR_INSTALLED: bool = key("mesos.executor.installed").default("false");

    /// path of the executor on the application master's machine, for Mesos to fetch; not set: the
    /// one beside `flink-mesos`
    option EXECUTOR_BINARY: Option<String> = key("mesos.executor.binary");

    /// Java home on the agents; overrides `env.java.home`
    option EXECUTOR_JAVA_HOME: Option<String> = key("mesos.executor.java-home");

    /// CPUs of the executor itself
    option EXECUTOR_CPUS: f64 = key("mesos.executor.cpus").within(Bounds::Number(0.001, 1024.0)).default("0.1");

    /// memory of the executor itself
    option EXECUTOR_MEM: u32 = key("mesos.executor.mem").between(1, 1_048_576).default("32").unit("MB");

    /// when a task counts as running: once its process has started, or once it listens; not set:
    /// `started`
    option EXECUTOR_RUNNING_WHEN: Option<String> = key("mesos.executor.running-when").one_of(&["started", "listening"]);

    /// report a TaskManager as unhealthy if it has not registered for this long
    option EXECUTOR_REGISTRATION_TIMEOUT: Duration = key("mesos.executor.registration-timeout")
        .within(Bounds::seconds(0, 30 * 86_400))
        .default("5 min");

    /// size at which `taskmanager.out` and `taskmanager.err` are rotated
    option EXECUTOR_OUTPUT_SIZE: MemorySize = key("mesos.executor.output-size")
        .within(Bounds::Memory(4 << 10, 1 << 40))
        .default("10 mb");

    /// socket of the sidecar `flink-mesos-fetcher` on the agents; empty: use no sidecar; the
    /// agent's variable `FLINK_MESOS_FETCHER_SOCKET` overrides it
    option EXECUTOR_FETCHER_SOCKET: String = key("mesos.executor.fetcher-socket").default("/run/flink-mesos/fetcher.sock");

    /// keep artifacts in a cache that all workers of an agent share
    option EXECUTOR_CACHE_ENABLED: bool = key("mesos.executor.cache.enabled").default("true");

    /// folder of the cache on the agents; not set: `/var/cache/flink-mesos`, or
    /// `/var/tmp/flink-mesos-<user id>` for users who may not write there; the agent's variable
    /// `FLINK_MESOS_CACHE_DIR` overrides it
    option EXECUTOR_CACHE_PATH: Option<String> = key("mesos.executor.cache.path");

    /// cache size limit; files in use are never evicted, so the cache may exceed it
    option EXECUTOR_CACHE_SIZE: MemorySize = key("mesos.executor.cache.size")
        .within(Bounds::Memory(512 << 20, 1 << 50))
        .default("20 gb");

    /// keep class data (AppCDS) of TaskManagers in the cache, so that later ones start faster
    option EXECUTOR_CLASS_DATA_SHARING: bool = key("mesos.executor.class-data-sharing").default("true");

    /// log level of the executor; overrides the agent's variable `FLINK_MESOS_EXECUTOR_LOG`
    option EXECUTOR_LOG_LEVEL: Option<String> = key("mesos.executor.log-level")
        .one_of(&["error", "warn", "info", "debug", "trace"])
        .default("info");

    /// log format of the executor: `text`, or `json` with one object per line; overrides the
    /// agent's variable `FLINK_MESOS_EXECUTOR_LOG_FORMAT`
    option EXECUTOR_LOG_FORMAT: Option<String> = key("mesos.executor.log-format").one_of(&["text", "json"]).default("text");

    /// size at which the executor's log in `/var/log/flink-mesos` on the agents is rotated; one
    /// older file is kept; overrides the agent's variable `FLINK_MESOS_EXECUTOR_LOG_SIZE`
    option EXECUTOR_LOG_SIZE: Option<MemorySize> = key("mesos.executor.log-size")
        .within(Bounds::Memory(64 << 10, 1 << 40))
        .default("1 mb");

    /// number of rotated files to keep for each of `taskmanager.out` and `taskmanager.err`
    option EXECUTOR_OUTPUT_FILES: u32 = key("mesos.executor.output-files").between(0, 1000).default("4");

    /// host by which workers reach the artifact server; not set: `jobmanager.rpc.address`
    option ARTIFACT_SERVER_ADDRESS: Option<String> = key("mesos.resourcemanager.artifactserver.address");

    /// IP address that the artifact server listens on; not set: all addresses of this machine, or
    /// loopback if Mesos is on this machine
    option ARTIFACT_SERVER_BIND_ADDRESS: Option<String> = key("mesos.resourcemanager.artifactserver.bind-address");

    /// port that the artifact server listens on, if it differs from the one by which workers reach it
    option ARTIFACT_SERVER_BIND_PORT: Option<u16> = key("mesos.resourcemanager.artifactserver.bind-port").port();

    /// additional port without TLS that serves only the executor: Mesos's fetcher trusts only the
    /// authorities that the agent's system trusts; 0: any free port
    option ARTIFACT_SERVER_EXECUTOR_PORT: Option<u16> = key("mesos.resourcemanager.artifactserver.executor-port").port();

    /// PEM file with the artifact server's certificate chain, in place of
    /// `security.ssl.rest.keystore`
    option ARTIFACT_SERVER_SSL_CERTIFICATE: Option<String> = key("mesos.resourcemanager.artifactserver.ssl.certificate");

    /// PEM file with the certificate's key, unencrypted
    option ARTIFACT_SERVER_SSL_KEY: Option<String> = key("mesos.resourcemanager.artifactserver.ssl.key");

    /// PEM file with the authorities that workers trust; not set: the certificate itself
    option ARTIFACT_SERVER_SSL_AUTHORITIES: Option<String> = key("mesos.resourcemanager.artifactserver.ssl.authorities");

    /// serve secrets to other machines without TLS
    option ARTIFACT_SERVER_PLAIN_SECRETS: bool = key("mesos.resourcemanager.artifactserver.plain-secrets").default("false");

    /// number of simultaneous transfers from which on hosts with a sidecar get files from each
    /// other; 0: never
    option ARTIFACT_SERVER_PEERS_ABOVE: usize = key("mesos.resourcemanager.artifactserver.peers-above")
        .between(0, 10_000)
        .default("8");

    /// file or folder to ship to the workers as `flink/artifacts/<name>`
    option ARTIFACT: Option<String> = key("mesos.artifacts.<name>");

    /// secret file or folder to ship to the workers as `flink/artifacts/<name>`, never cached and
    /// readable by the worker's user only
    option SECRET_ARTIFACT: Option<String> = key("mesos.secret-artifacts.<name>");

    /// PEM file with additional authorities to trust for web servers
    option _: Option<String> = key("mesos.source.https.authorities");

    /// URL of the object store, if it is not AWS; not set: `AWS_ENDPOINT_URL`
    option _: Option<String> = key("mesos.source.s3.endpoint");

    /// region; not set: `AWS_REGION`, otherwise `us-east-1`
    option _: Option<String> = key("mesos.source.s3.region");

    /// access key; not set: as AWS's own tools find it
    option _: Option<String> = key("mesos.source.s3.access-key-id").secret();

    /// secret of the access key
    option _: Option<String> = key("mesos.source.s3.secret-access-key").secret();

    /// token of a temporary access key
    option _: Option<String> = key("mesos.source.s3.session-token").secret();

    /// ARN of the role to assume
    option _: Option<String> = key("mesos.source.s3.role-arn");

    /// external id for assuming the role
    option _: Option<String> = key("mesos.source.s3.external-id");

    /// put the bucket into the host name
    option _: bool = key("mesos.source.s3.virtual-host-style").default("false");

    /// send no credentials
    option _: bool = key("mesos.source.s3.anonymous").default("false");

    /// URL of the object store, if it is not Google's
    option _: Option<String> = key("mesos.source.gs.endpoint");

    /// credentials, JSON in base64; not set: `GOOGLE_APPLICATION_CREDENTIALS`
    option _: Option<String> = key("mesos.source.gs.credential").secret();

    /// file with the credentials
    option _: Option<String> = key("mesos.source.gs.credential-path");

    /// service account of the machine in Google Cloud
    option _: Option<String> = key("mesos.source.gs.service-account");

    /// access token
    option _: Option<String> = key("mesos.source.gs.token").secret();

    /// send no credentials
    option _: bool = key("mesos.source.gs.anonymous").default("false");

    /// web address of the namenode; not set: the URI's host with port 9870
    option _: Option<String> = key("mesos.source.hdfs.endpoint");

    /// user; not set: `HADOOP_USER_NAME`
    option _: Option<String> = key("mesos.source.hdfs.user");

    /// delegation token
    option _: Option<String> = key("mesos.source.hdfs.delegation-token").secret();

    /// web address of the namenode; not set: the URI's host and port
    option _: Option<String> = key("mesos.source.webhdfs.endpoint");

    /// user; not set: `HADOOP_USER_NAME`
    option _: Option<String> = key("mesos.source.webhdfs.user");

    /// delegation token
    option _: Option<String> = key("mesos.source.webhdfs.delegation-token").secret();

    /// jars of an application, in addition to those in `usrlib`
    option APPLICATION_JARS: Option<Vec<String>> = key("mesos.application.jars");

    /// ship Flink's `opt` folder to the workers too
    option FLINK_OPT: bool = key("mesos.flink.opt").default("false");
}
