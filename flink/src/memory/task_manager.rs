//! The TaskManager's memory, its CPU share and external resources: everything that it demands on
//! its command line.

use super::MemoryError;
use super::arithmetic::{Share, named, rest, sum};
use super::java_order::in_java_order;
use super::process::{Jvm, Options, legacy_heap};
use crate::config::{Configuration, MemorySize};
use crate::java_number;
use crate::options::flink::{
    TASKMANAGER_CPU_CORES, TASKMANAGER_HEAP_MB, TASKMANAGER_HEAP_SIZE,
    TASKMANAGER_MEMORY_FLINK_SIZE, TASKMANAGER_MEMORY_FRAMEWORK_HEAP_SIZE as FRAMEWORK_HEAP,
    TASKMANAGER_MEMORY_FRAMEWORK_OFF_HEAP_SIZE as FRAMEWORK_OFF_HEAP,
    TASKMANAGER_MEMORY_JVM_METASPACE_SIZE, TASKMANAGER_MEMORY_JVM_OVERHEAD_FRACTION,
    TASKMANAGER_MEMORY_JVM_OVERHEAD_MAX, TASKMANAGER_MEMORY_JVM_OVERHEAD_MIN,
    TASKMANAGER_MEMORY_MANAGED_FRACTION, TASKMANAGER_MEMORY_MANAGED_SIZE as MANAGED,
    TASKMANAGER_MEMORY_NETWORK_MAX, TASKMANAGER_MEMORY_NETWORK_MIN,
    TASKMANAGER_MEMORY_PROCESS_SIZE, TASKMANAGER_MEMORY_TASK_HEAP_SIZE as TASK_HEAP,
    TASKMANAGER_MEMORY_TASK_OFF_HEAP_SIZE as TASK_OFF_HEAP, TASKMANAGER_NUMBEROFTASKSLOTS,
};
use crate::version::FlinkVersion;

mod network;
mod resources;

use self::resources::{cpu_cores, external_resources, slots};

const OPTIONS: Options = Options {
    process_size: TASKMANAGER_MEMORY_PROCESS_SIZE,
    flink_size: TASKMANAGER_MEMORY_FLINK_SIZE,
    metaspace: TASKMANAGER_MEMORY_JVM_METASPACE_SIZE,
    overhead_min: TASKMANAGER_MEMORY_JVM_OVERHEAD_MIN,
    overhead_max: TASKMANAGER_MEMORY_JVM_OVERHEAD_MAX,
    overhead_fraction: TASKMANAGER_MEMORY_JVM_OVERHEAD_FRACTION,
    others: &[TASKMANAGER_HEAP_SIZE.key(), TASKMANAGER_HEAP_MB.key(), TASK_HEAP.key()],
};

/// The sizes of a TaskManager process, and the other resources that it is given.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskManagerMemory {
    flink: Flink,
    jvm: Jvm,
    total_process: MemorySize,
    cpu_cores: f64,
    slots: i64,
    external: Vec<(String, i64)>,
}

/// Flink's own memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Flink {
    framework_heap: MemorySize,
    framework_off_heap: MemorySize,
    task_heap: MemorySize,
    task_off_heap: MemorySize,
    network: MemorySize,
    managed: MemorySize,
}

impl TaskManagerMemory {
    /// Derives all sizes from what is configured.
    pub fn compute(config: &Configuration, version: &FlinkVersion) -> Result<Self, MemoryError> {
        let flink_size = match config.read_unbounded(&OPTIONS.flink_size)? {
            None if !version.at_least(2, 0) => {
                legacy_heap(config, &TASKMANAGER_HEAP_SIZE, &TASKMANAGER_HEAP_MB)?
            }
            size => size,
        };
        let (flink, jvm) = if let (Some(heap), Some(managed)) =
            (config.read_unbounded(&TASK_HEAP)?, config.read_unbounded(&MANAGED)?)
        {
            let flink = Flink::from_parts(config, version, (heap, managed), flink_size)?;
            (flink, OPTIONS.around_flink(config, flink.total()?)?)
        } else if let Some(size) = flink_size {
            (Flink::from_total(config, version, size)?, OPTIONS.around_flink(config, size)?)
        } else if let Some(process) = config.read_unbounded(&OPTIONS.process_size)? {
            let (jvm, size) = OPTIONS.inside_process(config, process)?;
            (Flink::from_total(config, version, size)?, jvm)
        } else {
            return Err(MemoryError::NotConfigured {
                process: "TaskManager",
                choices: "taskmanager.memory.process.size (or taskmanager.memory.flink.size, or both \
                          taskmanager.memory.task.heap.size and taskmanager.memory.managed.size)",
            });
        };
        Ok(Self {
            flink,
            jvm,
            total_process: sum(&[flink.total()?, jvm.metaspace, jvm.overhead])?,
            cpu_cores: cpu_cores(config)?,
            slots: slots(config)?,
            external: external_resources(config)?,
        })
    }

