//! What a Flink process needs beside Flink's own memory: the JVM's metaspace and overhead.

use super::MemoryError;
use super::arithmetic::{Share, named, rest, sum};
use crate::config::{Configuration, MemorySize};

/// The keys of one kind of process.
pub(super) struct Keys {
    pub(super) process_size: &'static str,
    pub(super) flink_size: &'static str,
    pub(super) metaspace: &'static str,
    pub(super) overhead_min: &'static str,
    pub(super) overhead_max: &'static str,
    pub(super) overhead_fraction: &'static str,
    /// What else says how large Flink's own memory is, for messages: these keys, if they are set.
    pub(super) others: &'static [&'static str],
}

/// Memory of the JVM itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Jvm {
    pub(super) metaspace: MemorySize,
    pub(super) overhead: MemorySize,
}

/// The size under `key`, or its default.
pub(super) fn size(config: &Configuration, key: &str, default: MemorySize) -> Result<MemorySize, MemoryError> {
    Ok(config.get_memory(key)?.unwrap_or(default))
}

impl Keys {
    /// The JVM's memory and what it leaves to Flink, when the size of the whole process is known.
    pub(super) fn inside_process(
        &self,
        config: &Configuration,
        process: MemorySize,
    ) -> Result<(Jvm, MemorySize), MemoryError> {
        let metaspace = self.metaspace(config)?;
        let overhead = self.overhead(config)?.of(process)?;
        let parts = [(self.metaspace, metaspace), ("JVM overhead", overhead)];
        let flink = rest((self.process_size, process), &parts)?;
        Ok((Jvm { metaspace, overhead }, flink))
    }

    /// The JVM's memory when Flink's own is known: what is left of the process when that is configured as well.
    pub(super) fn around_flink(&self, config: &Configuration, flink: MemorySize) -> Result<Jvm, MemoryError> {
        let metaspace = self.metaspace(config)?;
        let share = self.overhead(config)?;
        let Some(process) = config.get_memory(self.process_size)? else {
            let overhead = share.beside(sum(&[flink, metaspace])?)?;
            sum(&[flink, metaspace, overhead])?;
            return Ok(Jvm { metaspace, overhead });
        };
        let mut keys = std::iter::once(self.flink_size).chain(self.others.iter().copied());
        let set = keys.find(|key| config.contains(key));
        let name = set.map_or_else(|| "Flink memory".to_owned(), |key| format!("Flink memory (from {key})"));
        let parts = [(name.as_str(), flink), (self.metaspace, metaspace)];
        let overhead = rest((self.process_size, process), &parts)?;
        if !share.holds(overhead) {
            let min = named((self.overhead_min, share.min));
            let max = named((self.overhead_max, share.max));
            let allowed = format!("from {min} to {max}");
            return Err(MemoryError::OutOfBounds { left: overhead, part: "the JVM overhead", allowed });
        }
        Ok(Jvm { metaspace, overhead })
    }

    fn metaspace(&self, config: &Configuration) -> Result<MemorySize, MemoryError> {
        size(config, self.metaspace, MemorySize::of_mebibytes(256))
    }

    fn overhead(&self, config: &Configuration) -> Result<Share, MemoryError> {
        let min = size(config, self.overhead_min, MemorySize::of_mebibytes(192))?;
        let max = size(config, self.overhead_max, MemorySize::of_mebibytes(1024))?;
        Share::read(config, self.overhead_fraction, 0.1, (min, max))
    }
}

/// The heap size of Flink 1.x before 1.10, which 1.x still takes: a size, or a number of mebibytes.
pub(super) fn legacy_heap(
    config: &Configuration,
    size_key: &'static str,
    mebibytes_key: &'static str,
) -> Result<Option<MemorySize>, MemoryError> {
    if let Some(size) = config.get_memory(size_key)? {
        return Ok(Some(size));
    }
    let Some(mebibytes) = config.get_i64(mebibytes_key)? else { return Ok(None) };
    match u32::try_from(mebibytes) {
        Ok(mebibytes) if i32::try_from(mebibytes).is_ok() => Ok(Some(MemorySize::of_mebibytes(mebibytes.into()))),
        _ => Err(MemoryError::Number {
            key: mebibytes_key,
            value: mebibytes.to_string(),
            allowed: "a number of mebibytes",
        }),
    }
}
