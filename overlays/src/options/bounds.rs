//! The least and the largest value of every numeric option.

use std::fmt;
use std::time::Duration;

use super::{ConfigOption, Kind, find};
use crate::config::{Configuration, MemorySize};

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
    pub const ANY_DURATION: Self = Self::Duration(Duration::ZERO, Duration::from_millis(i64::MAX as u64));
    /// Memory of a process: from nothing to the largest address space that a processor gives one.
    pub(super) const PROCESS: Self = Self::Memory(0, 1 << 48);
    /// The same in MB.
    pub(super) const PROCESS_MB: Self = Self::Integer(0, (1 << 48) >> 20);
    /// CPUs of an agent, and slots, of which each gets a CPU where nothing else is said: several times what Linux can handle.
    pub const MOST_CPUS: u16 = u16::MAX;
    const ANY_NUMBER: Self = Self::Number(f64::NEG_INFINITY, f64::INFINITY);
    const ANY_MEMORY: Self = Self::Memory(0, i64::MAX as u64);

    /// Bounds in seconds.
    pub(super) const fn seconds(least: u64, most: u64) -> Self {
        Self::Duration(Duration::from_secs(least), Duration::from_secs(most))
    }
}

impl ConfigOption {
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
}

/// What is allowed for `key`, if its value has the right form and is out of its option's bounds.
pub fn out_of_range(config: &Configuration, key: &str) -> Option<String> {
    let option = find(key)?;
    let is_within = match option.bounds()? {
        Bounds::Integer(least, most) => (least..=most).contains(&config.get_i64(key).ok()??),
        Bounds::Number(least, most) => (least..=most).contains(&config.get_f64(key).ok()??),
        Bounds::Duration(least, most) => (least..=most).contains(&config.get_duration(key).ok()??),
        Bounds::Memory(least, most) => (least..=most).contains(&config.get_memory(key).ok()??.0),
    };
    (!is_within).then(|| allowed(option)).flatten()
}

/// The bounds as they are printed: `0 to 100000`, with the unit.
pub(super) fn allowed(option: &ConfigOption) -> Option<String> {
    let unit = option.unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    Some(format!("{}{unit}", option.bounds()?))
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(least, most) => write!(f, "{least} to {most}"),
            Self::Number(least, most) => write!(f, "{least} to {most}"),
            Self::Duration(least, most) => write!(f, "{} to {}", duration(*least), duration(*most)),
            Self::Memory(least, most) => write!(f, "{} to {}", MemorySize(*least), MemorySize(*most)),
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
    use super::super::{Section, all, check};
    use super::*;
    use crate::config::Source;

    /// Values just outside of the bounds, in the option's form, where there are any.
    fn outside(bounds: Bounds) -> Vec<String> {
        let texts = match bounds {
            Bounds::Integer(least, most) => {
                [least.checked_sub(1), most.checked_add(1)].map(|n| n.map(|n| n.to_string()))
            }
            Bounds::Number(least, most) => [least - 0.001, most + 1.0]
                .map(|number| (number.is_finite() && number < 1e15).then(|| number.to_string())),
            Bounds::Duration(least, most) => {
                let below = least.checked_sub(Duration::from_millis(1)).map(|time| format!("{} ms", time.as_millis()));
                let above = most.as_millis() + 1;
                [below, i64::try_from(above).is_ok().then(|| format!("{above} ms"))]
            }
            Bounds::Memory(least, most) => {
                let above = most.checked_add(1).filter(|most| i64::try_from(*most).is_ok());
                [least.checked_sub(1), above].map(|bytes| bytes.map(|bytes| format!("{bytes} bytes")))
            }
        };
        texts.into_iter().flatten().collect()
    }

    #[test]
    fn every_value_outside_of_its_options_bounds_is_refused_with_key_value_and_what_is_allowed() {
        let mut tried = 0;
        for option in all() {
            let Some(bounds) = option.bounds() else { continue };
            let key = option.key.replace("<name>", "x");
            for value in outside(bounds) {
                let mut config = Configuration::new();
                config.set(&key, &value, Source::DynamicProperty);
                let [found] = check(&config).try_into().unwrap_or_else(|found| panic!("{key}: {value}: {found:?}"));
                let said = found.to_string();
                let expected = format!("{key}: {value} is out of range ({})", allowed(option).unwrap());
                assert!(found.fatal && said.starts_with(&expected), "{said}, not {expected}");
                tried += 1;
            }
        }
        assert!(tried > 150, "{tried}");
    }

    #[test]
    fn each_numeric_option_of_ours_says_its_bounds_itself() {
        let ours = all().filter(|option| option.key.starts_with("mesos.") && option.bounds().is_some());
        let without: Vec<_> = ours.filter(|option| option.bounds.is_none()).map(|option| option.key).collect();
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
        let said = |key: &str| allowed(find(key).unwrap()).unwrap();
        assert_eq!(said("mesos.workers"), "0 to 100000");
        assert_eq!(said("mesos.executor.mem"), "1 to 1048576 MB");
        assert_eq!(said("mesos.worker.kill-grace"), "0 s to 1 h");
        assert_eq!(said("resourcemanager.standalone.start-up-time"), "0 s to 248 d");
    }
}
