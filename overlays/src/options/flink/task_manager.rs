//! A TaskManager's other resources, its addresses, and what its process does.

use super::option;
use crate::options::Kind::{Boolean, Duration, Enum, Integer, List, Memory, Number, Text};
use crate::options::{Bounds, ConfigOption};

pub(in crate::options) const OPTIONS: &[ConfigOption] = &[
    option("taskmanager.numberOfTaskSlots", Integer, "slots of a TaskManager").between(1, i32::MAX as i64).default("1"),
    option("taskmanager.cpu.cores", Number, "CPUs of a TaskManager; one for each slot when not set"),
    option("external-resources", List, "names of other resources, such as GPUs").default(""),
    option("external-resource.<name>.amount", Integer, "how much of an external resource a TaskManager has")
        .within(Bounds::LONG),
    option("taskmanager.resource-id", Text, "set to the Mesos task's id"),
    option("taskmanager.host", Text, "the TaskManager's address; the agent's host when not set or `localhost`"),
    option("taskmanager.bind-host", Text, "where the TaskManager listens; everywhere when not set or `localhost`"),
    option("taskmanager.rpc.port", Text, "set to a port of the offer").default("0"),
    option("taskmanager.data.port", Integer, "set to a port of the offer").port().default("0"),
    option("io.tmp.dirs", Text, "folders for temporary files; the sandbox's when not set")
        .formerly(&["taskmanager.tmp.dirs"]),
    option("taskmanager.registration.timeout", Duration, "how long a TaskManager tries to register before it ends")
        .default("5 min")
        .formerly(&["taskmanager.maxRegistrationDuration"]),
    option(
        "external-resource.<name>.driver-factory.class",
        Text,
        "class that finds the external resource on the agent",
    ),
    option("external-resource.<name>.param.<param>", Text, "parameter of that class"),
    option(
        "taskmanager.rpc.bind-port",
        Integer,
        "where the RPC system listens, if that is another port than it is known by",
    ),
    option("taskmanager.data.bind-port", Text, "where data is taken, if that is another port than it is known by"),
    option(
        "taskmanager.data.ssl.enabled",
        Boolean,
        "TLS for the data between TaskManagers, where `security.ssl.internal.enabled` is",
    )
    .default("true"),
    option("taskmanager.collect-sink.port", Integer, "port for results that are collected; 0 is any free one")
        .port()
        .default("0")
        .since(1, 19),
    option("taskmanager.registration.initial-backoff", Duration, "first pause between two attempts to register")
        .default("500 ms")
        .formerly(&["taskmanager.initial-registration-pause"])
        .until(2, 0),
    option("taskmanager.registration.max-backoff", Duration, "longest such pause")
        .default("30 s")
        .formerly(&["taskmanager.max-registration-pause"])
        .until(2, 0),
    option("taskmanager.registration.refused-backoff", Duration, "pause after the JobManager has refused")
        .default("10 s")
        .formerly(&["taskmanager.refused-registration-pause"])
        .until(2, 0),
    option("taskmanager.slot.timeout", Duration, "how long a slot that was offered may stay without a task")
        .default("10 s"),
    option(
        "taskmanager.load-balance.mode",
        Enum(&["NONE", "SLOTS", "MIN_RESOURCES", "TASKS"]),
        "how slots are spread over TaskManagers",
    )
    .default("NONE")
    .since(1, 19),
    option(
        "taskmanager.jvm-exit-on-oom",
        Boolean,
        "end the JVM when it has no memory left, even if only a task noticed",
    )
    .default("false"),
    option("taskmanager.exit-on-fatal-akka-error", Boolean, "end when the RPC system has failed")
        .default("false")
        .until(2, 0),
    option("taskmanager.debug.memory.log", Boolean, "write the use of memory to the log")
        .default("false")
        .formerly(&["taskmanager.debug.memory.startLogThread"]),
    option("taskmanager.debug.memory.log-interval", Duration, "how often")
        .default("5 s")
        .formerly(&["taskmanager.debug.memory.logIntervalMs"]),
    option("taskmanager.log.path", Text, "log file that the web page shows, if it is another than `log.file`")
        .since(1, 19),
    option("taskmanager.system-out.mode", Enum(&["DEFAULT", "LOG", "IGNORE"]), "what becomes of what tasks print")
        .default("DEFAULT")
        .since(1, 19),
    option(
        "taskmanager.system-out.log.cache-upper-size",
        Memory,
        "longest line that goes from there to the log as a whole",
    )
    .default("100 kb")
    .since(1, 19),
    option("taskmanager.system-out.log.thread-name.enabled", Boolean, "with the name of the thread that printed it")
        .default("false")
        .since(1, 19),
    option("taskmanager.runtime.fs-timeout", Duration, "how long opening an input file may take; 0 is forever")
        .default("0 s")
        .formerly(&["taskmanager.runtime.fs_timeout"])
        .since(1, 19),
    option("taskmanager.runtime.hashjoin-bloom-filters", Boolean, "Bloom filters in hash joins of batch jobs")
        .default("false"),
    option("taskmanager.runtime.large-record-handler", Boolean, "sort large records apart").default("false"),
    option("taskmanager.runtime.max-fan", Integer, "files that are merged at once").default("128"),
    option(
        "taskmanager.runtime.sort-spilling-threshold",
        Number,
        "share of the memory at which sorted data goes to disk",
    )
    .default("0.8"),
    option(
        "process.working-dir",
        Text,
        "folder of what Flink keeps over a restart of its processes; in the sandbox when not set",
    ),
    option("process.taskmanager.working-dir", Text, "the same for TaskManagers"),
];
