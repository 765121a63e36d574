//! The daemon's settings: a table of keys, and their values from a file, the environment and flags.
//!
//! A later source overrides an earlier one: defaults, `/etc/flink-mesos/fetcher.toml`,
//! `FLINK_MESOS_FETCHER_*`, flags. All sources are read by the same rules, and an error names its
//! source.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use file::entries;
use values::{address, bytes, duration, format, level, number, path, socket};

pub use values::{LogFormat, human_bytes};

mod file;
mod values;

/// The default settings file. It need not exist.
pub const DEFAULT_FILE: &str = "/etc/flink-mesos/fetcher.toml";

/// The largest settings file, in bytes.
const LARGEST: u64 = 1 << 20;

/// Prefix of environment variables: `FLINK_MESOS_FETCHER_BUDGET` is for `budget`.
pub const VARIABLE_PREFIX: &str = "FLINK_MESOS_FETCHER_";

/// Variable with the artifact token for `prefetch`. It is not a setting.
pub const TOKEN_VARIABLE: &str = "FLINK_MESOS_FETCHER_TOKEN";

/// A setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name in the file and as a flag.
    pub key: &'static str,
    /// Its default.
    pub default: &'static str,
    /// Its meaning, and what is allowed.
    pub meaning: &'static str,
}

/// All settings, in the order of the documentation.
pub const SETTINGS: &[Setting] = &[
    setting(
        "socket",
        fetcher_client::DEFAULT_SOCKET,
        "socket for the executors of this host, an absolute path",
    ),
    setting("cache", "/var/cache/flink-mesos", "folder of the cache, an absolute path"),
    setting(
        "budget",
        "20 GiB",
        "cache size limit; files in use are never evicted, so the cache may exceed it",
    ),
    setting(
        "listen",
        "",
        "address and port for other machines, which get files and metrics there, e.g. `0.0.0.0:7080`; empty: do not listen",
    ),
    setting(
        "fetches",
        "16",
        "trees to fetch at the same time, 1 to 64; one user may use a quarter of these, and further fetches of that user wait",
    ),
    setting("connections", "4", "requests at the same time for each tree, 1 to 32"),
    setting("patience", "2 min", "how long to keep retrying a server that sends no data"),
    setting("grace", "30 s", "how long running fetches may continue when the daemon stops"),
    setting(
        "log",
        "info",
        "log level: `error`, `warn`, `info`, `debug` or `trace`, or a filter by part such as `warn,fetcher=debug`",
    ),
    setting("log-format", "text", "log format: `text`, or `json` with one object per line"),
];

const fn setting(key: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { key, default, meaning }
}

impl Setting {
    /// The environment variable that sets it.
    pub fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.key.replace('-', "_").to_ascii_uppercase())
    }
}

/// The settings of the daemon and its commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Socket for executors.
    pub socket: PathBuf,
    /// The cache's folder.
    pub cache: PathBuf,
    /// Size limit of the cache, in bytes.
    pub budget: u64,
    /// Address for other machines.
    pub listen: Option<SocketAddr>,
    /// Trees to fetch at the same time.
    pub fetches: usize,
    /// Requests at the same time for each tree.
    pub connections: usize,
    /// How long to retry a server that sends no data.
    pub patience: Duration,
    /// How long running fetches may continue when the daemon stops.
    pub grace: Duration,
    /// Filter for the log.
    pub log: String,
    /// Format of the log.
    pub log_format: LogFormat,
}

/// A setting is invalid or cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The file does not exist or cannot be read.
    #[error("{0}")]
    Read(String),
    /// The file is not valid TOML.
    #[error("{place}: {reason}")]
    Syntax {
        /// Where.
        place: ValueSource,
        /// Why it cannot be read.
        reason: String,
    },
    /// There is no such setting.
    #[error("{place}: `{key}` is not a setting (allowed: {})", keys())]
    Unknown {
        /// Where.
        place: ValueSource,
        /// The name.
        key: String,
    },
    /// The value is invalid.
    #[error("{place}: {key} = `{value}` {reason}")]
    Value {
        /// Where.
        place: ValueSource,
        /// The setting.
        key: &'static str,
        /// The value as given.
        value: String,
        /// Why it is invalid, and what is allowed.
        reason: String,
    },
}

/// The source of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueSource {
    /// The default.
    Default,
    /// A line of a file.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// A flag.
    Flag(&'static str),
}

