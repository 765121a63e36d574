//! Keys of earlier Flinks that are no longer options.

/// Keys that earlier Flinks had on Mesos, and what replaces them.
pub(crate) const GONE: &[(&str, &str)] = &[
    (
        "mesos.resourcemanager.tasks.mem",
        "removed in Flink 1.10: set taskmanager.memory.process.size",
    ),
    (
        "mesos.maximum-failed-tasks",
        "removed: delays between starts of failing workers grow, without a limit on their number",
    ),
    (
        "mesos.maximum-failed-workers-per-interval",
        "removed: delays between starts of failing workers grow, without a limit on their number",
    ),
    (
        "mesos.workers-failure-rate-interval",
        "removed: delays between starts of failing workers grow, without a limit on their number",
    ),
];

/// Keys of Flink 1.13 that are no longer used, and what replaces them.
pub(crate) const FORGOTTEN: &[(&str, &str)] = &[
    (
        "internal.cluster.execution-mode",
        "no longer used: an application's cluster ends with the application",
    ),
    ("high-availability.zookeeper.path.latch", NO_SUCH_NODE),
    ("high-availability.zookeeper.path.leader", NO_SUCH_NODE),
    ("high-availability.zookeeper.path.checkpoints", NO_SUCH_NODE),
    ("high-availability.zookeeper.path.checkpoint-counter", NO_SUCH_NODE),
    ("slotmanager.request-timeout", "no longer used: set slot.request.timeout"),
];

const NO_SUCH_NODE: &str = "no longer used: Flink chooses its names in ZooKeeper itself";
