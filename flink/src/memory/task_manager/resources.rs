//! CPU cores, slots and external resources.

use super::super::java_order::in_java_order;
use super::MemoryError;
use crate::config::Configuration;
use crate::java_number;
use crate::options::flink::{
    EXTERNAL_RESOURCE_AMOUNT, EXTERNAL_RESOURCES, TASKMANAGER_CPU_CORES,
    TASKMANAGER_NUMBEROFTASKSLOTS,
};

/// The configured cores, else one for each slot; Flink keeps eight decimals.
pub(super) fn cpu_cores(config: &Configuration) -> Result<f64, MemoryError> {
    let (key, cores) = match config.read_unbounded(&TASKMANAGER_CPU_CORES)? {
        Some(cores) => (TASKMANAGER_CPU_CORES.key(), cores),
        None => (TASKMANAGER_NUMBEROFTASKSLOTS.key(), slots(config)? as f64),
    };
    if cores > 0.0 && cores.is_finite() {
        return Ok(eight_decimals(cores));
    }
    let value = config.get(key).unwrap_or_default().to_owned();
    Err(MemoryError::Number { key, value, allowed: "a positive number" })
}

/// Slots of the TaskManager. That they are positive is checked through the cores, as Flink does.
pub(super) fn slots(config: &Configuration) -> Result<i64, MemoryError> {
    Ok(config.read_unbounded(&TASKMANAGER_NUMBEROFTASKSLOTS)?)
}

/// Names and amounts of the external resources that have one, in the order in which Flink lists
/// them.
pub(super) fn external_resources(
    config: &Configuration,
) -> Result<Vec<(String, i64)>, MemoryError> {
    let mut resources: Vec<(String, String)> = Vec::new();
    for name in config.read(&EXTERNAL_RESOURCES)? {
        let amount = config.read_named(&EXTERNAL_RESOURCE_AMOUNT, &name)?.unwrap_or(0);
        if name != "none" && amount > 0 && !resources.iter().any(|(known, _)| *known == name) {
            resources.push((name, amount.to_string()));
        }
    }
    let parsed = |(name, amount): (String, String)| Some((name, amount.parse().ok()?));
    Ok(in_java_order(resources).into_iter().filter_map(parsed).collect())
}

/// The resources as options.
pub(super) fn options(resources: &[(String, i64)]) -> Vec<(String, String)> {
    if resources.is_empty() {
        return vec![((&EXTERNAL_RESOURCES).into(), "none".to_owned())];
    }
    let names: Vec<&str> = resources.iter().map(|(name, _)| name.as_str()).collect();
    let mut options = vec![((&EXTERNAL_RESOURCES).into(), names.join(";"))];
    options.extend(
        resources
            .iter()
            .map(|(name, amount)| (EXTERNAL_RESOURCE_AMOUNT.named(name), amount.to_string())),
    );
    options
}

/// The number cut after eight decimals.
fn eight_decimals(number: f64) -> f64 {
    match java_number::digits(number) {
        Some((digits, exponent)) if exponent < -8 => {
            let cut = 10_u128
                .checked_pow(exponent.unsigned_abs() - 8)
                .map_or(0, |divisor| digits / divisor);
            format!("{cut}e-8").parse().unwrap_or(number)
        }
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::float_cmp)]
    use super::*;

    #[test]
    fn cores_are_cut_after_eight_decimals() {
        for (number, cut) in
            [(0.123_456_789_012, 0.123_456_78), (2.5, 2.5), (1e-9, 0.0), (1e-30, 0.0), (1e7, 1e7)]
        {
            assert_eq!(eight_decimals(number), cut);
        }
    }
}
