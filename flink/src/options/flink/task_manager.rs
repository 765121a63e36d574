//! A TaskManager's other resources, its addresses, and what its process does.

use super::{MILLISECONDS, option};
use crate::options::Kind::{Boolean, Duration, Enum, Integer, List, Memory, Number, Ports, Text};
use crate::options::{Bounds, Declaration, Earlier};

pub(in crate::options) const OPTIONS: &[Declaration] = &[
    option("taskmanager.numberOfTaskSlots", Integer, "slots of a TaskManager")
        .between(1, Bounds::MOST_CPUS as i64)
        .default("1"),
    option("taskmanager.cpu.cores", Number, "CPUs of a TaskManager; not set: one for each slot")
        .within(Bounds::Number(0.001, Bounds::MOST_CPUS as f64)),
    option("external-resources", List, "names of external resources, such as GPUs").default(""),
    option("external-resource.<name>.amount", Integer, "amount of the external resource that a TaskManager has")
        .within(Bounds::LONG),
    option("taskmanager.resource-id", Text, "set to the Mesos task's id"),
    option("taskmanager.host", Text, "address of the TaskManager; not set or `localhost`: the agent's host"),
    option("taskmanager.bind-host", Text, "address that the TaskManager listens on; not set or `localhost`: all"),
    option("taskmanager.rpc.port", Text, "set to a port of the offer").default("0"),
    option("taskmanager.data.port", Integer, "set to a port of the offer").port().default("0"),
    option("io.tmp.dirs", Text, "folders for temporary files; not set: a folder in the sandbox")
        .formerly(&["taskmanager.tmp.dirs"]),
    option("taskmanager.registration.timeout", Duration, "how long a TaskManager tries to register before it exits")
        .default("5 min")
        .formerly(&["taskmanager.maxRegistrationDuration"]),
    option(
        "external-resource.<name>.driver-factory.class",
        Text,
        "class that finds the external resource on the agent",
    ),
    option("external-resource.<name>.param.<param>", Text, "parameter of the driver factory class"),
    option(
        "taskmanager.rpc.bind-port",
        Integer,
        "port that the RPC system listens on, if it differs from the advertised one",
    ),
    option(
        "taskmanager.data.bind-port",
        Ports,
        "port that the data server listens on, if it differs from the advertised one",
    )
    .earlier(&[Earlier::before(1, 19, Integer)]),
    option(
        "taskmanager.data.ssl.enabled",
        Boolean,
        "use TLS for data between TaskManagers if `security.ssl.internal.enabled` is `true`",
    )
    .default("true"),
    option("taskmanager.collect-sink.port", Integer, "port for collected results; 0: any free port")
        .port()
        .default("0")
        .since(1, 19),
    option("taskmanager.registration.initial-backoff", Duration, "first pause between two attempts to register")
        .default("500 ms")
        .formerly(&["taskmanager.initial-registration-pause"])
        .until(2, 0),
    option("taskmanager.registration.max-backoff", Duration, "longest pause between two attempts to register")
        .default("30 s")
        .formerly(&["taskmanager.max-registration-pause"])
        .until(2, 0),
    option(
        "taskmanager.registration.refused-backoff",
        Duration,
        "pause after the JobManager has refused a registration",
    )
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
    .earlier(&[
        Earlier::before(2, 1, Enum(&["NONE", "SLOTS"])),
        Earlier::before(2, 2, Enum(&["NONE", "SLOTS", "MIN_RESOURCES"])),
    ])
    .since(1, 19),
    option(
        "taskmanager.jvm-exit-on-oom",
        Boolean,
        "exit when the JVM runs out of memory, even if only a task is affected",
    )
    .default("false"),
    option("taskmanager.exit-on-fatal-akka-error", Boolean, "exit when the RPC system has failed")
        .default("false")
        .until(2, 0),
    option("taskmanager.debug.memory.log", Boolean, "log the memory usage")
        .default("false")
        .formerly(&["taskmanager.debug.memory.startLogThread"]),
    option("taskmanager.debug.memory.log-interval", Duration, "interval between two log entries of the memory usage")
        .default("5 s")
        .earlier(MILLISECONDS)
        .formerly(&["taskmanager.debug.memory.logIntervalMs"]),
    option("taskmanager.log.path", Text, "log file that the web page shows, if it differs from `log.file`")
        .since(1, 19),
    option("taskmanager.system-out.mode", Enum(&["DEFAULT", "LOG", "IGNORE"]), "how to handle what tasks print")
        .default("DEFAULT")
        .since(1, 19),
    option("taskmanager.system-out.log.cache-upper-size", Memory, "longest printed line that is logged as one entry")
        .default("100 kb")
        .since(1, 19),
    option("taskmanager.system-out.log.thread-name.enabled", Boolean, "log the name of the thread that printed a line")
        .default("false")
        .since(1, 19),
    option("taskmanager.runtime.fs-timeout", Duration, "how long opening an input file may take; 0: forever")
        .default("0 s")
        .formerly(&["taskmanager.runtime.fs_timeout"])
        .since(1, 19),
    option("taskmanager.runtime.hashjoin-bloom-filters", Boolean, "use Bloom filters in hash joins of batch jobs")
        .default("false"),
    option("taskmanager.runtime.large-record-handler", Boolean, "sort large records separately").default("false"),
    option("taskmanager.runtime.max-fan", Integer, "number of files to merge at once").default("128"),
    option(
        "taskmanager.runtime.sort-spilling-threshold",
        Number,
        "share of the memory at which sorted data goes to disk",
    )
    .default("0.8"),
    option(
        "process.working-dir",
        Text,
        "folder for what Flink keeps when its processes restart; not set: a folder in the sandbox",
    ),
    option(
        "process.taskmanager.working-dir",
        Text,
        "folder for what TaskManagers keep when they restart; not set: `process.working-dir`",
    ),
];