    /// All memory of the process: what its container must have.
    pub fn total_process(&self) -> MemorySize {
        self.total_process
    }

    /// The memory that Flink counts for limits of the whole cluster.
    pub fn for_tasks(&self) -> MemorySize {
        let Flink { task_heap, task_off_heap, network, managed, .. } = self.flink;
        MemorySize(task_heap.0 + task_off_heap.0 + network.0 + managed.0)
    }

    /// The CPU cores that the TaskManager is given.
    pub fn cpu_cores(&self) -> f64 {
        self.cpu_cores
    }

    /// `-Xmx…` and its fellows.
    pub fn jvm_flags(&self) -> Vec<String> {
        let heap = self.flink.framework_heap.0 + self.flink.task_heap.0;
        let direct =
            self.flink.framework_off_heap.0 + self.flink.task_off_heap.0 + self.flink.network.0;
        vec![
            format!("-Xmx{heap}"),
            format!("-Xms{heap}"),
            format!("-XX:MaxDirectMemorySize={direct}"),
            format!("-XX:MaxMetaspaceSize={}", self.jvm.metaspace.0),
        ]
    }

    /// The options that the TaskManager demands on its command line, in Flink's order.
    pub fn dynamic_options(&self) -> Vec<(String, String)> {
        let sizes = [
            (FRAMEWORK_HEAP.key(), self.flink.framework_heap),
            (FRAMEWORK_OFF_HEAP.key(), self.flink.framework_off_heap),
            (TASK_HEAP.key(), self.flink.task_heap),
            (TASK_OFF_HEAP.key(), self.flink.task_off_heap),
            (TASKMANAGER_MEMORY_NETWORK_MIN.key(), self.flink.network),
            (TASKMANAGER_MEMORY_NETWORK_MAX.key(), self.flink.network),
            (MANAGED.key(), self.flink.managed),
            (OPTIONS.metaspace.key(), self.jvm.metaspace),
            (OPTIONS.overhead_min.key(), self.jvm.overhead),
            (OPTIONS.overhead_max.key(), self.jvm.overhead),
        ];
        let mut options =
            vec![((&TASKMANAGER_CPU_CORES).into(), java_number::to_text(self.cpu_cores))];
        options.extend(sizes.map(|(key, size)| (key.to_owned(), format!("{}b", size.0))));
        options.push(((&TASKMANAGER_NUMBEROFTASKSLOTS).into(), self.slots.to_string()));
        options.extend(resources::options(&self.external));
        in_java_order(options)
    }
}

impl Flink {
    fn total(&self) -> Result<MemorySize, MemoryError> {
        sum(&[
            self.framework_heap,
            self.framework_off_heap,
            self.task_heap,
            self.task_off_heap,
            self.network,
            self.managed,
        ])
    }

    /// From the configured task heap and managed memory; the network gets what is left of the total
    /// when that is known.
    fn from_parts(
        config: &Configuration,
        version: &FlinkVersion,
        (task_heap, managed): (MemorySize, MemorySize),
        total: Option<MemorySize>,
    ) -> Result<Self, MemoryError> {
        let parts = Self { task_heap, managed, ..Self::fixed(config)? };
        let network = match total {
            Some(total) => network::rest(config, version, parts.rest_of(total)?)?,
            None => network::beside(config, version, parts.total()?)?,
        };
        Ok(Self { network, ..parts })
    }

    /// From the total: what is left goes to the task heap, or to the network when the task heap is
    /// configured.
    fn from_total(
        config: &Configuration,
        version: &FlinkVersion,
        total: MemorySize,
    ) -> Result<Self, MemoryError> {
        let fixed = Self::fixed(config)?;
        let managed = match config.read_unbounded(&MANAGED)? {
            Some(managed) => managed,
            None => Share::read(
                config,
                &TASKMANAGER_MEMORY_MANAGED_FRACTION,
                (MemorySize(0), MemorySize::MAX),
            )?
            .of(total)?,
        };
        if let Some(task_heap) = config.read_unbounded(&TASK_HEAP)? {
            let parts = Self { task_heap, managed, ..fixed };
            return Ok(Self {
                network: network::rest(config, version, parts.rest_of(total)?)?,
                ..parts
            });
        }
        let parts = Self { managed, network: network::inside(config, version, total)?, ..fixed };
        Ok(Self { task_heap: parts.rest_of(total)?, ..parts })
    }

