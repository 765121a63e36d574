//! The JobManager's addresses, its process, and how it gives jobs their slots.

use std::time::Duration;

use super::MILLISECONDS;
use crate::memory_size::MemorySize;
use crate::options::declare::{declare, key};
use crate::options::{Earlier, Kind};

declare! {
    /// address by which TaskManagers reach the JobManager
    option JOBMANAGER_RPC_ADDRESS: Option<String> = key("jobmanager.rpc.address");
    /// port of the JobManager
    option JOBMANAGER_RPC_PORT: u16 = key("jobmanager.rpc.port").port().default("6123");
    /// address that the JobManager listens on
    option JOBMANAGER_BIND_HOST: Option<String> = key("jobmanager.bind-host");
    /// port that the RPC system listens on, if it differs from the advertised one
    option JOBMANAGER_RPC_BIND_PORT: Option<u16> = key("jobmanager.rpc.bind-port").port();
    /// name of the JobManager
    option _: Option<String> = key("jobmanager.resource-id");
    /// scheduler of jobs
    option JOBMANAGER_SCHEDULER: String = key("jobmanager.scheduler")
        .any_case_of(&["Default", "Adaptive", "AdaptiveBatch"]).default("Default")
        .earlier(&[Earlier::before(2, 0, Kind::Enum(&["Ng", "Default", "Adaptive", "AdaptiveBatch"]))]);
    /// `reactive`: the one job of an application uses all TaskManagers that there are
    option SCHEDULER_MODE: Option<String> = key("scheduler-mode").any_case_of(&["REACTIVE"]);
    /// how long a new job waits for the slots it requires
    option _: Duration = key("jobmanager.adaptive-scheduler.submission.resource-wait-timeout")
        .default("5 min").formerly(&["jobmanager.adaptive-scheduler.resource-wait-timeout"]).since(2, 0);
    /// how long a new job that could start waits for more slots
    option _: Duration = key("jobmanager.adaptive-scheduler.submission.resource-stabilization-timeout")
        .default("10 s").formerly(&["jobmanager.adaptive-scheduler.resource-stabilization-timeout"]).since(2, 0);
    /// minimum time between two changes of the parallelism; not set, and the number of TaskManagers
    /// is not fixed: flink-mesos sets `0 s`
    option ADAPTIVE_COOLDOWN: Duration = key("jobmanager.adaptive-scheduler.executing.cooldown-after-rescaling")
        .default("30 s").formerly(&["jobmanager.adaptive-scheduler.scaling-interval.min"]).since(2, 0);
    /// how long a running job waits for more slots before it changes its parallelism; not set, and
    /// the number of TaskManagers is not fixed: flink-mesos sets `10 s`
    option ADAPTIVE_STABILIZATION: Duration = key("jobmanager.adaptive-scheduler.executing.resource-stabilization-timeout")
        .default("1 min").since(2, 0);
    /// number of failed checkpoints after which the parallelism changes without one
    option _: i64 = key("jobmanager.adaptive-scheduler.rescale-trigger.max-checkpoint-failures")
        .default("2").since(2, 0);
    /// how long a change of the parallelism waits for a checkpoint
    option _: Option<Duration> = key("jobmanager.adaptive-scheduler.rescale-trigger.max-delay").since(2, 0);
    /// use as few TaskManagers as possible
    option _: bool = key("jobmanager.adaptive-scheduler.prefer-minimal-taskmanagers").default("true").since(1, 20);
    /// smallest change of the parallelism
    option _: i64 = key("jobmanager.adaptive-scheduler.min-parallelism-increase").default("1");
    /// how long a new job waits for the slots it requires
    option _: Duration = key("jobmanager.adaptive-scheduler.resource-wait-timeout").default("5 min");
    /// how long a new job that could start waits for more slots
    option _: Duration = key("jobmanager.adaptive-scheduler.resource-stabilization-timeout").default("10 s");
    /// minimum time between two changes of the parallelism; not set, and the number of TaskManagers
    /// is not fixed: flink-mesos sets `0 s`
    option ADAPTIVE_SCALING_INTERVAL: Duration = key("jobmanager.adaptive-scheduler.scaling-interval.min").default("30 s").since(1, 19);
    /// time after which even a small change of the parallelism is made
    option _: Option<Duration> = key("jobmanager.adaptive-scheduler.scaling-interval.max").since(1, 19);
    /// average amount of data for each task of a batch job
    option _: MemorySize = key("jobmanager.adaptive-batch-scheduler.avg-data-volume-per-task")
        .default("1 gb").until(2, 0);
    /// parallelism of sources without one of their own
    option _: i64 = key("jobmanager.adaptive-batch-scheduler.default-source-parallelism").default("1").until(2, 0);
    /// minimum parallelism to choose
    option _: i64 = key("jobmanager.adaptive-batch-scheduler.min-parallelism").default("1").until(2, 0);
    /// maximum parallelism to choose
    option _: i64 = key("jobmanager.adaptive-batch-scheduler.max-parallelism").default("128").until(2, 0);
    /// run slow tasks of batch jobs a second time on another agent
    option _: bool = key("jobmanager.adaptive-batch-scheduler.speculative.enabled").default("false").until(2, 0);
    /// maximum number of simultaneous executions of one task
    option _: i64 = key("jobmanager.adaptive-batch-scheduler.speculative.max-concurrent-executions")
        .default("2").until(2, 0);
    /// how long a slow agent gets no second executions
    option _: Duration = key("jobmanager.adaptive-batch-scheduler.speculative.block-slow-node-duration")
        .default("1 min").until(2, 0);
    /// number of earlier attempts of a task to remember
    option _: i64 = key("jobmanager.execution.attempts-history-size")
        .default("16").formerly(&["job-manager.max-attempts-history-size"]);
    /// tasks to restart after a failure
    option _: String = key("jobmanager.execution.failover-strategy")
        .any_case_of(&["region", "full"]).default("region");
    /// release shuffled data while the job still runs
    option _: bool = key("jobmanager.partition.release-during-job-execution").default("true");
    /// when data of a hybrid shuffle may be read
    option _: Option<String> = key("jobmanager.partition.hybrid.partition-data-consume-constraint")
        .any_case_of(&["ALL_PRODUCERS_FINISHED", "ONLY_FINISHED_PRODUCERS", "UNFINISHED_PRODUCERS"]);
    /// folder for the histories of finished jobs
    option _: Option<String> = key("jobmanager.archive.fs.dir");
    /// classes that label failures
    option _: Option<String> = key("jobmanager.failure-enrichers");
    /// number of threads for futures; not set: one for each core
    option _: Option<i64> = key("jobmanager.future-pool.size");
    /// number of threads for files; not set: four for each core
    option _: Option<i64> = key("jobmanager.io-pool.size");
    /// look up host names of TaskManagers by their addresses
    option _: bool = key("jobmanager.retrieve-taskmanager-hostname").default("true");
    /// folder for what the JobManager keeps when it restarts
    option PROCESS_JOBMANAGER_WORKING_DIR: Option<String> = key("process.jobmanager.working-dir");
    /// interval between two heartbeats of JobManager and TaskManagers
    option HEARTBEAT_INTERVAL: Duration = key("heartbeat.interval").default("10 s").earlier(MILLISECONDS);
    /// time without a heartbeat after which the other process is considered dead
    option HEARTBEAT_TIMEOUT: Duration = key("heartbeat.timeout").default("50 s").earlier(MILLISECONDS);
    /// number of failed messages after which the other process is considered dead; -1: never
    option _: i64 = key("heartbeat.rpc-failure-threshold").default("2");
    /// port of the blob server, or ports to choose from; 0: any free port
    option BLOB_SERVER_PORT: String = key("blob.server.port").ports().default("0");
    /// use TLS at the blob server if `security.ssl.internal.enabled` is `true`
    option _: bool = key("blob.service.ssl.enabled").default("true");
    /// folder for the files of jobs; not set: the folder for temporary files
    option BLOB_STORAGE_DIRECTORY: Option<String> = key("blob.storage.directory");
}
