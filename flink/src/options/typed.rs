//! An option as its readers use it: its declaration, and the type of its value.
//!
//! [`Configuration::read`] takes it and gives a value of that type, or the declared default. So
//! neither a key nor a default is written where an option is read.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::{Declaration, Kind, range};
use crate::config::{Configuration, ConfigurationError, MemorySize};

/// An option whose value is a `T`: an `Option` if readers must know that nothing is configured, any
/// other type if it has a default.
pub struct ConfigOption<T> {
    pub(super) declaration: Declaration,
    value: PhantomData<fn() -> T>,
}

impl<T> ConfigOption<T> {
    pub(super) const fn new(declaration: Declaration) -> Self {
        Self { declaration, value: PhantomData }
    }

    /// Its key.
    pub const fn key(&self) -> &'static str {
        self.declaration.key
    }

    /// What the keys begin with of an option of which the user names a part, such as
    /// `mesos.artifacts.<name>`.
    pub const fn prefix(&self) -> &'static str {
        let key = self.key().as_bytes();
        let mut end = 0;
        while end < key.len() && key[end] != b'<' {
            end += 1;
        }
        self.key().split_at(end).0
    }

    /// The key of an option of which the user names a part, with this name.
    pub fn named(&self, name: &str) -> String {
        let (prefix, rest) = self.key().split_at(self.prefix().len());
        let after = rest.split_once('>').map_or("", |(_, after)| after);
        format!("{prefix}{name}{after}")
    }

    /// What is known of it.
    pub const fn declaration(&self) -> &Declaration {
        &self.declaration
    }
}

impl<T> AsRef<str> for ConfigOption<T> {
    fn as_ref(&self) -> &str {
        self.key()
    }
}

impl<T> From<&ConfigOption<T>> for String {
    fn from(option: &ConfigOption<T>) -> Self {
        option.key().to_owned()
    }
}

impl<T> fmt::Display for ConfigOption<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

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
}

/// What an option can be read as.
pub trait Value: Sized {
    /// What its text looks like.
    const KIND: Kind;
    /// Whether there is no value where none is configured and there is no default.
    const NEEDS_DEFAULT: bool = true;

    /// What is configured under this key, within the declared bounds, or the declared default.
    fn read(
        config: &Configuration,
        option: &Declaration,
        key: &str,
    ) -> Result<Self, ConfigurationError>;
}

/// A type whose values have one text each.
trait Parsed: Sized {
    const KIND: Kind;

    fn parsed(config: &Configuration, key: &str) -> Result<Option<Self>, ConfigurationError>;
}

fn configured<T: Parsed>(
    config: &Configuration,
    option: &Declaration,
    key: &str,
) -> Result<Option<T>, ConfigurationError> {
    match range::beyond(config, key, &option.as_read_by(config.version())) {
        Some(allowed) => Err(config.out_of_range(key, allowed)),
        None => T::parsed(config, key),
    }
}

impl<T: Parsed> Value for Option<T> {
    const KIND: Kind = T::KIND;
    const NEEDS_DEFAULT: bool = false;

    fn read(
        config: &Configuration,
        option: &Declaration,
        key: &str,
    ) -> Result<Self, ConfigurationError> {
        configured(config, option, key)
    }
}

impl<T: Parsed> Value for T {
    const KIND: Kind = T::KIND;

    fn read(
        config: &Configuration,
        option: &Declaration,
        key: &str,
    ) -> Result<Self, ConfigurationError> {
        if let Some(value) = configured(config, option, key)? {
            return Ok(value);
        }
        let alone = config.alone(key, option.default.unwrap_or_default());
        // There is one: `ConfigOption::checked`.
        T::parsed(&alone, key)?.ok_or_else(|| alone.out_of_range(key, "a default".to_owned()))
    }
}

macro_rules! parsed {
    ($($value:ty: $kind:ident = $get:ident;)+) => {$(
        impl Parsed for $value {
            const KIND: Kind = Kind::$kind;

            fn parsed(config: &Configuration, key: &str) -> Result<Option<Self>, ConfigurationError> {
                config.$get(key)
            }
        }
    )+};
}

parsed! {
    i64: Integer = get_i64;
    f64: Number = get_f64;
    f32: Number = get_f32;
    bool: Boolean = get_bool;
    Duration: Duration = get_duration;
    MemorySize: Memory = get_memory;
    Vec<String>: List = get_list;
    Vec<(String, String)>: Map = get_map;
}

macro_rules! whole {
    ($($value:ident)+) => {$(
        impl Parsed for $value {
            const KIND: Kind = Kind::Integer;

            fn parsed(config: &Configuration, key: &str) -> Result<Option<Self>, ConfigurationError> {
                let Some(number) = config.get_i64(key)? else { return Ok(None) };
                let allowed = || format!("0 to {}", Self::MAX);
                Self::try_from(number).map(Some).map_err(|_| config.out_of_range(key, allowed()))
            }
        }
    )+};
}

whole!(u16 u32 u64 usize);

impl Parsed for String {
    const KIND: Kind = Kind::Text;

    fn parsed(config: &Configuration, key: &str) -> Result<Option<Self>, ConfigurationError> {
        Ok(config.get(key).map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::declare::key;
    use super::super::{check, flink, mesos};
    use super::*;
    use crate::config::Source;

    fn with(key: &str, value: &str) -> Configuration {
        let mut config = Configuration::new();
        config.set(key, value, Source::DynamicProperty);
        config
    }

    #[test]
    fn a_reader_gets_what_is_configured_or_the_declared_default() {
        let nothing = Configuration::new();
        assert_eq!(nothing.read(&mesos::WORKERS).unwrap(), 1);
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
        assert_eq!(with("mesos.workers", "7").read(&mesos::WORKERS).unwrap(), 7);
        assert_eq!(with("mesos.initial-tasks", "7").read(&mesos::INITIAL_TASKS).unwrap(), Some(7));
        let old = with("recovery.zookeeper.path.mesos-workers", "/old");
        assert_eq!(old.read(&mesos::ZOOKEEPER_PATH).unwrap(), "/old");
    }

    #[test]
    fn a_reader_gets_the_error_that_the_check_reports() {
        for value in ["many", "-1", "100001", "9223372036854775808"] {
            let config = with("mesos.workers", value);
            let error = config.read(&mesos::WORKERS).unwrap_err().to_string();
            let reported = check(&config)[0].to_string();
            assert!(
                reported.starts_with(error.trim_end_matches(" (from -D)")),
                "{error}, {reported}"
            );
        }
    }

    #[test]
    fn a_whole_number_that_its_type_cannot_hold_is_out_of_range() {
        let without_bounds: ConfigOption<Option<u16>> = key("some.port");
        let error = with("some.port", "65536").read(&without_bounds).unwrap_err().to_string();
        assert_eq!(error, "some.port: 65536 is out of range (0 to 65535)");
    }

    #[test]
    fn keys_of_which_the_user_names_a_part_begin_with_the_rest() {
        assert_eq!(mesos::ARTIFACT.prefix(), "mesos.artifacts.");
        assert_eq!(mesos::WORKERS.prefix(), "mesos.workers");
        assert_eq!(flink::EXTERNAL_RESOURCE_AMOUNT.named("gpu"), "external-resource.gpu.amount");
    }
}