    /// The parts with fixed defaults; the others are zero.
    fn fixed(config: &Configuration) -> Result<Self, MemoryError> {
        Ok(Self {
            framework_heap: config.read_unbounded(&FRAMEWORK_HEAP)?,
            framework_off_heap: config.read_unbounded(&FRAMEWORK_OFF_HEAP)?,
            task_heap: MemorySize(0),
            task_off_heap: config.read_unbounded(&TASK_OFF_HEAP)?,
            network: MemorySize(0),
            managed: MemorySize(0),
        })
    }

    /// What the known parts leave of `total`.
    fn rest_of(&self, total: MemorySize) -> Result<MemorySize, MemoryError> {
        let parts = [
            (FRAMEWORK_HEAP.key(), self.framework_heap),
            (FRAMEWORK_OFF_HEAP.key(), self.framework_off_heap),
            (TASK_HEAP.key(), self.task_heap),
            (TASK_OFF_HEAP.key(), self.task_off_heap),
            ("network memory", self.network),
            ("managed memory", self.managed),
        ];
        rest(
            ("Flink memory", total),
            &parts.into_iter().filter(|(_, size)| size.0 > 0).collect::<Vec<_>>(),
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Source;

    const V1: FlinkVersion = FlinkVersion { major: 1, minor: 20, patch: 5 };
    const V2: FlinkVersion = FlinkVersion { major: 2, minor: 3, patch: 0 };

    fn compute(
        entries: &[(&str, &str)],
        version: &FlinkVersion,
    ) -> Result<TaskManagerMemory, MemoryError> {
        let mut config = Configuration::new();
        for (key, value) in entries {
            config.set(*key, *value, Source::DynamicProperty);
        }
        TaskManagerMemory::compute(&config, version)
    }

    #[test]
    fn the_shipped_configuration_gives_the_sizes_that_flink_prints() {
        let memory = compute(&[("taskmanager.memory.process.size", "1728m")], &V1).unwrap();
        let flags = "-Xmx536870902 -Xms536870902 -XX:MaxDirectMemorySize=268435458 -XX:MaxMetaspaceSize=268435456";
        assert_eq!(memory.jvm_flags().join(" "), flags);
        assert_eq!(memory.total_process().to_string(), "1728m");
        let options = memory.dynamic_options();
        assert_eq!(
            options[0],
            ("taskmanager.memory.network.min".to_owned(), "134217730b".to_owned())
        );
        assert_eq!(options[1], ("taskmanager.cpu.cores".to_owned(), "1.0".to_owned()));
        assert_eq!(options.len(), 13);
    }

    #[test]
    fn a_process_that_is_too_small_is_refused_with_all_sizes() {
        let error =
            compute(&[("taskmanager.memory.process.size", "512m")], &V1).unwrap_err().to_string();
        assert!(
            error.contains("taskmanager.memory.framework.heap.size 128m")
                && error.contains("more than"),
            "{error}"
        );
        let error = compute(&[], &V1).unwrap_err().to_string();
        assert!(error.contains("set taskmanager.memory.process.size"), "{error}");
    }

    #[test]
    fn the_old_heap_size_counts_in_flink_1_only() {
        assert!(compute(&[("taskmanager.heap.size", "1g")], &V1).is_ok());
        assert!(compute(&[("taskmanager.heap.size", "1g")], &V2).is_err());
    }

    #[test]
    fn external_resources_are_told_as_plain_text() {
        let entries = [
            ("taskmanager.memory.process.size", "1728m"),
            ("external-resources", "gpu;fpga"),
            ("external-resource.gpu.amount", "2"),
            ("external-resource.fpga.amount", "0"),
        ];
        let options = compute(&entries, &V1).unwrap().dynamic_options();
        let value = |key: &str| {
            options.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
        };
        assert_eq!(value("external-resources"), Some("gpu"));
        assert_eq!(value("external-resource.gpu.amount"), Some("2"));
        assert_eq!(value("external-resource.fpga.amount"), None);
    }

    #[test]
    fn a_size_that_does_not_fit_is_told_by_the_key_that_the_user_wrote() {
        let mut config = Configuration::new();
        for (key, value) in
            [("taskmanager.heap.size", "3500m"), ("taskmanager.memory.process.size", "1728m")]
        {
            config.set(key, value, crate::config::Source::DynamicProperty);
        }
        let told = TaskManagerMemory::compute(&config, &"1.20.5".parse().unwrap())
            .unwrap_err()
            .to_string();
        assert!(told.contains("Flink memory (from taskmanager.heap.size) 3500m"), "{told}");
    }
}
