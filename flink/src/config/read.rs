//! Values read as the type that an option's declaration has, within its bounds.
//!
//! [`Configuration::read`] takes an option and gives a value of its type, or the declared default.
//! So neither a key nor a default is written where an option is read.

use std::time::Duration;

use super::typed::{Typed, Written};
use super::{Configuration, ConfigurationError, MemorySize, Shape};
use crate::options::{Amount, Bounds, ConfigOption, Declaration, OptionType};

impl Configuration {
    /// What is configured for this option, within its bounds, or its default.
    pub fn read<T: Value>(&self, option: &ConfigOption<T>) -> Result<T, ConfigurationError> {
        T::read(self, option.declaration(), option.key())
    }

    /// The same with no bounds but those of its type: as Flink reads it, where the declared ones
    /// are narrower.
    pub fn read_unbounded<T: Value>(
        &self,
        option: &ConfigOption<T>,
    ) -> Result<T, ConfigurationError> {
        T::read(self, &Declaration { bounds: None, ..*option.declaration() }, option.key())
    }

    /// What is configured for an option of which the user names a part, with this name.
    pub fn read_named<T: Value>(
        &self,
        option: &ConfigOption<T>,
        name: &str,
    ) -> Result<T, ConfigurationError> {
        T::read(self, option.declaration(), &option.named(name))
    }

    /// The text that is configured for this option, or its default.
    pub fn text(&self, option: &ConfigOption<String>) -> &str {
        self.get(option).or(option.declaration().default).unwrap_or_default()
    }

    /// What is allowed for `key`, if its value has the right form and is out of the bounds of this
    /// option as one Flink line reads it.
    pub(crate) fn beyond(&self, key: &str, option: &Declaration) -> Option<String> {
        let bounds = option.bounds()?;
        let amount = match bounds {
            Bounds::Integer(..) => Amount::Integer(self.get_i64(key).ok()??),
            Bounds::Number(..) => Amount::Number(self.get_f64(key).ok()??),
            Bounds::Duration(..) => Amount::Duration(self.get_duration(key).ok()??),
            Bounds::Memory(..) => Amount::Memory(self.get_memory(key).ok()??.0),
        };
        (!bounds.contain(amount)).then(|| option.allowed()).flatten()
    }
}

/// What an option can be read as.
pub trait Value: OptionType + Sized {
    /// What is configured under this key, within the declared bounds, or the declared default.
    fn read(
        config: &Configuration,
        option: &Declaration,
        key: &str,
    ) -> Result<Self, ConfigurationError>;
}

/// A type whose values have one text each.
trait Parsed: OptionType + Sized {
    fn parsed(config: &Configuration, key: &str) -> Result<Option<Self>, ConfigurationError>;

