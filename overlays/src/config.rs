//! Flink's configuration: keys, values, and where each value came from.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::flink::FlinkVersion;

mod memory_size;

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

/// Ordered keys and values with their sources. A value is Flink's text form; a later `set` of one key wins.
#[derive(Clone, Default)]
pub struct Configuration {
    entries: Vec<(String, String, Source)>,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(key, value)| (key, if Self::is_secret(key) { "******" } else { value }));
        f.debug_map().entries(shown).finish()
    }
}

impl Configuration {
    /// An empty configuration.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `key`, also when it is set under one of its deprecated names.
    pub fn get(&self, key: &str) -> Option<&str> {
        todo!()
    }

    /// Where the value of `key` came from.
    pub fn source(&self, key: &str) -> Option<&Source> {
        todo!()
    }

    /// Sets `key`; its place in the order stays when it was there already.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>, source: Source) {
        todo!()
    }

    /// Removes `key` and its deprecated names.
    pub fn remove(&mut self, key: &str) {
        todo!()
    }

    /// All keys and values in order, as they were set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().map(|(key, value, _)| (key.as_str(), value.as_str()))
    }

    /// Reads the file that this Flink version would read: `flink-conf.yaml` up to 1.18 and, when present, in 1.19 and
    /// 1.20; else `config.yaml`.
    pub fn load(conf_dir: &Path, version: &FlinkVersion) -> Result<Self, ConfigurationError> {
        todo!()
    }

    /// Sets `key=value` texts as they come after `-D`; a key alone is `true`.
    pub fn apply_dynamic_properties(&mut self, arguments: &[String]) -> Result<(), ConfigurationError> {
        todo!()
    }

    /// The value as a whole number.
    pub fn get_i64(&self, key: &str) -> Result<Option<i64>, ConfigurationError> {
        todo!()
    }

    /// The value as a number.
    pub fn get_f64(&self, key: &str) -> Result<Option<f64>, ConfigurationError> {
        todo!()
    }

    /// The value as `true` or `false`, in any case.
    pub fn get_bool(&self, key: &str) -> Result<Option<bool>, ConfigurationError> {
        todo!()
    }

    /// The value as a Flink duration such as `10 s`, `5min`, `PT1M`; a bare number is milliseconds.
    pub fn get_duration(&self, key: &str) -> Result<Option<std::time::Duration>, ConfigurationError> {
        todo!()
    }

    /// The value as a Flink memory size such as `1728m` or `64 kb`; a bare number is bytes.
    pub fn get_memory(&self, key: &str) -> Result<Option<MemorySize>, ConfigurationError> {
        todo!()
    }

    /// The value as a list: a YAML sequence, or parts between semicolons.
    pub fn get_list(&self, key: &str) -> Result<Option<Vec<String>>, ConfigurationError> {
        todo!()
    }

    /// Writes the file that this Flink version reads into `conf_dir` (owner-only permissions) and returns its path.
    pub fn write(&self, conf_dir: &Path, version: &FlinkVersion) -> Result<PathBuf, ConfigurationError> {
        todo!()
    }

    /// Must the value of this key never be shown?
    pub fn is_secret(key: &str) -> bool {
        todo!()
    }
}
