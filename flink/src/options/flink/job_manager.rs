//! The JobManager's addresses, its process, and how it gives jobs their slots.

use super::{MILLISECONDS, option};
use crate::options::Kind::{Boolean, Duration, Enum, Integer, Memory, Ports, Text};
use crate::options::{Declaration, Earlier};

pub(in crate::options) const OPTIONS: &[Declaration] = &[
    option("jobmanager.rpc.address", Text, "address by which TaskManagers reach the JobManager"),
    option("jobmanager.rpc.port", Integer, "port of the JobManager").port().default("6123"),
    option("jobmanager.bind-host", Text, "address that the JobManager listens on"),
    option(
        "jobmanager.rpc.bind-port",
        Integer,
        "port that the RPC system listens on, if it differs from the advertised one",
    )
    .port(),
    option("jobmanager.resource-id", Text, "name of the JobManager"),
    option("jobmanager.scheduler", Enum(&["Default", "Adaptive", "AdaptiveBatch"]), "scheduler of jobs")
        .default("Default")
        .earlier(&[Earlier::before(2, 0, Enum(&["Ng", "Default", "Adaptive", "AdaptiveBatch"]))]),
    option(
        "jobmanager.adaptive-scheduler.submission.resource-wait-timeout",
        Duration,
        "how long a new job waits for the slots it requires",
    )
    .default("5 min")
    .formerly(&["jobmanager.adaptive-scheduler.resource-wait-timeout"])
    .since(2, 0),
    option(
        "jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout",
        Duration,
        "how long a new job that could start waits for more slots",
    )
    .default("10 s")
    .formerly(&["jobmanager.adaptive-scheduler.resource-stabilization-timeout"])
    .since(2, 0),
    option(
        "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling",
        Duration,
        "minimum time between two changes of the parallelism",
    )
    .default("30 s")
    .formerly(&["jobmanager.adaptive-scheduler.scaling-interval.min"])
    .since(2, 0),
    option(
        "jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout",
        Duration,
        "how long a running job waits for more slots before it changes its parallelism",
    )
    .default("1 min")
    .since(2, 0),
    option(
        "jobmanager.adaptive-scheduler.rescale-trigger.max-checkpoint-failures",
        Integer,
        "number of failed checkpoints after which the parallelism changes without one",
    )
    .default("2")
    .since(2, 0),
    option(
        "jobmanager.adaptive-scheduler.rescale-trigger.max-delay",
        Duration,
        "how long a change of the parallelism waits for a checkpoint",
    )
    .since(2, 0),
    option("jobmanager.adaptive-scheduler.prefer-minimal-taskmanagers", Boolean, "use as few TaskManagers as possible")
        .default("true")
        .since(1, 20),
    option("jobmanager.adaptive-scheduler.min-parallelism-increase", Integer, "smallest change of the parallelism")
        .default("1"),
    option(
        "jobmanager.adaptive-scheduler.resource-wait-timeout",
        Duration,
        "how long a new job waits for the slots it requires",
    )
    .default("5 min"),
    option(
        "jobmanager.adaptive-scheduler.resource-stabilization-timeout",
        Duration,
        "how long a new job that could start waits for more slots",
    )
    .default("10 s"),
    option(
        "jobmanager.adaptive-scheduler.scaling-interval.min",
        Duration,
        "minimum time between two changes of the parallelism",
    )
    .default("30 s")
    .since(1, 19),
    option(
        "jobmanager.adaptive-scheduler.scaling-interval.max",
        Duration,
        "time after which even a small change of the parallelism is made",
    )
    .since(1, 19),
    option(
        "jobmanager.adaptive-batch-scheduler.avg-data-volume-per-task",
        Memory,
        "average amount of data for each task of a batch job",
    )
    .default("1 gb")
    .until(2, 0),
    option(
        "jobmanager.adaptive-batch-scheduler.default-source-parallelism",
        Integer,
        "parallelism of sources without one of their own",
    )
    .default("1")
    .until(2, 0),
    option("jobmanager.adaptive-batch-scheduler.min-parallelism", Integer, "minimum parallelism to choose")
        .default("1")
        .until(2, 0),
    option("jobmanager.adaptive-batch-scheduler.max-parallelism", Integer, "maximum parallelism to choose")
        .default("128")
        .until(2, 0),
    option(
        "jobmanager.adaptive-batch-scheduler.speculative.enabled",
        Boolean,
        "run slow tasks of batch jobs a second time on another agent",
    )
    .default("false")
    .until(2, 0),
    option(
        "jobmanager.adaptive-batch-scheduler.speculative.max-concurrent-executions",
        Integer,
        "maximum number of simultaneous executions of one task",
    )
    .default("2")
    .until(2, 0),
    option(
        "jobmanager.adaptive-batch-scheduler.speculative.block-slow-node-duration",
        Duration,
        "how long a slow agent gets no such executions",
    )
    .default("1 min")
    .until(2, 0),
    option("jobmanager.execution.attempts-history-size", Integer, "number of earlier attempts of a task to remember")
        .default("16")
        .formerly(&["job-manager.max-attempts-history-size"]),
    option("jobmanager.execution.failover-strategy", Enum(&["region", "full"]), "tasks to restart after a failure")
        .default("region"),
    option(
        "jobmanager.partition.release-during-job-execution",
        Boolean,
        "release shuffled data while the job still runs",
    )
    .default("true"),
    option(
        "jobmanager.partition.hybrid.partition-data-consume-constraint",
        Enum(&["ALL_PRODUCERS_FINISHED", "ONLY_FINISHED_PRODUCERS", "UNFINISHED_PRODUCERS"]),
        "when data of a hybrid shuffle may be read",
    ),
    option("jobmanager.archive.fs.dir", Text, "folder for the histories of finished jobs"),
    option("jobmanager.failure-enrichers", Text, "classes that label failures"),
    option("jobmanager.future-pool.size", Integer, "number of threads for futures; not set: one for each core"),
    option("jobmanager.io-pool.size", Integer, "number of threads for files; not set: four for each core"),
    option(
        "jobmanager.retrieve-taskmanager-hostname",
        Boolean,
        "look up host names of TaskManagers by their addresses",
    )
    .default("true"),
    option("process.jobmanager.working-dir", Text, "folder for what the JobManager keeps when it restarts"),
    option("heartbeat.interval", Duration, "interval between two heartbeats of JobManager and TaskManagers")
        .default("10 s")
        .earlier(MILLISECONDS),
    option("heartbeat.timeout", Duration, "time without a heartbeat after which the other process is considered dead")
        .default("50 s")
        .earlier(MILLISECONDS),
    option(
        "heartbeat.rpc-failure-threshold",
        Integer,
        "number of failed messages after which the other process is considered dead; -1: no limit",
    )
    .default("2"),
    option("blob.server.port", Ports, "port of the blob server, or ports to choose from; 0: any free port")
        .default("0"),
    option(
        "blob.service.ssl.enabled",
        Boolean,
        "use TLS at the blob server if `security.ssl.internal.enabled` is `true`",
    )
    .default("true"),
    option("blob.storage.directory", Text, "folder for the files of jobs; not set: the folder for temporary files"),
];