    /// The value of this text, an option's default.
    fn of(text: Written<'_>) -> Option<Self>;

    /// How much it is, if it has bounds.
    fn amount(&self) -> Option<Amount>;
}

fn configured<T: Parsed>(
    config: &Configuration,
    option: &Declaration,
    key: &str,
) -> Result<Option<T>, ConfigurationError> {
    // Where the Flink that reads it has another type for it, its bounds are of that type.
    if !option.earlier.is_empty()
        && let Some(allowed) = config.beyond(key, &option.as_read_by(config.version()))
    {
        return Err(config.out_of_range(key, allowed));
    }
    let value = T::parsed(config, key).map_err(|error| match config.beyond(key, option) {
        // The bounds of an option are narrower than those of its type.
        Some(allowed) => config.out_of_range(key, allowed),
        None => error,
    })?;
    if option.earlier.is_empty()
        && let Some(amount) = value.as_ref().and_then(T::amount)
        && option.bounds().is_some_and(|bounds| !bounds.contain(amount))
    {
        return Err(config.out_of_range(key, option.allowed().unwrap_or_default()));
    }
    Ok(value)
}

impl<T: Parsed> Value for Option<T> {
    fn read(
        config: &Configuration,
        option: &Declaration,
        key: &str,
    ) -> Result<Self, ConfigurationError> {
        configured(config, option, key)
    }
}

impl<T: Parsed> Value for T {
    fn read(
        config: &Configuration,
        option: &Declaration,
        key: &str,
    ) -> Result<Self, ConfigurationError> {
        if let Some(value) = configured(config, option, key)? {
            return Ok(value);
        }
        // There is one: `ConfigOption::checked`.
        let default = option.default.unwrap_or_default();
        T::of(config.written(key, default, Shape::Text))
            .ok_or_else(|| config.out_of_range(key, "a default".to_owned()))
    }
}

macro_rules! parsed {
    ($($value:ty = $get:ident, $amount:expr;)+) => {$(
        impl Parsed for $value {
            fn parsed(config: &Configuration, key: &str) -> Result<Option<Self>, ConfigurationError> {
                config.$get(key)
            }

            fn of(text: Written<'_>) -> Option<Self> {
                Typed::of(text)
            }

            fn amount(&self) -> Option<Amount> {
                let amount: fn(&Self) -> Option<Amount> = $amount;
                amount(self)
            }
        }
    )+};
}

parsed! {
    i64 = get_i64, |number| Some(Amount::Integer(*number));
    f64 = get_f64, |number| Some(Amount::Number(*number));
    f32 = get_f32, |number| Some(Amount::Number(f64::from(*number)));
    bool = get_bool, |_| None;
    Duration = get_duration, |duration| Some(Amount::Duration(*duration));
    MemorySize = get_memory, |size| Some(Amount::Memory(size.0));
    Vec<String> = get_list, |_| None;
    Vec<(String, String)> = get_map, |_| None;
}

macro_rules! whole {
    ($($value:ident)+) => {$(
        impl Parsed for $value {
            fn parsed(config: &Configuration, key: &str) -> Result<Option<Self>, ConfigurationError> {
                let Some(number) = config.get_i64(key)? else { return Ok(None) };
                let allowed = || format!("0 to {}", Self::MAX);
                Self::try_from(number).map(Some).map_err(|_| config.out_of_range(key, allowed()))
            }

            fn of(text: Written<'_>) -> Option<Self> {
                Self::try_from(<i64 as Typed>::of(text)?).ok()
            }

            fn amount(&self) -> Option<Amount> {
                i64::try_from(*self).ok().map(Amount::Integer)
            }
        }
    )+};
}

whole!(u16 u32 u64 usize);

impl Parsed for String {
    fn parsed(config: &Configuration, key: &str) -> Result<Option<Self>, ConfigurationError> {
        Ok(config.get(key).map(str::to_owned))
    }

    fn of(text: Written<'_>) -> Option<Self> {
        Some(text.as_str().to_owned())
    }

    fn amount(&self) -> Option<Amount> {
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::Source;
    use super::*;
    use crate::options::mesos;

    fn with(key: &str, value: &str) -> Configuration {
        let mut config = Configuration::new();
        config.set(key, value, Source::DynamicProperty);
        config
    }

    #[test]
    fn a_reader_gets_what_is_configured_or_the_declared_default() {
        let nothing = Configuration::new();
        assert_eq!(nothing.read(&mesos::WORKER_SURGE).unwrap(), 1);
        assert_eq!(nothing.read(&mesos::WORKER_KILL_GRACE).unwrap(), Duration::from_secs(5));
        assert_eq!(nothing.read(&mesos::INITIAL_TASKS).unwrap(), None);
        assert_eq!(
            nothing.read(&mesos::EXECUTOR_LOG_LEVEL).unwrap(),
            None,
            "its default holds elsewhere"
        );
        assert_eq!(
            (nothing.text(&mesos::FRAMEWORK_NAME), nothing.text(&mesos::FRAMEWORK_USER)),
            ("Flink", "")
        );
        assert_eq!(with("mesos.workers", "7").read(&mesos::WORKERS).unwrap(), Some(7));
        assert_eq!(with("mesos.initial-tasks", "7").read(&mesos::INITIAL_TASKS).unwrap(), Some(7));
        let old = with("recovery.zookeeper.path.mesos-workers", "/old");
        assert_eq!(old.read(&mesos::ZOOKEEPER_PATH).unwrap(), "/old");
    }

    #[test]
    fn a_whole_number_that_its_type_cannot_hold_is_out_of_range() {
        let without_bounds: ConfigOption<Option<u16>> = crate::options::key("some.port");
        let error = with("some.port", "65536").read(&without_bounds).unwrap_err().to_string();
        assert_eq!(error, "some.port: 65536 is out of range (0 to 65535)");
    }
}
