//! What each worker needs of an offer.

use std::{collections::BTreeMap, sync::Arc};

use flink::{
    config::Configuration,
    memory::TaskManagerMemory,
    options::{
        Bounds,
        flink::{
            TASKMANAGER_CPU_CORES as CORES, TASKMANAGER_DATA_PORT,
            TASKMANAGER_NUMBEROFTASKSLOTS as SLOTS, TASKMANAGER_RPC_PORT,
        },
        mesos::{
            EXECUTOR_CPUS, EXECUTOR_MEM, FRAMEWORK_USER, NETWORK_RESOURCE_NAME, TASKS_CPUS,
            TASKS_CPUS_LIMIT, TASKS_DISK, TASKS_GPUS, TASKS_MEM_LIMIT, TASKS_NETWORK_BANDWIDTH,
            TASKS_PORT_ASSIGNMENTS, TASKS_RESOURCES, TASKS_USER,
        },
    },
};
use scheduler::core::resources::Demand;

use super::{SettingsError, invalid};

/// Mesos counts CPUs in thousandths; a task with less would have none.
const LEAST_CPUS: f64 = 0.001;
/// Above this, a double no longer holds thousandths.
const MOST_AMOUNT: f64 = 1e12;
/// The largest amount of memory that a process can have, in MB.
const MOST_MEM: f64 = (1_u64 << 28) as f64;

pub(super) fn demand(
    config: &Configuration,
    memory: &TaskManagerMemory,
) -> Result<Demand, SettingsError> {
    let slots = config.read(&SLOTS)? as f64;
    let cores = config.read(&CORES)?.map(|cores| (CORES.key(), cores));
    let cpus = Some(config.read(&TASKS_CPUS)?).filter(|cpus| *cpus != 0.0);
    let configured = cores.or(cpus.map(|cpus| (TASKS_CPUS.key(), cpus)));
    if let Some((key, _)) = configured.filter(|(_, cpus)| *cpus < LEAST_CPUS) {
        // Only in upstream's option, 0 means one per slot.
        return Err(config
            .out_of_range(key, format!("{LEAST_CPUS} to {}", Bounds::MOST_CPUS))
            .into());
    }
    let cpus = configured.map_or(slots, |(_, cpus)| cpus);
    let mut task = BTreeMap::from([
        ("cpus".to_owned(), cpus),
        ("mem".to_owned(), memory.total_process().mebibytes() as f64),
    ]);
    let network = config.text(&NETWORK_RESOURCE_NAME);
    let options = [(TASKS_GPUS, "gpus"), (TASKS_DISK, "disk"), (TASKS_NETWORK_BANDWIDTH, network)];
    for (option, name) in options {
        let amount = config.read(&option)?;
        if amount > 0 {
            task.insert(name.to_owned(), amount as f64);
        }
    }
    for (name, amount) in config.read(&TASKS_RESOURCES)?.unwrap_or_default() {
        let number =
            amount.parse::<f64>().ok().filter(|number| (LEAST_CPUS..=MOST_AMOUNT).contains(number));
        let number = number.ok_or_else(|| {
            invalid(
                TASKS_RESOURCES.key(),
                config,
                format!("{name} needs an amount of {LEAST_CPUS} to {MOST_AMOUNT}"),
            )
        })?;
        if name == "ports" || task.contains_key(&name) {
            return Err(invalid(
                TASKS_RESOURCES.key(),
                config,
                format!("{name} has an option of its own"),
            ));
        }
        task.insert(name, number);
    }
    let executor = BTreeMap::from([
        ("cpus".to_owned(), config.read(&EXECUTOR_CPUS)?),
        ("mem".to_owned(), f64::from(config.read(&EXECUTOR_MEM)?)),
    ]);
    Ok(Demand { task, executor, ports: port_keys(config), privileged: runs_as_root(config) })
}

/// Whether the configuration says that tasks run as root; otherwise the agent chooses the user.
fn runs_as_root(config: &Configuration) -> bool {
    let tasks_user = config.get(&TASKS_USER).filter(|user| !user.is_empty());
    tasks_user.unwrap_or(config.text(&FRAMEWORK_USER)) == "root"
}

