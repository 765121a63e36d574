//! What each worker needs of an offer.

use std::{collections::BTreeMap, sync::Arc};

use overlays::{config::Configuration, memory::TaskManagerMemory};

use super::{SettingsError, invalid};
use crate::core::resources::Demand;

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
    let executor = BTreeMap::from([
        ("cpus".to_owned(), positive(config, "mesos.executor.cpus", 0.1)?),
        ("mem".to_owned(), positive(config, "mesos.executor.mem", 32.0)?),
    ]);
    Ok(Demand { task, executor, ports: port_keys(config) })
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
