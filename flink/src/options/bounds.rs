//! The least and the largest value of every numeric option.

use std::fmt;
use std::time::Duration;

use super::{Declaration, Kind};
use crate::memory_size::MemorySize;

/// Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds {
    /// Of a whole number.
    Integer(i64, i64),
    /// Of a number.
    Number(f64, f64),
    /// Of a duration.
    Duration(Duration, Duration),
    /// Of a memory size, in bytes.
    Memory(u64, u64),
}

impl Bounds {
    /// What Java's `int` holds, which most of Flink's whole numbers are.
    pub const INT: Self = Self::Integer(i32::MIN as i64, i32::MAX as i64);
    /// What Java's `long` holds.
    pub const LONG: Self = Self::Integer(i64::MIN, i64::MAX);
    /// From nothing to what Java's `long` holds as milliseconds.
    pub const ANY_DURATION: Self =
        Self::Duration(Duration::ZERO, Duration::from_millis(i64::MAX as u64));
    /// Flink multiplies such a duration by ten, in milliseconds.
    pub(super) const TENTH_OF_ANY_DURATION: Self =
        Self::Duration(Duration::ZERO, Duration::from_millis(i64::MAX as u64 / 10));
    /// Memory of a process: from nothing to the largest address space that a processor gives one.
    pub(super) const PROCESS: Self = Self::Memory(0, 1 << 48);
    /// The same in MB.
    pub(super) const PROCESS_MB: Self = Self::Integer(0, (1 << 48) >> 20);
    /// CPUs of an agent, and slots, of which each gets a CPU where nothing else is said: several
    /// times what Linux can handle.
    pub const MOST_CPUS: u16 = u16::MAX;
    const ANY_NUMBER: Self = Self::Number(f64::NEG_INFINITY, f64::INFINITY);
    const ANY_MEMORY: Self = Self::Memory(0, i64::MAX as u64);

    /// Bounds in seconds.
    pub(super) const fn seconds(least: u64, most: u64) -> Self {
        Self::Duration(Duration::from_secs(least), Duration::from_secs(most))
    }
}

/// How much a value is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Amount {
    Integer(i64),
    Number(f64),
    Duration(Duration),
    /// In bytes.
    Memory(u64),
}

impl Bounds {
    /// Is the amount within them? One of another kind is not.
    pub(crate) fn contain(self, amount: Amount) -> bool {
        match (self, amount) {
            (Self::Integer(least, most), Amount::Integer(it)) => (least..=most).contains(&it),
            (Self::Number(least, most), Amount::Number(it)) => (least..=most).contains(&it),
            (Self::Duration(least, most), Amount::Duration(it)) => (least..=most).contains(&it),
            (Self::Memory(least, most), Amount::Memory(it)) => (least..=most).contains(&it),
            _ => false,
        }
    }
}

impl Declaration {
    /// The bounds of a numeric option: its own, or those of its kind.
    pub fn bounds(&self) -> Option<Bounds> {
        let of_kind = match self.kind {
            Kind::Integer => Bounds::INT,
            Kind::Number => Bounds::ANY_NUMBER,
            Kind::Duration => Bounds::ANY_DURATION,
            Kind::Memory => Bounds::ANY_MEMORY,
            _ => return None,
        };
        Some(self.bounds.unwrap_or(of_kind))
    }

    /// The bounds as they are printed: `0 to 100000`, with the unit.
    pub(crate) fn allowed(&self) -> Option<String> {
        let unit = self.unit.map(|unit| format!(" {unit}")).unwrap_or_default();
        Some(format!("{}{unit}", self.bounds()?))
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(least, most) => write!(f, "{least} to {most}"),
            Self::Number(least, most) => write!(f, "{least} to {most}"),
            Self::Duration(least, most) => write!(f, "{} to {}", duration(*least), duration(*most)),
            Self::Memory(least, most) => {
                write!(f, "{} to {}", MemorySize(*least), MemorySize(*most))
            }
        }
    }
}

/// A duration in the largest unit that holds it without a rest.
fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match duration.subsec_millis() {
        0 if seconds > 0 && seconds.is_multiple_of(86_400) => format!("{} d", seconds / 86_400),
        0 if seconds > 0 && seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        0 => format!("{seconds} s"),
        _ => format!("{} ms", duration.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Section, all, find};
    use super::*;

    #[test]
    fn each_numeric_option_of_ours_says_its_bounds_itself() {
        let ours =
            all().filter(|option| option.key.starts_with("mesos.") && option.bounds().is_some());
        let without: Vec<_> =
            ours.filter(|option| option.bounds.is_none()).map(|option| option.key).collect();
        assert_eq!(without, Vec::<&str>::new());
    }

    #[test]
    fn bounds_and_defaults_are_of_their_options_kinds() {
        for option in Section::ALL.into_iter().flat_map(Section::options) {
            let is_right = match (option.bounds, option.kind) {
                (None, _) | (Some(Bounds::Integer(..)), Kind::Integer) => true,
                (Some(Bounds::Number(..)), kind) => kind == Kind::Number,
                (Some(Bounds::Duration(..)), kind) => kind == Kind::Duration,
                (Some(Bounds::Memory(..)), kind) => kind == Kind::Memory,
                (Some(Bounds::Integer(..)), _) => false,
            };
            assert!(is_right, "{}", option.key);
        }
    }

    #[test]
    fn what_is_allowed_is_said_in_units_that_people_use() {
        let said = |key: &str| find(key).unwrap().allowed().unwrap();
        assert_eq!(said("mesos.workers"), "0 to 100000");
        assert_eq!(said("mesos.executor.mem"), "1 to 1048576 MB");
        assert_eq!(said("mesos.worker.kill-grace"), "0 s to 1 h");
        assert_eq!(said("resourcemanager.standalone.start-up-time"), "0 s to 248 d");
    }
}
