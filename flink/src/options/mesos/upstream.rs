//! The options of Flink 1.13's Mesos support.

use crate::options::Bounds;
use crate::options::declare::{declare, key};

declare! {
    /// the Mesos master: `host:port`, `h1:p1,h2:p2`, `zk://[user:password@]h1:p1,h2:p2/path`, or
    /// `file:///path` of a file that holds one of these
    option MASTER: Option<String> = key("mesos.master");

    /// how long Mesos keeps the framework and its tasks after the application master has
    /// disconnected
    option FAILOVER_TIMEOUT: u64 = key("mesos.failover-timeout")
        .between(0, 9_000_000_000)
        .default("604800")
        .unit("seconds");

    /// fixed number of TaskManagers to keep; `mesos.workers` overrides it
    option INITIAL_TASKS: Option<usize> = key("mesos.initial-tasks").between(0, 100_000);

    /// name of the framework
    option FRAMEWORK_NAME: String = key("mesos.resourcemanager.framework.name").default("Flink");

    /// role of the framework, or several roles separated by commas
    option FRAMEWORK_ROLE: String = key("mesos.resourcemanager.framework.role").default("*");

    /// principal used to authenticate with the master
    option FRAMEWORK_PRINCIPAL: Option<String> = key("mesos.resourcemanager.framework.principal");

    /// secret of the principal
    option FRAMEWORK_SECRET: Option<String> = key("mesos.resourcemanager.framework.secret").secret();

    /// user of the framework
    option FRAMEWORK_USER: String = key("mesos.resourcemanager.framework.user").default("");

    /// port of the artifact server; 0: any free port
    option ARTIFACT_SERVER_PORT: u16 = key("mesos.resourcemanager.artifactserver.port").port().default("0");

    /// use TLS at the artifact server, with its own certificate if it has one; otherwise with
    /// REST's key store, which must be PKCS#12, if REST uses TLS (`security.ssl.rest.*`)
    option ARTIFACT_SERVER_SSL_ENABLED: bool = key("mesos.resourcemanager.artifactserver.ssl.enabled").default("true");

    /// how long to hold an unused offer
    option _: u64 = key("mesos.resourcemanager.unused-offer-expiration")
        .between(0, i32::MAX as i64)
        .default("120000")
        .unit("milliseconds")
        .without_effect("unused offers are declined at once");

    /// how long Mesos must not send a declined offer again
    option DECLINED_OFFER_REFUSE_DURATION: u64 = key("mesos.resourcemanager.declined-offer-refuse-duration")
        .between(1, 31_536_000_000)
        .default("5000")
        .unit("milliseconds");

    /// CPUs of a TaskManager; `taskmanager.cpu.cores` overrides it; 0: one for each slot
    option TASKS_CPUS: f64 = key("mesos.resourcemanager.tasks.cpus")
        .within(Bounds::Number(0.0, Bounds::MOST_CPUS as f64))
        .default("0.0");

    /// GPUs of a TaskManager
    option TASKS_GPUS: u64 = key("mesos.resourcemanager.tasks.gpus").between(0, 10_000).default("0");

    /// disk of a TaskManager
    option TASKS_DISK: u64 = key("mesos.resourcemanager.tasks.disk").between(0, 1_000_000_000).default("0").unit("MB");

    /// network bandwidth of a TaskManager
    option TASKS_NETWORK_BANDWIDTH: u64 = key("mesos.resourcemanager.tasks.network.bandwidth")
        .between(0, 10_000_000)
        .default("0")
        .unit("Mbit/s");

    /// name of the Mesos resource for network bandwidth
    option NETWORK_RESOURCE_NAME: String = key("mesos.resourcemanager.network.resource.name").default("network");

    /// options that each get a port of the offer, besides `taskmanager.data.port` and
    /// `taskmanager.rpc.port`, separated by commas
    option TASKS_PORT_ASSIGNMENTS: Option<String> = key("mesos.resourcemanager.tasks.port-assignments");

    /// value of `taskmanager.host`; `_TASK_` stands for the task id
    option TASKS_HOSTNAME: Option<String> = key("mesos.resourcemanager.tasks.hostname");

    /// user that the tasks run as
    option TASKS_USER: Option<String> = key("mesos.resourcemanager.tasks.user");

    /// labels of the tasks
    option TASKS_LABELS: Option<Vec<(String, String)>> = key("mesos.resourcemanager.tasks.labels");

    /// additional files for the sandboxes, separated by commas: `/path`, `file://`, `http(s)://`,
    /// `s3://`, `gs://`, `hdfs://` or `webhdfs://`, each with options as in
    /// `https://host/a.tgz#sha256=…&extract=true&executable=false&destination=dir/name`
    option TASKS_URIS: Option<String> = key("mesos.resourcemanager.tasks.uris");

    /// shell command to run before the TaskManager's command
    option TASKS_BOOTSTRAP_CMD: Option<String> = key("mesos.resourcemanager.tasks.bootstrap-cmd");

    /// shell command to run in place of the TaskManager's command
    option TASKS_TASK_MANAGER_CMD: Option<String> = key("mesos.resourcemanager.tasks.taskmanager-cmd");

    /// containerizer of the image
    option TASKS_CONTAINER_TYPE: String = key("mesos.resourcemanager.tasks.container.type")
        .one_of(&["mesos", "docker"])
        .default("mesos");

    /// image of the container; not set: no image
    option TASKS_CONTAINER_IMAGE_NAME: Option<String> = key("mesos.resourcemanager.tasks.container.image.name");

    /// volumes to mount, separated by commas, each `[host path:]container path[:RO|RW]`; write a
    /// comma inside a path as `\,`
    option TASKS_CONTAINER_VOLUMES: Option<String> = key("mesos.resourcemanager.tasks.container.volumes");

    /// parameters of docker, `key=value` separated by commas; write a comma inside a value as `\,`
    option TASKS_CONTAINER_DOCKER_PARAMETERS: Option<String> = key("mesos.resourcemanager.tasks.container.docker.parameters");

    /// pull the image even if the agent has it
    option TASKS_CONTAINER_DOCKER_FORCE_PULL_IMAGE: Option<bool> = key("mesos.resourcemanager.tasks.container.docker.force-pull-image")
        .default("false");

    /// required attributes of agents, `name:value` separated by commas
    option HARD_CONSTRAINTS: Option<String> = key("mesos.constraints.hard.hostattribute");

    /// ZooKeeper path of the application master's state, below the root; the cluster's id is
    /// appended
    option ZOOKEEPER_PATH: String = key("high-availability.zookeeper.path.mesos-workers")
        .default("/mesos-workers")
        .formerly(&["recovery.zookeeper.path.mesos-workers"]);

    /// file with the serialized job graph that `flink-mesos job` runs
    option JOB_GRAPH_PATH: Option<String> = key("internal.jobgraph-path").formerly(&["interval.jobgraph-path"]);

    /// environment variable of the TaskManagers
    option TASK_MANAGER_VARIABLE: Option<String> = key("containerized.taskmanager.env.<name>");
}
