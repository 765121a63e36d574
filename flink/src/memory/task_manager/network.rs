//! Memory for network buffers.

use super::super::arithmetic::Share;
use super::super::process::size;
use super::{MemoryError, named};
use crate::config::{Configuration, MemorySize};
use crate::version::FlinkVersion;

pub(super) const MIN: &str = "taskmanager.memory.network.min";
pub(super) const MAX: &str = "taskmanager.memory.network.max";
const FRACTION: &str = "taskmanager.memory.network.fraction";
/// The number of buffers that Flink 1.x takes when none of the three others is set.
const BUFFERS: &str = "taskmanager.network.numberOfBuffers";
const SEGMENT_SIZE: &str = "taskmanager.memory.segment-size";

/// As a part of the Flink memory.
pub(super) fn inside(
    config: &Configuration,
    version: &FlinkVersion,
    flink: MemorySize,
) -> Result<MemorySize, MemoryError> {
    match from_buffers(config, version)? {
        Some(network) => Ok(network),
        None => share(config)?.of(flink),
    }
}

/// As a part of the Flink memory, of which all others are known.
pub(super) fn beside(
    config: &Configuration,
    version: &FlinkVersion,
    others: MemorySize,
) -> Result<MemorySize, MemoryError> {
    match from_buffers(config, version)? {
        Some(network) => Ok(network),
        None => share(config)?.beside(others),
    }
}

/// What is left of the Flink memory, if that is within the network's bounds.
pub(super) fn rest(
    config: &Configuration,
    version: &FlinkVersion,
    left: MemorySize,
) -> Result<MemorySize, MemoryError> {
    let refused = |allowed| Err(MemoryError::OutOfBounds { left, part: "the network", allowed });
    if let Some(network) = from_buffers(config, version)? {
        return if network == left { Ok(left) } else { refused(named((BUFFERS, network))) };
    }
    let share = share(config)?;
    if share.holds(left) {
        return Ok(left);
    }
    refused(format!("from {} to {}", named((MIN, share.min)), named((MAX, share.max))))
}

fn share(config: &Configuration) -> Result<Share, MemoryError> {
    let min = size(config, MIN, MemorySize::of_mebibytes(64))?;
    let max = size(config, MAX, MemorySize::MAX)?;
    Share::read(config, FRACTION, 0.1, (min, max))
}

fn from_buffers(config: &Configuration, version: &FlinkVersion) -> Result<Option<MemorySize>, MemoryError> {
    let newer_is_set = [MIN, MAX, FRACTION].iter().any(|key| config.contains(key));
    if version.at_least(2, 0) || newer_is_set {
        return Ok(None);
    }
    let Some(buffers) = config.get_i64(BUFFERS)? else { return Ok(None) };
    let page = size(config, SEGMENT_SIZE, MemorySize(32 << 10))?;
    if !(4096..=1 << 30).contains(&page.0) || !page.0.is_power_of_two() {
        let allowed = "a power of two from 4kb to 1gb";
        return Err(MemoryError::Number { key: SEGMENT_SIZE, value: page.to_string(), allowed });
    }
    match i32::try_from(buffers).map(u64::try_from) {
        Ok(Ok(number)) => Ok(Some(MemorySize(number * page.0))),
        _ => Err(MemoryError::Number { key: BUFFERS, value: buffers.to_string(), allowed: "a number of buffers" }),
    }
}
