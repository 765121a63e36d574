//! Flink's configuration: keys, values, and where each value came from.
//!
//! A key can be set more than once: by the file, then `FLINK_PROPERTIES`, then `FLINK_CONF_<key>`,
//! then `-D`; what is set last wins, and what was set before is remembered.
//!
//! Values are kept as Flink's text forms. Reading them as numbers, sizes or durations is in
//! `typed`, the two file formats in `flat` and `yaml`, and which of the two a Flink version reads
//! in `file`.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use crate::options;
use crate::version::FlinkVersion;

mod dynamic;
mod environment;
mod file;
mod flat;
mod read;
mod secret;
mod typed;
mod yaml;

pub use crate::memory_size::MemorySize;
pub use read::Value;

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Flink's or our own default.
    Default,
    /// A configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// Line of the key, counted from 1.
        line: Option<usize>,
    },
    /// `-Dkey=value`.
    DynamicProperty,
    /// An environment variable, by name.
    Environment(String),
    /// Worked out by us; the text says by what.
    Computed(&'static str),
    /// Set or rewritten by the overlay of this name.
    Overlay(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => write!(f, "default"),
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::DynamicProperty => write!(f, "-D"),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Computed(by) => write!(f, "computed by {by}"),
            Self::Overlay(name) => write!(f, "overlay {name}"),
        }
    }
}

/// How a value is written in `config.yaml`, so that a file read and written again keeps its types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Shape {
    /// Text: quoted where YAML would read it as something else.
    #[default]
    Text,
    /// A number or boolean.
    Literal,
    /// A sequence; the value is its flow form, e.g. `[a, 'b c']`.
    List,
}

/// One setting of a key; the last one of a key is its value.
#[derive(Clone)]
struct Setting {
    value: String,
    shape: Shape,
    source: Source,
}

#[derive(Clone)]
struct Entry {
    key: String,
    settings: Vec<Setting>,
}

impl Entry {
    fn last(&self) -> Option<&Setting> {
        self.settings.last()
    }

    fn all(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.settings.iter().map(|setting| (setting.value.as_str(), &setting.source))
    }
}

/// Ordered keys and values with their sources. Setting a key again replaces its value; what was
/// replaced is remembered, so that a person can see why a value won.
#[derive(Clone, Default)]
pub struct Configuration {
    entries: Vec<Entry>,
    /// Where the entry of a key stands.
    places: HashMap<String, usize>,
    reading: Reading,
}

/// How a Flink reads values as numbers, durations, lists: that depends on its version and on the
/// file that it found.
#[derive(Debug, Clone, Copy, Default)]
struct Reading {
    /// `None`: as the youngest.
    version: Option<FlinkVersion>,
    /// Is the file `flink-conf.yaml`? Then no value is YAML, wherever it came from.
    is_flat: bool,
}

/// An error in a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// The folder holds no file that this Flink version reads.
    #[error("no Flink configuration in {}: expected {expected}", directory.display())]
    Missing {
        /// The folder.
        directory: PathBuf,
        /// File names that would do.
        expected: &'static str,
    },
    /// A file or folder could not be read or written; the error names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file that Flink would refuse.
    #[error("{}:{line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// The error there.
        reason: String,
    },
    /// A value that does not have its key's form.
    #[error("{key}: '{value}' is not {allowed} (from {origin})")]
    Value {
        /// The key.
        key: String,
        /// Its value; stars for a secret one.
        value: String,
        /// The form it must have.
        allowed: &'static str,
        /// Where the value came from.
        origin: Source,
    },
    /// A number that is too small or too large.
    #[error("{key}: {value} is out of range ({allowed})")]
    Range {
        /// The key.
        key: String,
        /// Its value; stars for a secret one.
        value: String,
        /// The smallest and the largest value, with the unit.
        allowed: String,
    },
    /// `-D` with the key of an option that is no switch, and nothing else.
    #[error("-D{0} has no value: give -D{0}=VALUE", secret::shown_key(key))]
    NoValue {
        /// The key.
        key: String,
    },
    /// `-D` without a key.
    #[error("dynamic property '{argument}' has no key: expected key=value")]
    Argument {
        /// The text after `-D`; its value is left out.
        argument: String,
    },
    /// A line of `FLINK_PROPERTIES` that sets nothing.
    #[error("environment variable FLINK_PROPERTIES: line {line} is not 'key: value'")]
    Property {
        /// The line, counted from 1.
        line: usize,
    },
    /// A value that the file format cannot hold.
    #[error(
        "{} cannot be written to flink-conf.yaml, which Flink {version} reads: {reason}",
        secret::shown_key(key)
    )]
    Unwritable {
        /// The key.
        key: String,
        /// The Flink version.
        version: crate::version::FlinkVersion,
        /// What the format does not allow.
        reason: &'static str,
    },
    /// Another file in the folder would be read instead of the written one.
    #[error("Flink {version} would read {} instead of the configuration to be written", path.display())]
    Shadowed {
        /// The other file.
        path: PathBuf,
        /// The Flink version.
        version: crate::version::FlinkVersion,
    },
}

