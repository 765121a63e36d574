//! The options of Flink 1.13's Mesos support.

use super::Kind::{Boolean, Choice, Integer, Map, Number, Text};
use super::{Bounds, ConfigOption};

const fn option(key: &'static str, kind: super::Kind, meaning: &'static str) -> ConfigOption {
    ConfigOption::new(key, kind, meaning)
}

pub(super) const OPTIONS: &[ConfigOption] = &[
    option(
        "mesos.master",
        Text,
        "the Mesos master: `host:port`, `h1:p1,h2:p2`, `zk://[user:password@]h1:p1,h2:p2/path`, \
         or `file:///path` of a file that holds one of these",
    ),
    option(
        "mesos.failover-timeout",
        Integer,
        "how long Mesos keeps the framework and its tasks after the application master has disconnected",
    ).between(0, 9_000_000_000)
    .default("604800")
    .unit("seconds"),
    option("mesos.initial-tasks", Integer, "number of TaskManagers to keep; `mesos.workers` overrides it").between(0, 100_000),
    option("mesos.resourcemanager.framework.name", Text, "name of the framework").default("Flink"),
    option("mesos.resourcemanager.framework.role", Text, "role of the framework, or several roles separated by commas").default("*"),
    option("mesos.resourcemanager.framework.principal", Text, "principal used to authenticate with the master"),
    option("mesos.resourcemanager.framework.secret", Text, "secret of the principal"),
    option("mesos.resourcemanager.framework.user", Text, "user of the framework").default(""),
    option("mesos.resourcemanager.artifactserver.port", Integer, "port of the artifact server; 0: any free port").port()
        .default("0"),
    option(
        "mesos.resourcemanager.artifactserver.ssl.enabled",
        Boolean,
        "use TLS at the artifact server if REST uses it (`security.ssl.rest.*`), with REST's key store, which must be PKCS#12",
    )
    .default("true"),
    option(
        "mesos.resourcemanager.unused-offer-expiration",
        Integer,
        "how long to hold an unused offer",
    ).between(0, i32::MAX as i64)
    .default("120000")
    .unit("milliseconds")
    .without_effect("unused offers are declined at once"),
    option(
        "mesos.resourcemanager.declined-offer-refuse-duration",
        Integer,
        "how long Mesos must not send a declined offer again",
    ).between(1, 31_536_000_000)
    .default("5000")
    .unit("milliseconds"),
    option(
        "mesos.resourcemanager.tasks.cpus",
        Number,
        "CPUs of a TaskManager; `taskmanager.cpu.cores` overrides it; 0: one for each slot",
    ).within(Bounds::Number(0.0, Bounds::MOST_CPUS as f64))
    .default("0.0"),
    option("mesos.resourcemanager.tasks.gpus", Integer, "GPUs of a TaskManager").between(0, 10_000).default("0"),
    option("mesos.resourcemanager.tasks.disk", Integer, "disk of a TaskManager").between(0, 1_000_000_000).default("0").unit("MB"),
    option("mesos.resourcemanager.tasks.network.bandwidth", Integer, "network bandwidth of a TaskManager").between(0, 10_000_000)
        .default("0")
        .unit("Mbit/s"),
    option("mesos.resourcemanager.network.resource.name", Text, "name of the Mesos resource for network bandwidth")
        .default("network"),
    option(
        "mesos.resourcemanager.tasks.port-assignments",
        Text,
        "options that each get a port of the offer, besides `taskmanager.data.port` and `taskmanager.rpc.port`, \
         separated by commas",
    ),
    option("mesos.resourcemanager.tasks.hostname", Text, "value of `taskmanager.host`; `_TASK_` stands for the task id"),
    option("mesos.resourcemanager.tasks.user", Text, "user that the tasks run as"),
    option("mesos.resourcemanager.tasks.labels", Map, "labels of the tasks"),
    option(
        "mesos.resourcemanager.tasks.uris",
        Text,
        "additional files for the sandboxes, separated by commas: `/path`, `file://`, `http(s)://`, `s3://`, `gs://`, `hdfs://` or \
         `webhdfs://`, each with options as in `https://host/a.tgz#sha256=…&extract=true&executable=false&destination=dir/name`",
    ),
    option("mesos.resourcemanager.tasks.bootstrap-cmd", Text, "shell command to run before the TaskManager's command"),
    option("mesos.resourcemanager.tasks.taskmanager-cmd", Text, "shell command to run in place of the TaskManager's command"),
    option("mesos.resourcemanager.tasks.container.type", Choice(&["mesos", "docker"]), "containerizer of the image")
        .default("mesos"),
    option("mesos.resourcemanager.tasks.container.image.name", Text, "image of the container; not set: no image"),
    option(
        "mesos.resourcemanager.tasks.container.volumes",
        Text,
        "volumes to mount, separated by commas, each `[host path:]container path[:RO|RW]`; write a comma inside a path as `\\,`",
    ),
    option(
        "mesos.resourcemanager.tasks.container.docker.parameters",
        Text,
        "parameters of docker, `key=value` separated by commas; write a comma inside a value as `\\,`",
    ),
    option(
        "mesos.resourcemanager.tasks.container.docker.force-pull-image",
        Boolean,
        "pull the image even if the agent has it",
    )
    .default("false"),
    option(
        "mesos.constraints.hard.hostattribute",
        Text,
        "required attributes of agents, `name:value` separated by commas",
    ),
    option("high-availability.zookeeper.path.mesos-workers", Text, "ZooKeeper path of the application master's state, below the root; the cluster's id is appended")
        .default("/mesos-workers")
        .formerly(&["recovery.zookeeper.path.mesos-workers"]),
    option("containerized.taskmanager.env.<name>", Text, "environment variable of the TaskManagers"),
];
