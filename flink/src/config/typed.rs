//! Values read as numbers, booleans, durations, sizes, lists and maps, in the forms that Flink's
//! own options take.

use std::time::Duration;

use super::{Configuration, ConfigurationError, MemorySize, Reading, Shape, secret, yaml};
use crate::java_number;

mod duration;
mod list;
mod map;

use self::list::parse_list;
use self::map::parse_map;

/// What all options of this project begin with; Flink does not read them.
pub(super) const OURS: &str = "mesos.";

/// The text of one value, with what decides how it is read.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    text: &'a str,
    shape: Shape,
    reading: Reading,
    /// Is it the value of an option that Flink does not read?
    is_ours: bool,
}

/// A type in which Flink's options have values.
pub(super) trait Typed: Sized {
    /// What its values look like, for messages.
    fn form(text: Written<'_>) -> &'static str;

    /// The value, if the text has the form.
    fn of(text: Written<'_>) -> Option<Self>;
}

impl Configuration {
    /// The value as a whole number.
    pub fn get_i64(&self, key: &str) -> Result<Option<i64>, ConfigurationError> {
        self.typed(key)
    }

    /// The value as a number, in the forms that Java reads and in those of `config.yaml`.
    pub fn get_f64(&self, key: &str) -> Result<Option<f64>, ConfigurationError> {
        self.typed(key)
    }

    /// The value as a number of single precision: Flink keeps its memory fractions so.
    pub(crate) fn get_f32(&self, key: &str) -> Result<Option<f32>, ConfigurationError> {
        self.typed(key)
    }

    /// The value as `true` or `false`, in any case.
    pub fn get_bool(&self, key: &str) -> Result<Option<bool>, ConfigurationError> {
        self.typed(key)
    }

    /// The value as a Flink duration such as `10 s`, `5min` or `PT1M`; a bare number is
    /// milliseconds. Options of Flink's have the forms that its version reads.
    pub fn get_duration(&self, key: &str) -> Result<Option<Duration>, ConfigurationError> {
        self.typed(key)
    }

    /// The value as a Flink memory size such as `1728m` or `64 kb`; a bare number is bytes.
    pub fn get_memory(&self, key: &str) -> Result<Option<MemorySize>, ConfigurationError> {
        self.typed(key)
    }

    /// The value as a list: a YAML sequence such as `[a, b]`, or parts between semicolons with
    /// quotes around parts that hold one.
    pub fn get_list(&self, key: &str) -> Result<Option<Vec<String>>, ConfigurationError> {
        self.typed(key)
    }

    /// The value as a map, in its order: `key1:value1,key2:value2` or a YAML mapping. Where the key
    /// itself is not set, the keys below it are the map, as `config.yaml` has it when it is written
    /// over several lines.
    pub fn get_map(&self, key: &str) -> Result<Option<Vec<(String, String)>>, ConfigurationError> {
        if let Some(map) = self.typed(key)? {
            return Ok(Some(map));
        }
        let below = self.iter().filter_map(|(known, value)| {
            let name = known.strip_prefix(key)?.strip_prefix('.')?;
            Some((name.to_owned(), value.to_owned()))
        });
        Ok(Some(below.collect::<Vec<_>>()).filter(|pairs| !pairs.is_empty()))
    }

    /// A text as the value of this key would be read.
    pub(super) fn written<'a>(&self, key: &str, text: &'a str, shape: Shape) -> Written<'a> {
        Written { text, shape, reading: self.reading, is_ours: key.starts_with(OURS) }
    }

    fn typed<T: Typed>(&self, key: &str) -> Result<Option<T>, ConfigurationError> {
        let Some(setting) = self.setting(key) else { return Ok(None) };
        let text = self.written(key, &setting.value, setting.shape);
        T::of(text).map(Some).ok_or_else(|| ConfigurationError::Value {
            key: key.to_owned(),
            value: secret::shown(key, &setting.value).into_owned(),
            allowed: T::form(text),
            origin: setting.source.clone(),
        })
    }

    /// The error of a value that is too small or too large.
    pub fn out_of_range(&self, key: &str, allowed: String) -> ConfigurationError {
        let value = secret::shown(key, self.get(key).unwrap_or_default()).into_owned();
        ConfigurationError::Range { key: key.to_owned(), value, allowed }
    }
}

impl<'a> Written<'a> {
    /// The text itself.
    pub(super) fn as_str(self) -> &'a str {
        self.text
    }

    fn durations(self) -> duration::Reader {
        duration::Reader::of(self.reading.version.filter(|_| !self.is_ours))
    }

    /// Whether a list or map may be YAML: not in a Flink that has read `flink-conf.yaml`.
    fn reads_yaml(self) -> bool {
        !self.reading.is_flat || self.is_ours
    }

    /// What `config.yaml` has as a number with a fraction, and not as text.
    fn yaml_number(self) -> Option<f64> {
        match self.text {
            _ if self.shape != Shape::Literal => None,
            ".inf" => Some(f64::INFINITY),
            "-.inf" => Some(f64::NEG_INFINITY),
            ".nan" => Some(f64::NAN),
            text if text.contains('.') => java_number::parse(text),
            _ => None,
        }
    }
}

