//! Flink's configuration: keys, values, and where each value came from.
//!
//! A key can be set more than once: by the file, then `FLINK_PROPERTIES`, then `FLINK_CONF_<key>`, then `-D`; what is
//! set last wins, and what was set before is remembered.
//!
//! Values are kept as Flink's text forms. Reading them as numbers, sizes or durations is in `typed`, the two file
//! formats in `flat` and `yaml`, and which of the two a Flink version reads in `file`.

use std::fmt;
use std::path::PathBuf;

mod deprecated;
mod dynamic;
mod environment;
mod explain;
mod file;
mod flat;
mod memory_size;
mod secret;
mod typed;
mod yaml;

pub use memory_size::MemorySize;

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
}

/// Ordered keys and values with their sources. Setting a key again replaces its value; what was replaced is remembered,
/// so that a person can be told why a value won.
#[derive(Clone, Default)]
pub struct Configuration {
    entries: Vec<Entry>,
}

/// What is wrong with a configuration.
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
        /// What is wrong there.
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
    #[error("{key} cannot be written to flink-conf.yaml, which Flink {version} reads: {reason}")]
    Unwritable {
        /// The key.
        key: String,
        /// The Flink version.
        version: crate::flink::FlinkVersion,
        /// What the format does not allow.
        reason: &'static str,
    },
    /// Another file in the folder would be read instead of the written one.
    #[error("Flink {version} would read {} instead of the configuration to be written", path.display())]
    Shadowed {
        /// The other file.
        path: PathBuf,
        /// The Flink version.
        version: crate::flink::FlinkVersion,
    },
}

impl Configuration {
    /// An empty configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`, also when it is set under one of its deprecated names only.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.setting(key).map(|setting| setting.value.as_str())
    }

    /// Is `key` set, under its own or a deprecated name?
    pub fn contains(&self, key: &str) -> bool {
        self.setting(key).is_some()
    }

    /// Where the value of `key` came from.
    pub fn source(&self, key: &str) -> Option<&Source> {
        self.setting(key).map(|setting| &setting.source)
    }

    /// Everything that set `key`, under the name that counts, in order: the last one won.
    pub fn settings(&self, key: &str) -> impl Iterator<Item = (&str, &Source)> {
        let entry = self.entry(key);
        entry.into_iter().flat_map(|entry| entry.settings.iter().map(|s| (s.value.as_str(), &s.source)))
    }

    /// Sets `key`; its place in the order stays when it was there already.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>, source: Source) {
        self.put(key.into(), Setting { value: value.into(), shape: Shape::Text, source });
    }

    /// Removes `key` and its deprecated names.
    pub fn remove(&mut self, key: &str) {
        self.entries.retain(|entry| entry.key != key && !deprecated::names(key).contains(&entry.key.as_str()));
    }

    /// All keys and values in order, under the names they were set by.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().filter_map(|entry| Some((entry.key.as_str(), entry.last()?.value.as_str())))
    }

    /// Must the value of this key never be shown?
    pub fn is_secret(key: &str) -> bool {
        secret::is_secret(key)
    }

    /// A value of this key as it may be shown: a secret not at all, an address without its user part.
    pub fn shown<'a>(key: &str, value: &'a str) -> std::borrow::Cow<'a, str> {
        secret::shown(key, value)
    }

    fn put(&mut self, key: String, setting: Setting) {
        match self.entries.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => entry.settings.push(setting),
            None => self.entries.push(Entry { key, settings: vec![setting] }),
        }
    }

    fn setting(&self, key: &str) -> Option<&Setting> {
        self.entry(key).and_then(Entry::last)
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        let named = |name: &str| self.entries.iter().find(|entry| entry.key == name);
        named(key).or_else(|| deprecated::names(key).iter().find_map(|name| named(name)))
    }
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(key, value)| (key, secret::shown(key, value)))).finish()
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
        let history: Vec<_> = config.settings("a").map(|(value, source)| (value, source.to_string())).collect();
        assert_eq!(history, [("1", "-D".to_owned()), ("3", "computed by test".to_owned())]);
    }

    #[test]
    fn a_key_is_found_under_its_deprecated_name_unless_it_is_set_itself() {
        let mut config = configuration(&[("high-availability", "zookeeper")]);
        assert_eq!(config.get("high-availability.type"), Some("zookeeper"));
        config.set("high-availability.type", "NONE", Source::Default);
        assert_eq!(config.get("high-availability.type"), Some("NONE"));
        config.remove("high-availability.type");
        assert!(!config.contains("high-availability.type") && !config.contains("high-availability"));
    }

    #[test]
    fn debug_prints_no_secret() {
        let config = configuration(&[("security.ssl.key-password", "hush"), ("rest.port", "8081")]);
        let printed = format!("{config:?}");
        assert!(!printed.contains("hush") && printed.contains("8081"), "{printed}");
    }
}