/// How much a TaskManager may use if its host has room, by resource name; infinite without a limit.
pub(super) fn limits(
    config: &Configuration,
    demand: &Demand,
) -> Result<BTreeMap<String, f64>, SettingsError> {
    let mut limits = BTreeMap::new();
    for (option, name) in [(TASKS_CPUS_LIMIT, "cpus"), (TASKS_MEM_LIMIT, "mem")] {
        let Some(text) = config.get(&option) else { continue };
        let least = demand.task.get(name).copied().unwrap_or(0.0);
        let limit = if text == "unlimited" { Some(f64::INFINITY) } else { text.parse().ok() };
        let most = if name == "cpus" { f64::from(Bounds::MOST_CPUS) } else { MOST_MEM };
        let allowed =
            || format!("{least}, which a TaskManager asks for, to {most}, or `unlimited`");
        let limit = limit
            .filter(|limit: &f64| (least..=most).contains(limit) || *limit == f64::INFINITY)
            .ok_or_else(|| invalid(option.key(), config, allowed()))?;
        limits.insert(name.to_owned(), limit);
    }
    Ok(limits)
}

fn port_keys(config: &Configuration) -> Vec<Arc<str>> {
    let mut keys: Vec<Arc<str>> =
        vec![TASKMANAGER_DATA_PORT.key().into(), TASKMANAGER_RPC_PORT.key().into()];
    let more = config.get(&TASKS_PORT_ASSIGNMENTS).unwrap_or_default();
    for key in more.split(',').map(str::trim).filter(|key| !key.is_empty()) {
        if !keys.iter().any(|known| **known == *key) {
            keys.push(key.into());
        }
    }
    keys
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;

    use super::*;

    fn config(options: &[(&str, &str)]) -> Configuration {
        let mut config = Configuration::default();
        for (key, value) in options.iter().chain(&[("taskmanager.memory.process.size", "1728m")]) {
            config.set(*key, *value, Source::DynamicProperty);
        }
        config
    }

    fn read(options: &[(&str, &str)]) -> Result<(Demand, BTreeMap<String, f64>), SettingsError> {
        let config = config(options);
        let memory = TaskManagerMemory::compute(&config, &"1.20.0".parse().unwrap()).unwrap();
        let demand = demand(&config, &memory)?;
        let limits = limits(&config, &demand)?;
        Ok((demand, limits))
    }

    #[test]
    fn any_scalar_of_the_agents_can_be_asked_for_by_its_name() {
        let (demand, _) = read(&[(TASKS_RESOURCES.key(), "fpga:2,licences:0.5")]).unwrap();
        assert_eq!((demand.total("fpga"), demand.total("licences")), (2.0, 0.5));
        for wrong in ["mem:5", "ports:1", "fpga:none", "fpga:0"] {
            let error = read(&[(TASKS_RESOURCES.key(), wrong)]).unwrap_err().to_string();
            assert!(error.starts_with(TASKS_RESOURCES.key()), "{error}");
        }
    }

    #[test]
    fn amounts_that_mesos_rounds_to_zero_or_cannot_count_are_refused_with_what_is_allowed() {
        for (key, value, part) in [
            (TASKS_CPUS.key(), "0.0001", "0.0001 is out of range (0.001 to 65535)"),
            (CORES.key(), "0.0001", "0.0001 is out of range (0.001 to 65535)"),
            (SLOTS.key(), "2147483647", "2147483647 is out of range (1 to 65535)"),
            (TASKS_CPUS.key(), "NaN", "NaN is out of range"),
            ("mesos.executor.mem", "9223372036854775807", "is out of range (1 to 1048576 MB)"),
            ("mesos.executor.cpus", "0.0001", "is out of range (0.001 to 1024)"),
            ("mesos.resourcemanager.tasks.gpus", "-1", "-1 is out of range (0 to 10000)"),
            (TASKS_RESOURCES.key(), "fpga:0.0001", "an amount of 0.001 to"),
        ] {
            let error = read(&[(key, value)]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{key}: ")) && error.contains(part), "{error}");
        }
        assert_eq!(read(&[(TASKS_CPUS.key(), "0")]).unwrap().0.task.get("cpus"), Some(&1.0));
    }

    #[test]
    fn a_limit_is_not_below_the_request_and_may_be_unlimited() {
        let (_, limits) =
            read(&[(TASKS_CPUS_LIMIT.key(), "unlimited"), (TASKS_MEM_LIMIT.key(), "2048")])
                .unwrap();
        assert_eq!(
            limits,
            BTreeMap::from([("cpus".to_owned(), f64::INFINITY), ("mem".to_owned(), 2048.0)])
        );
        for (key, wrong) in [
            (TASKS_MEM_LIMIT.key(), "1727"),
            (TASKS_CPUS_LIMIT.key(), "0.5"),
            (TASKS_CPUS_LIMIT.key(), "NaN"),
            (TASKS_MEM_LIMIT.key(), "much"),
            (TASKS_MEM_LIMIT.key(), "1e300"),
        ] {
            let error = read(&[(key, wrong)]).unwrap_err().to_string();
            assert!(error.starts_with(key) && error.contains("unlimited"), "{error}");
        }
    }
}
