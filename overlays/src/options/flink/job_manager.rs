//! The JobManager's addresses, its process, and how it gives jobs their slots.

use super::option;
use crate::options::ConfigOption;
use crate::options::Kind::{Boolean, Duration, Enum, Integer, Memory, Text};

pub(in crate::options) const OPTIONS: &[ConfigOption] = &[
    option("jobmanager.rpc.address", Text, "the JobManager's address as TaskManagers see it"),
    option("jobmanager.rpc.port", Integer, "the JobManager's port").port().default("6123"),
    option("jobmanager.bind-host", Text, "where the JobManager listens"),
    option(
        "jobmanager.rpc.bind-port",
        Integer,
        "where the RPC system listens, if that is another port than it is known by",
    )
    .port(),
    option("jobmanager.resource-id", Text, "name of the JobManager"),
    option("jobmanager.scheduler", Enum(&["Ng", "Default", "Adaptive", "AdaptiveBatch"]), "how jobs are given slots")
        .default("Default"),
    option(
        "jobmanager.adaptive-scheduler.submission.resource-wait-timeout",
        Duration,
        "how long a new job waits for the slots that it wants",
    )
    .default("5 min")
    .formerly(&["jobmanager.adaptive-scheduler.resource-wait-timeout"])
    .since(2, 0),
    option(
        "jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout",
        Duration,
        "how long it waits for more when it could start with fewer",
    )
    .default("10 s")
    .formerly(&["jobmanager.adaptive-scheduler.resource-stabilization-timeout"])
    .since(2, 0),
    option(
        "jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling",
        Duration,
        "least time between two changes of the parallelism",
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
        "checkpoints that may fail before the parallelism changes without one",
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
    option(
        "jobmanager.adaptive-scheduler.min-parallelism-increase",
        Integer,
        "smaller changes of the parallelism are not made",
    )
    .default("1"),
    option(
        "jobmanager.adaptive-scheduler.resource-wait-timeout",
        Duration,
        "how long a new job waits for the slots that it wants",
    )
    .default("5 min"),
    option(
        "jobmanager.adaptive-scheduler.resource-stabilization-timeout",
        Duration,
        "how long it waits for more when it could start with fewer",
    )
    .default("10 s"),
    option(
        "jobmanager.adaptive-scheduler.scaling-interval.min",
        Duration,
        "least time between two changes of the parallelism",
    )
    .default("30 s")
    .since(1, 19),
    option(
        "jobmanager.adaptive-scheduler.scaling-interval.max",
        Duration,
        "time after which even a small change is made",
    )
    .since(1, 19),
    option(
        "jobmanager.adaptive-batch-scheduler.avg-data-volume-per-task",
        Memory,
        "data that each task of a batch job should have",
    )
    .default("1 gb")
    .until(2, 0),
    option(
        "jobmanager.adaptive-batch-scheduler.default-source-parallelism",
        Integer,
        "parallelism of sources that have none",
    )
    .default("1")
    .until(2, 0),
    option("jobmanager.adaptive-batch-scheduler.min-parallelism", Integer, "least parallelism that is chosen")
        .default("1")
        .until(2, 0),
    option("jobmanager.adaptive-batch-scheduler.max-parallelism", Integer, "highest parallelism that is chosen")
        .default("128")
        .until(2, 0),
    option(
        "jobmanager.adaptive-batch-scheduler.speculative.enabled",
        Boolean,
        "run slow tasks of batch jobs a second time elsewhere",
    )
    .default("false")
    .until(2, 0),
    option(
        "jobmanager.adaptive-batch-scheduler.speculative.max-concurrent-executions",
        Integer,
        "so many of the same task at once",
    )
    .default("2")
    .until(2, 0),
    option(
        "jobmanager.adaptive-batch-scheduler.speculative.block-slow-node-duration",
        Duration,
        "how long a slow agent gets no such task",
    )
    .default("1 min")
    .until(2, 0),
    option("jobmanager.execution.attempts-history-size", Integer, "earlier attempts of a task that are remembered")
        .default("16")
        .formerly(&["job-manager.max-attempts-history-size"]),
    option("jobmanager.execution.failover-strategy", Text, "what is started again after a failure: `region` or `full`")
        .default("region"),
    option(
        "jobmanager.partition.release-during-job-execution",
        Boolean,
        "let go of shuffled data while the job still runs",
    )
    .default("true"),
    option(
        "jobmanager.partition.hybrid.partition-data-consume-constraint",
        Enum(&["ALL_PRODUCERS_FINISHED", "ONLY_FINISHED_PRODUCERS", "UNFINISHED_PRODUCERS"]),
        "when data of a hybrid shuffle may be read",
    ),
    option("jobmanager.archive.fs.dir", Text, "folder for the histories of jobs that are over"),
    option("jobmanager.failure-enrichers", Text, "classes that label failures"),
    option("jobmanager.future-pool.size", Integer, "threads for futures; one for each core when not set"),
    option("jobmanager.io-pool.size", Integer, "threads for files; four for each core when not set"),
    option("jobmanager.retrieve-taskmanager-hostname", Boolean, "look up the names of TaskManagers by their addresses")
        .default("true"),
    option("process.jobmanager.working-dir", Text, "folder of what the JobManager keeps over a restart"),
    option("heartbeat.interval", Duration, "how often JobManager and TaskManagers tell that they live").default("10 s"),
    option("heartbeat.timeout", Duration, "silence after which the other one is dead").default("50 s"),
    option(
        "heartbeat.rpc-failure-threshold",
        Integer,
        "messages that may fail before the other one is dead; -1 is any number",
    )
    .default("2"),
    option("blob.server.port", Text, "ports of which the server of jobs' files takes one; 0 is any free one")
        .default("0"),
    option("blob.service.ssl.enabled", Boolean, "TLS there, where `security.ssl.internal.enabled` is").default("true"),
    option("blob.storage.directory", Text, "folder of jobs' files; that for temporary files when not set"),
];
