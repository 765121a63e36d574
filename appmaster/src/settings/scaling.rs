//! How many TaskManagers there may be, and when those that no job needs are stopped.

use std::time::Duration;

use flink::{
    config::Configuration,
    memory::TaskManagerMemory,
    options::{
        flink::{
            JOBMANAGER_SCHEDULER, RESOURCEMANAGER_TASKMANAGER_TIMEOUT, SCHEDULER_MODE,
            SLOTMANAGER_MAX_TOTAL_RESOURCE_CPU as MAX_CPU,
            SLOTMANAGER_MAX_TOTAL_RESOURCE_MEMORY as MAX_MEMORY,
            SLOTMANAGER_MIN_TOTAL_RESOURCE_CPU as MIN_CPU,
            SLOTMANAGER_MIN_TOTAL_RESOURCE_MEMORY as MIN_MEMORY,
            SLOTMANAGER_NUMBER_OF_SLOTS_MAX as MAX_SLOTS,
            SLOTMANAGER_NUMBER_OF_SLOTS_MIN as MIN_SLOTS, SLOTMANAGER_REDUNDANT_TASKMANAGER_NUM,
            TASKMANAGER_NUMBEROFTASKSLOTS,
        },
        mesos::{INITIAL_TASKS, WORKERS, WORKERS_MAX, WORKERS_MIN},
    },
};
use scheduler::core::scale::Scale;

use super::{SettingsError, invalid};

/// How many TaskManagers there may be.
#[derive(Clone, Debug)]
pub struct ScalingSettings {
    /// The bounds.
    pub scale: Scale,
    /// Slots of a TaskManager.
    pub slots: u64,
    /// TaskManagers to start beyond those that jobs need.
    pub spare: usize,
    /// How long a TaskManager must have been idle before it is stopped.
    pub idle_timeout: Duration,
    /// Whether the adaptive scheduler runs streaming jobs.
    pub adaptive: bool,
}

pub(super) fn scaling(
    config: &Configuration,
    memory: &TaskManagerMemory,
) -> Result<ScalingSettings, SettingsError> {
    let scheduler = config.read(&JOBMANAGER_SCHEDULER)?;
    Ok(ScalingSettings {
        scale: scale(config, memory)?,
        slots: u64::try_from(config.read(&TASKMANAGER_NUMBEROFTASKSLOTS)?).unwrap_or(1).max(1),
        spare: config.read(&SLOTMANAGER_REDUNDANT_TASKMANAGER_NUM)?,
        idle_timeout: config.read(&RESOURCEMANAGER_TASKMANAGER_TIMEOUT)?,
        adaptive: scheduler.eq_ignore_ascii_case("adaptive") || is_reactive(config),
    })
}

/// Whether one job uses all TaskManagers that there are.
pub(crate) fn is_reactive(config: &Configuration) -> bool {
    config.get(&SCHEDULER_MODE).is_some()
}

/// Whether any of our options says how many TaskManagers there are.
pub(crate) fn is_configured(config: &Configuration) -> bool {
    let keys = [&WORKERS, &INITIAL_TASKS, &WORKERS_MIN, &WORKERS_MAX];
    keys.into_iter().any(|option| config.contains(option))
}

fn scale(config: &Configuration, memory: &TaskManagerMemory) -> Result<Scale, SettingsError> {
    for option in [&WORKERS, &INITIAL_TASKS] {
        // The older option comes second.
        let Some(fixed) = config.read(option)? else { continue };
        if let Some(bound) =
            [&WORKERS_MIN, &WORKERS_MAX].into_iter().find(|it| config.contains(*it))
        {
            let reason =
                format!("{option} fixes the number of TaskManagers; remove one of the two options");
            return Err(invalid(bound.key(), config, reason));
        }
        return new(option.key(), fixed, fixed);
    }
    let (min, max) = (config.read(&WORKERS_MIN)?, config.read(&WORKERS_MAX)?);
    if is_reactive(config) && max.is_none() {
        let hint = "in reactive mode, a job wants as many TaskManagers as it can get";
        return Err(SettingsError::Missing { key: WORKERS_MAX.key(), hint });
    }
    let (least, most) = of_flink(config, memory)?;
    let (min_key, min) = min.map_or((least.0, least.1), |min| (WORKERS_MIN.key(), min));
    let (max_key, max) = max.map_or((most.0, most.1), |max| (WORKERS_MAX.key(), max));
    if min > max {
        let reason = format!(
            "at least {min} TaskManagers, but {max_key} allows at most {max}: raise that or lower this"
        );
        return Err(SettingsError::Named { key: min_key.to_owned(), reason });
    }
    new(min_key, min, max)
}

fn new(key: &'static str, min: usize, max: usize) -> Result<Scale, SettingsError> {
    Scale::new(min.min(Scale::MOST), max.min(Scale::MOST))
        .map_err(|error| SettingsError::Named { key: key.to_owned(), reason: error.to_string() })
}

