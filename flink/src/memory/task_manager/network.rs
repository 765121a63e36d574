//! Memory for network buffers.

use super::super::arithmetic::Share;
use super::{MemoryError, named};
use crate::config::{Configuration, MemorySize};
use crate::options::flink::{
    TASKMANAGER_MEMORY_NETWORK_FRACTION as FRACTION, TASKMANAGER_MEMORY_NETWORK_MAX as MAX,
    TASKMANAGER_MEMORY_NETWORK_MIN as MIN, TASKMANAGER_MEMORY_SEGMENT_SIZE as SEGMENT_SIZE,
    TASKMANAGER_NETWORK_NUMBEROFBUFFERS as BUFFERS,
};
use crate::version::FlinkVersion;

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
        return if network == left { Ok(left) } else { refused(named((BUFFERS.key(), network))) };
    }
    let share = share(config)?;
    if share.holds(left) {
        return Ok(left);
    }
    refused(format!("from {} to {}", named((MIN.key(), share.min)), named((MAX.key(), share.max))))
}

fn share(config: &Configuration) -> Result<Share, MemoryError> {
    let min = config.read_unbounded(&MIN)?;
    let max = config.read_unbounded(&MAX)?;
    Share::read(config, &FRACTION, (min, max))
}

/// The number of buffers that Flink 1.x takes when none of the three others is set.
fn from_buffers(
    config: &Configuration,
    version: &FlinkVersion,
) -> Result<Option<MemorySize>, MemoryError> {
    let newer_is_set =
        [MIN.key(), MAX.key(), FRACTION.key()].iter().any(|key| config.contains(key));
    if version.at_least(2, 0) || newer_is_set {
        return Ok(None);
    }
    let Some(buffers) = config.read_unbounded(&BUFFERS)? else { return Ok(None) };
    let page = config.read_unbounded(&SEGMENT_SIZE)?;
    if !(4096..=1 << 30).contains(&page.0) || !page.0.is_power_of_two() {
        let allowed = "a power of two from 4kb to 1gb";
        return Err(MemoryError::Number {
            key: SEGMENT_SIZE.key(),
            value: page.to_string(),
            allowed,
        });
    }
    // Both are small: the product is less than 2^61.
    u64::try_from(buffers).map(|number| Some(MemorySize(number * page.0))).map_err(|_| {
        MemoryError::Number {
            key: BUFFERS.key(),
            value: buffers.to_string(),
            allowed: "a number of buffers",
        }
    })
}
