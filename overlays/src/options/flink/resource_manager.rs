//! Slots and who brings them. On Mesos the application master keeps a number of TaskManagers.

use super::option;
use crate::options::Kind::{Boolean, Duration, Integer, Memory, Number};
use crate::options::{Bounds, ConfigOption};

pub(in crate::options) const OPTIONS: &[ConfigOption] = &[
    option(
        "resourcemanager.taskmanager-registration.timeout",
        Duration,
        "how long a started TaskManager may take to register",
    )
    .default("5 min"),
    option("resourcemanager.taskmanager-timeout", Duration, "how long a TaskManager may be idle")
        .default("30 s")
        .formerly(&["slotmanager.taskmanager-timeout"])
        .without_effect("`mesos.workers` says how many there are"),
    option("slot.request.timeout", Duration, "how long a job waits for slots, also for those of a lost TaskManager that is being replaced").default("5 min"),
    option("resourcemanager.rpc.port", Integer, "port of the resource manager; it shares the JobManager's")
        .port()
        .default("0"),
    option("resourcemanager.job.timeout", Duration, "how long a job without a leader keeps its slots").default("5 min"),
    option(
        "resourcemanager.standalone.start-up-time",
        Duration,
        "age of a JobManager from which on jobs that lack slots fail at once instead of waiting; flink-mesos sets `0 s`, which is never, \
         when it is not set",
    )
    .within(Bounds::seconds(0, 248 * 86_400)),
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
        "failures of workers in a minute after which none is started for a while",
    )
    .default("10.0")
    .without_effect("failures slow launches down by themselves"),
    option("resourcemanager.start-worker.retry-interval", Duration, "that while")
        .default("3 s")
        .without_effect("failures slow launches down by themselves"),
    option(
        "resourcemanager.taskmanager-release.wait.result.consumed",
        Boolean,
        "idle TaskManagers stay until their results are read",
    )
    .default("true")
    .until(2, 0)
    .without_effect("idle TaskManagers stay"),
    option("slot.idle.timeout", Duration, "how long a job keeps a slot that it does not use").default("50 s"),
    option("slot.request.max-interval", Duration, "how long requests for slots are gathered")
        .default("20 ms")
        .since(2, 0),
    option("slotmanager.number-of-slots.max", Integer, "most slots of the cluster")
        .default("2147483647")
        .without_effect("`mesos.workers` says how many there are"),
    option("slotmanager.number-of-slots.min", Integer, "least slots of the cluster")
        .default("0")
        .since(1, 19)
        .without_effect("`mesos.workers` says how many there are"),
    option("slotmanager.max-total-resource.cpu", Number, "most CPUs of the cluster")
        .without_effect("`mesos.workers` says how many there are"),
    option("slotmanager.max-total-resource.memory", Memory, "most memory of the cluster")
        .without_effect("`mesos.workers` says how many there are"),
    option("slotmanager.min-total-resource.cpu", Number, "least CPUs of the cluster")
        .since(1, 19)
        .without_effect("`mesos.workers` says how many there are"),
    option("slotmanager.min-total-resource.memory", Memory, "least memory of the cluster")
        .since(1, 19)
        .without_effect("`mesos.workers` says how many there are"),
    option("slotmanager.redundant-taskmanager-num", Integer, "TaskManagers beyond what is needed")
        .default("0")
        .without_effect("`mesos.workers` says how many there are"),
    option("slotmanager.requirement-check.delay", Duration, "how long changes of what jobs need are gathered")
        .default("50 ms"),
    option(
        "slotmanager.declare-needed-resource.delay",
        Duration,
        "how long changes of what the cluster needs are gathered",
    )
    .default("50 ms"),
];
