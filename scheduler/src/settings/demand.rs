//! What each worker needs of an offer.

use std::{collections::BTreeMap, sync::Arc};

use overlays::{config::Configuration, memory::TaskManagerMemory};

use super::{SettingsError, invalid};
use crate::core::resources::Demand;

const RESOURCES: &str = "mesos.resourcemanager.tasks.resources";
const CPUS_LIMIT: &str = "mesos.resourcemanager.tasks.cpus-limit";
const MEM_LIMIT: &str = "mesos.resourcemanager.tasks.mem-limit";

pub(super) fn demand(config: &Configuration, memory: &TaskManagerMemory) -> Result<Demand, SettingsError> {
    let slots = config.get_i64("taskmanager.numberOfTaskSlots")?.unwrap_or(1) as f64;
    let configured = config.get_f64("taskmanager.cpu.cores")?;
    let cpus = configured.or(config.get_f64("mesos.resourcemanager.tasks.cpus")?.filter(|n| *n > 0.0)).unwrap_or(slots);
    if cpus <= 0.0 {
        return Err(invalid("taskmanager.cpu.cores", config, "a TaskManager needs more than 0 cpus".to_owned()));
    }
    let mut task =
        BTreeMap::from([("cpus".to_owned(), cpus), ("mem".to_owned(), memory.total_process().mebibytes() as f64)]);
    let network = config.get("mesos.resourcemanager.network.resource.name").unwrap_or("network");
    let options = [
        ("mesos.resourcemanager.tasks.gpus", "gpus"),
        ("mesos.resourcemanager.tasks.disk", "disk"),
        ("mesos.resourcemanager.tasks.network.bandwidth", network),
    ];
    for (key, name) in options {
        let amount = config.get_i64(key)?.unwrap_or(0);
        if amount < 0 {
            return Err(invalid(key, config, "must not be negative".to_owned()));
        }
        if amount > 0 {
            task.insert(name.to_owned(), amount as f64);
        }
    }
    for (name, amount) in config.get_map(RESOURCES)?.unwrap_or_default() {
        let number = amount.parse::<f64>().ok().filter(|number| *number > 0.0 && number.is_finite());
        let number = number.ok_or_else(|| invalid(RESOURCES, config, format!("{name} needs an amount above 0")))?;
        if name == "ports" || task.contains_key(&name) {
            return Err(invalid(RESOURCES, config, format!("{name} has an option of its own")));
        }
        task.insert(name, number);
    }
    let executor = BTreeMap::from([
        ("cpus".to_owned(), positive(config, "mesos.executor.cpus", 0.1)?),
        ("mem".to_owned(), positive(config, "mesos.executor.mem", 32.0)?),
    ]);
    Ok(Demand { task, executor, ports: port_keys(config) })
}

/// How much a TaskManager may use where its host has room, by the resource's name; infinite where nothing bounds it.
pub(super) fn limits(config: &Configuration, demand: &Demand) -> Result<BTreeMap<String, f64>, SettingsError> {
    let mut limits = BTreeMap::new();
    for (key, name) in [(CPUS_LIMIT, "cpus"), (MEM_LIMIT, "mem")] {
        let Some(text) = config.get(key) else { continue };
        let least = demand.task.get(name).copied().unwrap_or(0.0);
        let limit = if text == "unlimited" { Some(f64::INFINITY) } else { text.parse().ok() };
        let allowed = || format!("a number, not below the {least} that a TaskManager asks for, or `unlimited`");
        let limit = limit.filter(|limit: &f64| *limit >= least).ok_or_else(|| invalid(key, config, allowed()))?;
        limits.insert(name.to_owned(), limit);
    }
    Ok(limits)
}

fn port_keys(config: &Configuration) -> Vec<Arc<str>> {
    let mut keys: Vec<Arc<str>> = vec!["taskmanager.data.port".into(), "taskmanager.rpc.port".into()];
    let more = config.get("mesos.resourcemanager.tasks.port-assignments").unwrap_or_default();
    for key in more.split(',').map(str::trim).filter(|key| !key.is_empty()) {
        if !keys.iter().any(|known| **known == *key) {
            keys.push(key.into());
        }
    }
    keys
}

fn positive(config: &Configuration, key: &'static str, default: f64) -> Result<f64, SettingsError> {
    match config.get_f64(key)? {
        None => Ok(default),
        Some(number) if number > 0.0 => Ok(number),
        Some(_) => Err(invalid(key, config, "must be more than 0".to_owned())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use overlays::config::Source;

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
        let (demand, _) = read(&[(RESOURCES, "fpga:2,licences:0.5")]).unwrap();
        assert_eq!((demand.total("fpga"), demand.total("licences")), (2.0, 0.5));
        for wrong in ["mem:5", "ports:1", "fpga:none", "fpga:0"] {
            let told = read(&[(RESOURCES, wrong)]).unwrap_err().to_string();
            assert!(told.starts_with(RESOURCES), "{told}");
        }
    }

    #[test]
    fn a_limit_is_not_below_what_is_asked_for_and_may_be_none() {
        let (_, limits) = read(&[(CPUS_LIMIT, "unlimited"), (MEM_LIMIT, "2048")]).unwrap();
        assert_eq!(limits, BTreeMap::from([("cpus".to_owned(), f64::INFINITY), ("mem".to_owned(), 2048.0)]));
        for (key, wrong) in [(MEM_LIMIT, "1727"), (CPUS_LIMIT, "0.5"), (CPUS_LIMIT, "NaN"), (MEM_LIMIT, "much")] {
            let told = read(&[(key, wrong)]).unwrap_err().to_string();
            assert!(told.starts_with(key) && told.contains("unlimited"), "{told}");
        }
    }
}
