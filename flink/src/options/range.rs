//! Whether the value of a numeric option is in its bounds, and how bounds are printed.

use std::fmt;
use std::time::Duration;

use super::{Bounds, Declaration};
use crate::config::{Configuration, MemorySize};

/// What is allowed for `key`, if its value has the right form and is out of the bounds of this
/// option as one Flink line reads it.
pub(super) fn beyond(config: &Configuration, key: &str, option: &Declaration) -> Option<String> {
    let is_within = match option.bounds()? {
        Bounds::Integer(least, most) => (least..=most).contains(&config.get_i64(key).ok()??),
        Bounds::Number(least, most) => (least..=most).contains(&config.get_f64(key).ok()??),
        Bounds::Duration(least, most) => (least..=most).contains(&config.get_duration(key).ok()??),
        Bounds::Memory(least, most) => (least..=most).contains(&config.get_memory(key).ok()??.0),
    };
    (!is_within).then(|| allowed(option)).flatten()
}

/// The bounds as they are printed: `0 to 100000`, with the unit.
pub(super) fn allowed(option: &Declaration) -> Option<String> {
    let unit = option.unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    Some(format!("{}{unit}", option.bounds()?))
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
    use super::super::{all, check, find};
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
                let below = least
                    .checked_sub(Duration::from_millis(1))
                    .map(|time| format!("{} ms", time.as_millis()));
                let above = most.as_millis() + 1;
                [below, i64::try_from(above).is_ok().then(|| format!("{above} ms"))]
            }
            Bounds::Memory(least, most) => {
                let above = most.checked_add(1).filter(|most| i64::try_from(*most).is_ok());
                [least.checked_sub(1), above]
                    .map(|bytes| bytes.map(|bytes| format!("{bytes} bytes")))
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
                let [found] = check(&config)
                    .try_into()
                    .unwrap_or_else(|found| panic!("{key}: {value}: {found:?}"));
                let said = found.to_string();
                let expected =
                    format!("{key}: {value} is out of range ({})", allowed(option).unwrap());
                assert!(found.fatal && said.starts_with(&expected), "{said}, not {expected}");
                tried += 1;
            }
        }
        assert!(tried > 150, "{tried}");
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