impl Configuration {
    /// An empty configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// A configuration of this value alone, which is read as it is read here.
    pub(crate) fn alone(&self, key: &str, value: &str) -> Self {
        let mut config = Self { reading: self.reading, ..Self::default() };
        let known = self.setting(key).filter(|setting| setting.value == value);
        let shape = known.map(|setting| setting.shape).unwrap_or_default();
        config.put(
            key.to_owned(),
            Setting { value: value.to_owned(), shape, source: Source::Default },
        );
        config
    }

    /// Reads values as this Flink does from now on.
    pub fn read_as(&mut self, version: FlinkVersion) {
        self.reading.version = Some(version);
    }

    /// The Flink that reads it, if it is known.
    pub fn version(&self) -> Option<FlinkVersion> {
        self.reading.version
    }

    /// The value of `key`, also when it is set under one of its deprecated names only.
    pub fn get(&self, key: &(impl AsRef<str> + ?Sized)) -> Option<&str> {
        self.setting(key.as_ref()).map(|setting| setting.value.as_str())
    }

    /// Is `key` set, under its own or a deprecated name?
    pub fn contains(&self, key: &(impl AsRef<str> + ?Sized)) -> bool {
        self.setting(key.as_ref()).is_some()
    }

    /// Where the value of `key` came from.
    pub fn source(&self, key: &(impl AsRef<str> + ?Sized)) -> Option<&Source> {
        self.setting(key.as_ref()).map(|setting| &setting.source)
    }

    /// Everything that set `key`, under the name that counts, in order: the last one won.
    pub fn settings(&self, key: &str) -> impl Iterator<Item = (&str, &Source)> {
        self.entry(key).into_iter().flat_map(Entry::all)
    }

    /// Everything that set this very name, and not an old one of it, the first one first.
    pub(crate) fn settings_named(&self, name: &str) -> impl Iterator<Item = (&str, &Source)> {
        self.named(name).into_iter().flat_map(Entry::all)
    }

