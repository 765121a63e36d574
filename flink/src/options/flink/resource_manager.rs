//! Slots and who brings them. On Mesos the application master keeps a number of TaskManagers.

use super::{MILLISECONDS, option};
use crate::options::Kind::{Boolean, Duration, Integer, Memory, Number};
use crate::options::{Bounds, Declaration, Earlier};

/// Seconds that Flink's timers can count.
const LONGEST_TIMER: u64 = 248 * 86_400;

pub(in crate::options) const OPTIONS: &[Declaration] = &[
    option(
        "resourcemanager.taskmanager-registration.timeout",
        Duration,
        "how long a started TaskManager may take to register",
    )
    .default("5 min"),
    option("resourcemanager.taskmanager-timeout", Duration, "how long a TaskManager may be idle")
        .default("30 s")
        .earlier(MILLISECONDS)
        .formerly(&["slotmanager.taskmanager-timeout"])
        .without_effect("`mesos.workers` sets the number of TaskManagers"),
    option("slot.request.timeout", Duration, "how long a job waits for slots, also for those of a lost TaskManager that is being replaced")
        .default("5 min")
        .earlier(MILLISECONDS),
    option("resourcemanager.rpc.port", Integer, "port of the resource manager, which shares the JobManager's")
        .port()
        .default("0"),
    option("resourcemanager.job.timeout", Duration, "how long a job without a leader keeps its slots").default("5 min"),
    option(
        "resourcemanager.standalone.start-up-time",
        Duration,
        "age of a JobManager from which on jobs that lack slots fail at once instead of waiting; not set: flink-mesos sets `0`, which means never",
    )
    .within(Bounds::seconds(0, LONGEST_TIMER))
    // A negative number also meant never.
    .earlier(&[Earlier::before(1, 20, Integer).within(Bounds::Integer(i64::MIN, LONGEST_TIMER.cast_signed() * 1000)).unit("milliseconds")]),
    option(
        "resourcemanager.previous-worker.recovery.timeout",
        Duration,
        "how long workers of an earlier JobManager may take to come back",
    )
    .default("0 s")
    .without_effect("the application master knows its workers"),
    option(
        "resourcemanager.start-worker.max-failure-rate",
        Number,
        "number of worker failures in a minute after which starts pause",
    )
    .default("10.0")
    .without_effect("failures slow launches down by themselves"),
    option("resourcemanager.start-worker.retry-interval", Duration, "length of the pause after too many worker failures")
        .default("3 s")
        .without_effect("failures slow launches down by themselves"),
    option(
        "resourcemanager.taskmanager-release.wait.result.consumed",
        Boolean,
        "keep idle TaskManagers until their results are read",
    )
    .default("true")
    .until(2, 0)
    .without_effect("idle TaskManagers stay"),
    option("slot.idle.timeout", Duration, "how long a job keeps an unused slot").default("50 s").earlier(MILLISECONDS),
    option("slot.request.max-interval", Duration, "how long requests for slots are collected")
        .default("20 ms")
        .since(2, 0),
    option("slotmanager.number-of-slots.max", Integer, "maximum number of slots of the cluster")
        .default("2147483647")
        .without_effect("`mesos.workers` sets the number of TaskManagers"),
    option("slotmanager.number-of-slots.min", Integer, "minimum number of slots of the cluster")
        .default("0")
        .since(1, 19)
        .without_effect("`mesos.workers` sets the number of TaskManagers"),
    option("slotmanager.max-total-resource.cpu", Number, "maximum CPUs of the cluster")
        .without_effect("`mesos.workers` sets the number of TaskManagers"),
    option("slotmanager.max-total-resource.memory", Memory, "maximum memory of the cluster")
        .without_effect("`mesos.workers` sets the number of TaskManagers"),
    option("slotmanager.min-total-resource.cpu", Number, "minimum CPUs of the cluster")
        .since(1, 19)
        .without_effect("`mesos.workers` sets the number of TaskManagers"),
    option("slotmanager.min-total-resource.memory", Memory, "minimum memory of the cluster")
        .since(1, 19)
        .without_effect("`mesos.workers` sets the number of TaskManagers"),
    option("slotmanager.redundant-taskmanager-num", Integer, "number of spare TaskManagers")
        .default("0")
        .without_effect("`mesos.workers` sets the number of TaskManagers"),
    option("slotmanager.requirement-check.delay", Duration, "how long changed requirements of jobs are collected")
        .default("50 ms"),
    option(
        "slotmanager.declare-needed-resource.delay",
        Duration,
        "how long changed requirements of the cluster are collected",
    )
    .default("50 ms"),
];
