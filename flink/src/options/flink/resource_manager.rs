//! Slots and who brings them. On Mesos the application master starts and stops TaskManagers.

use std::time::Duration;

use super::MILLISECONDS;
use crate::memory_size::MemorySize;
use crate::options::declare::{declare, key};
use crate::options::{Bounds, Earlier, Kind};

/// Seconds that Flink's timers can count.
const LONGEST_TIMER: u64 = 248 * 86_400;

declare! {
    /// how long a started TaskManager may take to register
    option RESOURCEMANAGER_TASKMANAGER_REGISTRATION_TIMEOUT: Duration =
        key("resourcemanager.taskmanager-registration.timeout")
        .default("5 min");
    /// how long a TaskManager that no job needs may be idle before it is stopped
    option RESOURCEMANAGER_TASKMANAGER_TIMEOUT: Duration = key("resourcemanager.taskmanager-timeout")
        .within(Bounds::seconds(0, LONGEST_TIMER))
        .default("30 s").earlier(MILLISECONDS).formerly(&["slotmanager.taskmanager-timeout"]);
    /// how long a job waits for slots, also for those of a lost TaskManager that is being replaced
    option _: Duration = key("slot.request.timeout").default("5 min").earlier(MILLISECONDS);
    /// port of the resource manager, which shares the JobManager's
    option _: i64 = key("resourcemanager.rpc.port").port().default("0");
    /// how long a job without a leader keeps its slots
    option _: Duration = key("resourcemanager.job.timeout").default("5 min");
    /// age of a JobManager from which on jobs that lack slots fail at once instead of waiting; not
    /// set: flink-mesos sets `0`, which means never
    option RESOURCEMANAGER_STANDALONE_START_UP_TIME: Option<Duration> = key("resourcemanager.standalone.start-up-time")
        .within(Bounds::seconds(0, LONGEST_TIMER))
        // A negative number also meant never.
        .earlier(&[Earlier::before(1, 20, Kind::Integer)
            .within(Bounds::Integer(i64::MIN, LONGEST_TIMER.cast_signed() * 1000)).unit("milliseconds")]);
    /// how long workers of an earlier JobManager may take to come back
    option _: Duration = key("resourcemanager.previous-worker.recovery.timeout")
        .default("0 s").without_effect("the application master knows its workers");
    /// number of worker failures in a minute after which starts pause
    option _: f64 = key("resourcemanager.start-worker.max-failure-rate")
        .default("10.0").without_effect("failures slow launches down by themselves");
    /// length of the pause after too many worker failures
    option _: Duration = key("resourcemanager.start-worker.retry-interval")
        .default("3 s").without_effect("failures slow launches down by themselves");
    /// keep idle TaskManagers until their results are read
    option _: bool = key("resourcemanager.taskmanager-release.wait.result.consumed")
        .default("true").until(2, 0)
        .without_effect("an idle TaskManager always stays while a batch job that ran on it has not ended");
    /// how long a job keeps an unused slot
    option _: Duration = key("slot.idle.timeout").default("50 s").earlier(MILLISECONDS);
    /// how long requests for slots are collected
    option _: Duration = key("slot.request.max-interval").default("20 ms").since(2, 0);
    /// maximum number of slots of the cluster, unless `mesos.workers` fixes the number of
    /// TaskManagers
    option SLOTMANAGER_NUMBER_OF_SLOTS_MAX: i64 = key("slotmanager.number-of-slots.max")
        .between(0, i32::MAX as i64).default("2147483647");
    /// minimum number of slots of the cluster, unless `mesos.workers` fixes the number of
    /// TaskManagers
    option SLOTMANAGER_NUMBER_OF_SLOTS_MIN: i64 = key("slotmanager.number-of-slots.min")
        .between(0, i32::MAX as i64).default("0").since(1, 19);
    /// maximum CPUs of the cluster, unless `mesos.workers` fixes the number of TaskManagers
    option SLOTMANAGER_MAX_TOTAL_RESOURCE_CPU: Option<f64> = key("slotmanager.max-total-resource.cpu")
        .within(Bounds::Number(0.0, 1e12));
    /// maximum memory of the cluster for tasks, network and managed memory, unless `mesos.workers`
    /// fixes the number of TaskManagers
    option SLOTMANAGER_MAX_TOTAL_RESOURCE_MEMORY: Option<MemorySize> = key("slotmanager.max-total-resource.memory");
    /// minimum CPUs of the cluster, unless `mesos.workers` fixes the number of TaskManagers
    option SLOTMANAGER_MIN_TOTAL_RESOURCE_CPU: Option<f64> = key("slotmanager.min-total-resource.cpu")
        .within(Bounds::Number(0.0, 1e12)).since(1, 19);
    /// minimum memory of the cluster for tasks, network and managed memory, unless `mesos.workers`
    /// fixes the number of TaskManagers
    option SLOTMANAGER_MIN_TOTAL_RESOURCE_MEMORY: Option<MemorySize> = key("slotmanager.min-total-resource.memory").since(1, 19);
    /// number of spare TaskManagers while jobs need any, unless `mesos.workers` fixes the number of
    /// TaskManagers
    option SLOTMANAGER_REDUNDANT_TASKMANAGER_NUM: usize = key("slotmanager.redundant-taskmanager-num")
        .between(0, 100_000).default("0");
    /// how long changed requirements of jobs are collected
    option _: Duration = key("slotmanager.requirement-check.delay").default("50 ms");
    /// how long changed requirements of the cluster are collected
    option _: Duration = key("slotmanager.declare-needed-resource.delay").default("50 ms");
}