    /// Sets `key`; its place in the order stays when it was there already.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>, source: Source) {
        self.put(key.into(), Setting { value: value.into(), shape: Shape::Text, source });
    }

    /// Sets `key` to what this is as a value in `config.yaml`: a number, a list. What is none is
    /// text.
    pub fn set_yaml(&mut self, key: &str, value: &str, source: Source) {
        let read = yaml::read(&format!("k: {value}\n")).unwrap_or_default();
        let shape = match read.as_slice() {
            [read] if read.key == "k" && read.value == value => read.shape,
            _ => Shape::Text,
        };
        self.put(key.to_owned(), Setting { value: value.to_owned(), shape, source });
    }

    /// The keys whose values mean another thing as text: those that `config.yaml` has as numbers or
    /// lists.
    pub fn yaml_keys(&self) -> impl Iterator<Item = &str> {
        let is_text = |setting: &Setting| match setting.shape {
            Shape::Text => true,
            // All others are read out of their text.
            Shape::Literal => !setting.value.contains('.'),
            Shape::List => false,
        };
        self.entries
            .iter()
            .filter(move |entry| entry.last().is_some_and(|last| !is_text(last)))
            .map(|entry| entry.key.as_str())
    }

    /// Removes `key` and its deprecated names.
    pub fn remove(&mut self, key: &str) {
        self.entries.retain(|entry| {
            entry.key != key && !options::deprecated_names(key).contains(&entry.key.as_str())
        });
        self.places =
            self.entries.iter().zip(0..).map(|(entry, place)| (entry.key.clone(), place)).collect();
    }

    /// All keys and values in their order, under the names they were set by.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .filter_map(|entry| Some((entry.key.as_str(), entry.last()?.value.as_str())))
    }

    /// Must the value of this key never be shown?
    pub fn is_secret(key: &str) -> bool {
        secret::is_secret(key)
    }

    /// Does a value of this key stay a secret whatever it is? `db.password` names one,
    /// `password.file` does not.
    pub fn names_secret(key: &str) -> bool {
        secret::names_secret(key)
    }

    /// Is this value a secret because of its key? `true`, a number or a class is none where the key
    /// only has the word in it, as in `security.delegation.tokens.enabled`.
    pub fn is_secret_value(key: &str, value: &str) -> bool {
        secret::is_secret_value(key, value)
    }

    /// Does this value hold a secret, by its key or by what is in it, such as an address with a
    /// password? Such a value goes to workers as a secret.
    pub fn holds_secret(key: &str, value: &str) -> bool {
        secret::holds_secret(key, value)
    }

    /// May any key or value in this text hold a secret? The text of a whole file is looked at in a
    /// fraction of the time that its keys and values take.
    pub fn may_hold_secret(text: &str) -> bool {
        secret::may_hold_secret(text)
    }

    /// A key as an error may show it: without what stands below the name of a secret, such as a
    /// password in braces, which YAML makes a part of the key.
    pub fn shown_key(key: &str) -> std::borrow::Cow<'_, str> {
        secret::shown_key(key)
    }

    /// A text as it may be shown: without addresses' users and queries, and without what follows
    /// the name of a secret.
    pub fn without_secrets(text: &str) -> std::borrow::Cow<'_, str> {
        secret::without_secrets(text)
    }

    /// A value of this key as it may be shown: a secret, a command and a container's variable not
    /// at all; any other value without addresses' users and queries, and without what follows the
    /// name of a secret.
    pub fn shown<'a>(key: &str, value: &'a str) -> std::borrow::Cow<'a, str> {
        secret::shown(key, value)
    }

    fn put(&mut self, key: String, setting: Setting) {
        if let Some(entry) = self.places.get(&key).and_then(|place| self.entries.get_mut(*place)) {
            entry.settings.push(setting);
            return;
        }
        self.places.insert(key.clone(), self.entries.len());
        self.entries.push(Entry { key, settings: vec![setting] });
    }

    fn setting(&self, key: &str) -> Option<&Setting> {
        self.entry(key).and_then(Entry::last)
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        self.named(key)
            .or_else(|| options::deprecated_names(key).iter().find_map(|name| self.named(name)))
    }

    /// The entry under this very name.
    fn named(&self, name: &str) -> Option<&Entry> {
        self.entries.get(*self.places.get(name)?)
    }
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|(key, value)| (key, secret::shown(key, value))))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn configuration(entries: &[(&str, &str)]) -> Configuration {
        let mut config = Configuration::new();
        for (key, value) in entries {
            config.set(*key, *value, Source::DynamicProperty);
        }
        config
    }

    #[test]
    fn the_last_setting_of_a_key_wins_and_keeps_its_place() {
        let mut config = configuration(&[("a", "1"), ("b", "2")]);
        config.set("a", "3", Source::Computed("test"));
        assert_eq!(config.iter().collect::<Vec<_>>(), [("a", "3"), ("b", "2")]);
        let history: Vec<_> =
            config.settings("a").map(|(value, source)| (value, source.to_string())).collect();
        assert_eq!(history, [("1", "-D".to_owned()), ("3", "computed by test".to_owned())]);
    }

    #[test]
    fn a_key_is_found_under_its_deprecated_name_unless_it_is_set_itself() {
        let mut config = configuration(&[("high-availability", "zookeeper")]);
        assert_eq!(config.get("high-availability.type"), Some("zookeeper"));
        config.set("high-availability.type", "NONE", Source::Default);
        assert_eq!(config.get("high-availability.type"), Some("NONE"));
        config.remove("high-availability.type");
        assert!(
            !config.contains("high-availability.type") && !config.contains("high-availability")
        );
    }

    #[test]
    fn debug_prints_no_secret() {
        let config = configuration(&[("security.ssl.key-password", "hush"), ("rest.port", "8081")]);
        let printed = format!("{config:?}");
        assert!(!printed.contains("hush") && printed.contains("8081"), "{printed}");
    }
}