impl fmt::Display for ValueSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::File(path, line) => write!(formatter, "{}:{line}", path.display()),
            Self::Variable(name) => write!(formatter, "environment variable {name}"),
            Self::Flag(key) => write!(formatter, "--{key}"),
        }
    }
}

fn keys() -> String {
    SETTINGS.iter().map(|setting| setting.key).collect::<Vec<_>>().join(", ")
}

/// The texts of all settings, not validated.
#[derive(Debug)]
pub struct Sources(BTreeMap<&'static str, (ValueSource, String)>);

impl Sources {
    /// Only defaults.
    pub fn defaults() -> Self {
        let defaults = SETTINGS
            .iter()
            .map(|setting| (setting.key, (ValueSource::Default, setting.default.to_owned())));
        Self(defaults.collect())
    }

    /// Reads a file. Blocks.
    pub fn read_file(&mut self, path: &Path) -> Result<(), SettingsError> {
        let text = common::files::read_text(path, LARGEST)
            .map_err(|error| SettingsError::Read(error.to_string()))?;
        for (place, key, value) in entries(path, &text)? {
            self.set(place, &key, value)?;
        }
        Ok(())
    }

    /// Reads the environment variables.
    pub fn read_variables(&mut self, variables: &[(String, String)]) -> Result<(), SettingsError> {
        for (name, value) in variables {
            let Some(rest) = name.strip_prefix(VARIABLE_PREFIX).filter(|_| name != TOKEN_VARIABLE)
            else {
                continue;
            };
            let key = rest.to_ascii_lowercase().replace('_', "-");
            self.set(ValueSource::Variable(name.clone()), &key, value.clone())?;
        }
        Ok(())
    }

    /// Reads a flag.
    pub fn read_flag(&mut self, setting: &Setting, value: String) {
        self.0.insert(setting.key, (ValueSource::Flag(setting.key), value));
    }

    fn set(&mut self, place: ValueSource, key: &str, value: String) -> Result<(), SettingsError> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            return Err(SettingsError::Unknown { place, key: key.to_owned() });
        };
        self.0.insert(setting.key, (place, value));
        Ok(())
    }

    /// The settings, if all values are valid.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        Ok(Settings {
            socket: self.value("socket", socket)?,
            cache: self.value("cache", |text| self.cache(text))?,
            budget: self.value("budget", bytes)?,
            listen: self.value("listen", address)?,
            fetches: self.value("fetches", |text| number(text, 1..=64))?,
            connections: self.value("connections", |text| number(text, 1..=32))?,
            patience: self.value("patience", duration)?,
            grace: self.value("grace", duration)?,
            log: self.value("log", level)?,
            log_format: self.value("log-format", format)?,
        })
    }

    /// Parses the path of the cache, which cannot be the socket's too.
    fn cache(&self, text: &str) -> Result<PathBuf, String> {
        let cache = path(text)?;
        if self.value("socket", socket).is_ok_and(|socket| socket == cache) {
            return Err(
                "is the path of the socket too: name another path for one of them".to_owned()
            );
        }
        Ok(cache)
    }

    /// All settings with their sources, for people.
    pub fn explain(&self) -> String {
        let mut lines = String::new();
        for setting in SETTINGS {
            let Some((place, text)) = self.0.get(setting.key) else { continue };
            // Writing to a string cannot fail.
            _ = writeln!(lines, "{} = {text:?} # {place}", setting.key);
        }
        lines
    }

    fn value<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SettingsError> {
        let (place, value) =
            self.0.get(key).cloned().unwrap_or((ValueSource::Default, String::new()));
        read(value.trim()).map_err(|reason| SettingsError::Value { place, key, value, reason })
    }
}

/// Parses a size in bytes, possibly zero, for flags that are not settings.
pub fn size_or_nothing(text: &str) -> Result<u64, String> {
    match text.trim() {
        "0" => Ok(0),
        text => bytes(text),
    }
}

/// The table of settings for the documentation, in Markdown.
pub fn reference() -> String {
    let mut table = String::from(
        "| key and flag | variable | default | meaning |\n| --- | --- | --- | --- |\n",
    );
    for setting in SETTINGS {
        let default = if setting.default.is_empty() {
            "(empty)".to_owned()
        } else {
            format!("`{}`", setting.default)
        };
        // Writing to a string cannot fail.
        _ = writeln!(
            table,
            "| `{}` | `{}` | {default} | {} |",
            setting.key,
            setting.variable(),
            setting.meaning
        );
    }
    table
}

#[cfg(test)]
mod tests;