/// A number of TaskManagers, and the option that it follows from.
type Bound = (&'static str, usize);

/// The bounds that Flink's own options give.
fn of_flink(
    config: &Configuration,
    memory: &TaskManagerMemory,
) -> Result<(Bound, Bound), SettingsError> {
    let slots = config.read(&TASKMANAGER_NUMBEROFTASKSLOTS)?.max(1) as f64;
    let (cores, bytes) = (memory.cpu_cores(), memory.for_tasks().0 as f64);
    let least = [
        (MIN_SLOTS.key(), Some(config.read(&MIN_SLOTS)? as f64 / slots)),
        (MIN_CPU.key(), config.read(&MIN_CPU)?.map(|cpus| cpus / cores)),
        (MIN_MEMORY.key(), config.read(&MIN_MEMORY)?.map(|size| size.0 as f64 / bytes)),
    ];
    let least = least.into_iter().filter_map(|(key, number)| Some((key, whole(number?.ceil()))));
    let least = least.max_by_key(|(_, number)| *number).unwrap_or((MIN_SLOTS.key(), 0));
    let most = [
        (MAX_SLOTS.key(), Some(config.read(&MAX_SLOTS)? as f64 / slots)),
        (MAX_CPU.key(), config.read(&MAX_CPU)?.map(|cpus| cpus / cores)),
        (MAX_MEMORY.key(), config.read(&MAX_MEMORY)?.map(|size| size.0 as f64 / bytes)),
    ];
    let most = most.into_iter().filter_map(|(key, number)| Some((key, whole(number?.floor()))));
    let most = most.min_by_key(|(_, number)| *number).unwrap_or((MAX_SLOTS.key(), Scale::MOST));
    if most.1 == 0 && !config.contains(&WORKERS_MAX) {
        let reason = "not even one TaskManager is allowed".to_owned();
        return Err(invalid(most.0, config, reason));
    }
    Ok((least, most))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within bounds")]
fn whole(number: f64) -> usize {
    number.clamp(0.0, Scale::MOST as f64) as usize
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;

    use super::*;

    fn read(options: &[(&str, &str)]) -> Result<ScalingSettings, SettingsError> {
        let mut config = Configuration::default();
        let memory = ("taskmanager.memory.process.size", "1728m");
        for (key, value) in options.iter().chain(&[memory, ("taskmanager.numberOfTaskSlots", "2")])
        {
            config.set(*key, *value, Source::DynamicProperty);
        }
        let memory = TaskManagerMemory::compute(&config, &"1.20.0".parse().unwrap()).unwrap();
        scaling(&config, &memory)
    }

    #[test]
    fn the_number_of_task_managers_is_fixed_or_follows_the_jobs_within_bounds() {
        for (options, expected) in [
            (&[][..], "0 or more"),
            (&[("mesos.workers", "3")], "3"),
            (&[("mesos.initial-tasks", "3")], "3"),
            (&[("mesos.initial-tasks", "3"), ("mesos.workers", "2")], "2"),
            (&[("mesos.workers.min", "1"), ("mesos.workers.max", "4")], "1 to 4"),
            (&[("mesos.workers.max", "4")], "0 to 4"),
            (&[("slotmanager.number-of-slots.max", "9")], "0 to 4"),
            (&[("slotmanager.number-of-slots.min", "9")], "5 or more"),
            (&[("slotmanager.max-total-resource.cpu", "7.5")], "0 to 3"),
            (&[("slotmanager.min-total-resource.cpu", "7.5")], "4 or more"),
            // Flink counts the memory of tasks, network and managed memory: 1 GB here.
            (&[("slotmanager.max-total-resource.memory", "2900m")], "0 to 2"),
            (&[("slotmanager.number-of-slots.max", "9"), ("mesos.workers.max", "10")], "0 to 10"),
            (&[("scheduler-mode", "reactive"), ("mesos.workers.max", "4")], "0 to 4"),
        ] {
            assert_eq!(read(options).unwrap().scale.to_string(), expected, "{options:?}");
        }
    }

    #[test]
    fn options_that_contradict_each_other_are_refused_with_both_names() {
        for (options, parts) in [
            (
                &[("mesos.workers", "3"), ("mesos.workers.min", "1")][..],
                ["mesos.workers.min: 1: mesos.workers fixes the number", "remove one"],
            ),
            (
                &[("mesos.initial-tasks", "3"), ("mesos.workers.max", "5")],
                ["mesos.workers.max: 5: mesos.initial-tasks fixes", "remove one"],
            ),
            (
                &[("mesos.workers.min", "5"), ("mesos.workers.max", "2")],
                ["mesos.workers.min: at least 5", "mesos.workers.max allows at most 2"],
            ),
            (
                &[("slotmanager.number-of-slots.min", "9"), ("mesos.workers.max", "2")],
                [
                    "slotmanager.number-of-slots.min: at least 5",
                    "mesos.workers.max allows at most 2",
                ],
            ),
            (
                &[("slotmanager.number-of-slots.max", "1")],
                ["slotmanager.number-of-slots.max: 1", "not even one TaskManager"],
            ),
            (
                &[("scheduler-mode", "reactive")],
                ["mesos.workers.max must be configured", "reactive mode"],
            ),
        ] {
            let error = read(options).unwrap_err().to_string();
            assert!(parts.iter().all(|part| error.contains(part)), "{error}");
        }
    }

    #[test]
    fn the_adaptive_scheduler_is_known_by_its_option_or_by_reactive_mode() {
        assert!(!read(&[]).unwrap().adaptive);
        assert!(read(&[("jobmanager.scheduler", "Adaptive")]).unwrap().adaptive);
        let reactive = [("scheduler-mode", "reactive"), ("mesos.workers", "1")];
        assert!(read(&reactive).unwrap().adaptive);
    }
}