/// Types of which the form is a constant.
macro_rules! typed {
    ($($value:ty, $form:expr, $of:expr;)+) => {$(
        impl Typed for $value {
            fn form(_: Written<'_>) -> &'static str {
                $form
            }

            fn of(text: Written<'_>) -> Option<Self> {
                $of(text)
            }
        }
    )+};
}

typed! {
    i64, "a whole number", |text: Written<'_>| text.text.parse().ok();
    f64, "a number", |text: Written<'_>| text.yaml_number().or_else(|| java_number::parse(text.text));
    f32, "a number", single;
    bool, "true or false", boolean;
    MemorySize, MemorySize::FORM, |text: Written<'_>| text.text.parse().ok();
    Vec<String>, list::FORM, |text: Written<'_>| parse_list(text.text, text.reads_yaml());
    Vec<(String, String)>, map::FORM, |text: Written<'_>| parse_map(text.text, text.reads_yaml());
}

impl Typed for Duration {
    fn form(text: Written<'_>) -> &'static str {
        text.durations().form()
    }

    fn of(text: Written<'_>) -> Option<Self> {
        text.durations().parse(text.text)
    }
}

fn single(text: Written<'_>) -> Option<f32> {
    if let Some(number) = text.yaml_number() {
        return single_precision(number);
    }
    let decimal = java_number::decimal_form(text.text)?;
    decimal.parse().ok().or_else(|| Some(java_number::parse(text.text)? as f32))
}

fn boolean(text: Written<'_>) -> Option<bool> {
    match text.text {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A list that Flink reads in `flink-conf.yaml`, as one for `config.yaml`, if that would read
/// another.
pub(super) fn standard_list(text: &str) -> Option<String> {
    let parts = parse_list(text, false)?;
    (parse_list(text, true).as_ref() != Some(&parts))
        .then(|| yaml::list_of(parts.iter().map(String::as_str)))
}

/// A map that Flink reads in `flink-conf.yaml`, as one for `config.yaml`, if that would read
/// another.
pub(super) fn standard_map(text: &str) -> Option<String> {
    let pairs = parse_map(text, false)?;
    let differs = parse_map(text, true).as_ref() != Some(&pairs);
    differs.then(|| yaml::map_of(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

/// A number of `config.yaml` in single precision; Flink refuses those that do not fit.
fn single_precision(number: f64) -> Option<f32> {
    let fits = (f64::from(f32::from_bits(1))..=f64::from(f32::MAX)).contains(&number.abs());
    (number == 0.0 || fits).then_some(number as f32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]
    use super::super::Source;
    use super::*;

    fn with(value: &str) -> Configuration {
        let mut config = Configuration::new();
        config.set("some.key", value, Source::DynamicProperty);
        config
    }

    #[test]
    fn a_key_that_is_not_set_has_no_value_of_any_type() {
        let config = Configuration::new();
        assert!(config.get_i64("k").unwrap().is_none() && config.get_list("k").unwrap().is_none());
    }

    #[test]
    fn a_value_of_the_wrong_form_is_refused_with_key_value_form_and_origin() {
        let error = with("yes").get_bool("some.key").unwrap_err();
        assert_eq!(error.to_string(), "some.key: 'yes' is not true or false (from -D)");
    }

    #[test]
    fn a_secret_of_the_wrong_form_is_refused_without_being_shown() {
        let mut config = Configuration::new();
        config.set("a.password", "hush", Source::DynamicProperty);
        assert!(!config.get_i64("a.password").unwrap_err().to_string().contains("hush"));
    }

    #[test]
    fn a_map_is_one_value_or_the_keys_below() {
        let expected =
            || Some(vec![("a".to_owned(), "1".to_owned()), ("b.c".to_owned(), "2".to_owned())]);
        assert_eq!(with("a:1,b.c:2").get_map("some.key").unwrap(), expected());
        let mut config = Configuration::new();
        config.set("some.key.a", "1", Source::DynamicProperty);
        config.set("some.key.b.c", "2", Source::DynamicProperty);
        config.set("some.keys", "3", Source::DynamicProperty);
        assert_eq!(config.get_map("some.key").unwrap(), expected());
        assert_eq!(config.get_map("other").unwrap(), None);
    }

    #[test]
    fn numbers_have_javas_forms() {
        assert_eq!(with("+7").get_i64("some.key").unwrap(), Some(7));
        assert!(with(" 7").get_i64("some.key").is_err());
        for (text, number) in [
            ("1d", 1.0),
            (" .5 ", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("-Infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(with(text).get_f64("some.key").unwrap(), Some(number), "{text}");
        }
        for text in ["inf", "nan", "", "1_0", "e5", "dd", "."] {
            assert!(with(text).get_f64("some.key").is_err(), "{text}");
        }
    }

    #[test]
    fn booleans_are_true_and_false_in_any_case_and_nothing_else() {
        assert_eq!(with("TRUE").get_bool("some.key").unwrap(), Some(true));
        assert_eq!(with("False").get_bool("some.key").unwrap(), Some(false));
        assert!(
            with(" true").get_bool("some.key").is_err() && with("1").get_bool("some.key").is_err()
        );
    }
}
