//! What a Flink process needs beside Flink's own memory: the JVM's metaspace and overhead.

use super::MemoryError;
use super::arithmetic::{Share, named, rest, sum};
use crate::config::{Configuration, MemorySize};
use crate::options::ConfigOption;

/// The options of one kind of process.
pub(super) struct Options {
    pub(super) process_size: ConfigOption<Option<MemorySize>>,
    pub(super) flink_size: ConfigOption<Option<MemorySize>>,
    pub(super) metaspace: ConfigOption<MemorySize>,
    pub(super) overhead_min: ConfigOption<MemorySize>,
    pub(super) overhead_max: ConfigOption<MemorySize>,
    pub(super) overhead_fraction: ConfigOption<f32>,
    /// What else says how large Flink's own memory is, for messages: these keys, if they are set.
    pub(super) others: &'static [&'static str],
}

/// Memory of the JVM itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Jvm {
    pub(super) metaspace: MemorySize,
    pub(super) overhead: MemorySize,
}

impl Options {
    /// The JVM's memory and what it leaves to Flink, when the size of the whole process is known.
    pub(super) fn inside_process(
        &self,
        config: &Configuration,
        process: MemorySize,
    ) -> Result<(Jvm, MemorySize), MemoryError> {
        let metaspace = config.read_unbounded(&self.metaspace)?;
        let overhead = self.overhead(config)?.of(process)?;
        let parts = [(self.metaspace.key(), metaspace), ("JVM overhead", overhead)];
        let flink = rest((self.process_size.key(), process), &parts)?;
        Ok((Jvm { metaspace, overhead }, flink))
    }

    /// The JVM's memory when Flink's own is known: what is left of the process when that is
    /// configured as well.
    pub(super) fn around_flink(
        &self,
        config: &Configuration,
        flink: MemorySize,
    ) -> Result<Jvm, MemoryError> {
        let metaspace = config.read_unbounded(&self.metaspace)?;
        let share = self.overhead(config)?;
        let Some(process) = config.read_unbounded(&self.process_size)? else {
            let overhead = share.beside(sum(&[flink, metaspace])?)?;
            sum(&[flink, metaspace, overhead])?;
            return Ok(Jvm { metaspace, overhead });
        };
        let mut keys = std::iter::once(self.flink_size.key()).chain(self.others.iter().copied());
        let set = keys.find(|key| config.contains(key));
        let name = set
            .map_or_else(|| "Flink memory".to_owned(), |key| format!("Flink memory (from {key})"));
        let parts = [(name.as_str(), flink), (self.metaspace.key(), metaspace)];
        let overhead = rest((self.process_size.key(), process), &parts)?;
        if !share.holds(overhead) {
            let min = named((self.overhead_min.key(), share.min));
            let max = named((self.overhead_max.key(), share.max));
            let allowed = format!("from {min} to {max}");
            return Err(MemoryError::OutOfBounds {
                left: overhead,
                part: "the JVM overhead",
                allowed,
            });
        }
        Ok(Jvm { metaspace, overhead })
    }

    fn overhead(&self, config: &Configuration) -> Result<Share, MemoryError> {
        let min = config.read_unbounded(&self.overhead_min)?;
        let max = config.read_unbounded(&self.overhead_max)?;
        Share::read(config, &self.overhead_fraction, (min, max))
    }
}

/// The heap size of Flink 1.x before 1.10, which 1.x still takes: a size, or a number of mebibytes.
pub(super) fn legacy_heap(
    config: &Configuration,
    size: &ConfigOption<Option<MemorySize>>,
    mebibytes: &ConfigOption<Option<i64>>,
) -> Result<Option<MemorySize>, MemoryError> {
    if let Some(size) = config.read_unbounded(size)? {
        return Ok(Some(size));
    }
    let Some(number) = config.read_unbounded(mebibytes)? else { return Ok(None) };
    let refused = |_| MemoryError::Number {
        key: mebibytes.key(),
        value: number.to_string(),
        allowed: "a number of mebibytes",
    };
    u64::try_from(number).map(MemorySize::of_mebibytes).map(Some).map_err(refused)
}
