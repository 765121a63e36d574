//! A TaskManager's other resources, its addresses, and what its process does.

use std::time::Duration;

use super::MILLISECONDS;
use crate::memory_size::MemorySize;
use crate::options::declare::{declare, key};
use crate::options::{Bounds, Earlier, Kind};

declare! {
    /// slots of a TaskManager
    option TASKMANAGER_NUMBEROFTASKSLOTS: i64 = key("taskmanager.numberOfTaskSlots")
        .between(1, Bounds::MOST_CPUS as i64).default("1");
    /// CPUs of a TaskManager; not set: one for each slot
    option TASKMANAGER_CPU_CORES: Option<f64> = key("taskmanager.cpu.cores")
        .within(Bounds::Number(0.001, Bounds::MOST_CPUS as f64));
    /// names of external resources, such as GPUs
    option EXTERNAL_RESOURCES: Vec<String> = key("external-resources").default("");
    /// amount of the external resource that a TaskManager has
    option EXTERNAL_RESOURCE_AMOUNT: Option<i64> = key("external-resource.<name>.amount").within(Bounds::LONG);
    /// set to the Mesos task's id
    option TASKMANAGER_RESOURCE_ID: Option<String> = key("taskmanager.resource-id");
    /// address of the TaskManager; not set or `localhost`: the agent's host
    option TASKMANAGER_HOST: Option<String> = key("taskmanager.host");
    /// address that the TaskManager listens on; not set or `localhost`: all
    option TASKMANAGER_BIND_HOST: Option<String> = key("taskmanager.bind-host");
    /// set to a port of the offer
    option TASKMANAGER_RPC_PORT: String = key("taskmanager.rpc.port").default("0");
    /// set to a port of the offer
    option TASKMANAGER_DATA_PORT: u16 = key("taskmanager.data.port").port().default("0");
    /// folders for temporary files; not set: a folder in the sandbox
    option IO_TMP_DIRS: Option<String> = key("io.tmp.dirs").formerly(&["taskmanager.tmp.dirs"]);
    /// how long a TaskManager tries to register before it exits
    option TASKMANAGER_REGISTRATION_TIMEOUT: Duration = key("taskmanager.registration.timeout")
        .default("5 min").formerly(&["taskmanager.maxRegistrationDuration"]);
    /// class that finds the external resource on the agent
    option _: Option<String> = key("external-resource.<name>.driver-factory.class");
    /// parameter of the driver factory class
    option _: Option<String> = key("external-resource.<name>.param.<param>");
    /// port that the RPC system listens on, if it differs from the advertised one
    option _: Option<i64> = key("taskmanager.rpc.bind-port");
    /// port that the data server listens on, if it differs from the advertised one
    option _: Option<String> =
        key("taskmanager.data.bind-port").ports().earlier(&[Earlier::before(1, 19, Kind::Integer)]);
    /// use TLS for data between TaskManagers if `security.ssl.internal.enabled` is `true`
    option _: bool = key("taskmanager.data.ssl.enabled").default("true");
    /// port for collected results; 0: any free port
    option _: i64 = key("taskmanager.collect-sink.port").port().default("0").since(1, 19);
    /// first pause between two attempts to register
    option _: Duration = key("taskmanager.registration.initial-backoff")
        .default("500 ms").formerly(&["taskmanager.initial-registration-pause"]).until(2, 0);
    /// longest pause between two attempts to register
    option _: Duration = key("taskmanager.registration.max-backoff")
        .default("30 s").formerly(&["taskmanager.max-registration-pause"]).until(2, 0);
    /// pause after the JobManager has refused a registration
    option _: Duration = key("taskmanager.registration.refused-backoff")
        .default("10 s").formerly(&["taskmanager.refused-registration-pause"]).until(2, 0);
    /// how long a slot that was offered may stay without a task
    option _: Duration = key("taskmanager.slot.timeout").default("10 s");
    /// how slots are spread over TaskManagers
    option _: String = key("taskmanager.load-balance.mode")
        .any_case_of(&["NONE", "SLOTS", "MIN_RESOURCES", "TASKS"]).default("NONE")
        .earlier(&[
            Earlier::before(2, 1, Kind::Enum(&["NONE", "SLOTS"])),
            Earlier::before(2, 2, Kind::Enum(&["NONE", "SLOTS", "MIN_RESOURCES"])),
        ])
        .since(1, 19);
    /// exit when the JVM runs out of memory, even if only a task is affected
    option _: bool = key("taskmanager.jvm-exit-on-oom").default("false");
    /// exit when the RPC system has failed
    option _: bool = key("taskmanager.exit-on-fatal-akka-error").default("false").until(2, 0);
    /// log the memory usage
    option _: bool = key("taskmanager.debug.memory.log")
        .default("false").formerly(&["taskmanager.debug.memory.startLogThread"]);
    /// interval between two log entries of the memory usage
    option _: Duration = key("taskmanager.debug.memory.log-interval")
        .default("5 s").earlier(MILLISECONDS).formerly(&["taskmanager.debug.memory.logIntervalMs"]);
    /// log file that the web page shows, if it differs from `log.file`
    option _: Option<String> = key("taskmanager.log.path").since(1, 19);
    /// how to handle what tasks print
    option _: String = key("taskmanager.system-out.mode")
        .any_case_of(&["DEFAULT", "LOG", "IGNORE"]).default("DEFAULT").since(1, 19);
    /// longest printed line that is logged as one entry
    option _: MemorySize = key("taskmanager.system-out.log.cache-upper-size").default("100 kb").since(1, 19);
    /// log the name of the thread that printed a line
    option _: bool = key("taskmanager.system-out.log.thread-name.enabled").default("false").since(1, 19);
    /// how long opening an input file may take; 0: forever
    option _: Duration = key("taskmanager.runtime.fs-timeout")
        .default("0 s").formerly(&["taskmanager.runtime.fs_timeout"]).since(1, 19);
    /// use Bloom filters in hash joins of batch jobs
    option _: bool = key("taskmanager.runtime.hashjoin-bloom-filters").default("false");
    /// sort large records separately
    option _: bool = key("taskmanager.runtime.large-record-handler").default("false");
    /// number of files to merge at once
    option _: i64 = key("taskmanager.runtime.max-fan").default("128");
    /// share of the memory at which sorted data goes to disk
    option _: f64 = key("taskmanager.runtime.sort-spilling-threshold").default("0.8");
    /// folder for what Flink keeps when its processes restart; not set: a folder in the sandbox
    option PROCESS_WORKING_DIR: Option<String> = key("process.working-dir");
    /// folder for what TaskManagers keep when they restart; not set: `process.working-dir`
    option PROCESS_TASKMANAGER_WORKING_DIR: Option<String> = key("process.taskmanager.working-dir");
    /// folders for local copies of state; not set: in the working folder
    option TASKMANAGER_STATE_LOCAL_ROOT_DIRS: Option<String> = key("taskmanager.state.local.root-dirs").until(1, 20);
    /// folders for local copies of state; not set: in the working folder
    option EXECUTION_CHECKPOINTING_LOCAL_BACKUP_DIRS: Option<String> = key("execution.checkpointing.local-backup.dirs")
        .formerly(&["taskmanager.state.local.root-dirs"]).since(1, 20);
    /// folders for RocksDB's files; not set: the folders for temporary files
    option STATE_BACKEND_ROCKSDB_LOCALDIR: Option<String> = key("state.backend.rocksdb.localdir");
}
