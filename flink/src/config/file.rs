//! The configuration's file: which one a Flink version reads, reading it and writing it.

use std::path::{Path, PathBuf};

use super::typed::{self, OURS};
use super::{Configuration, ConfigurationError, Entry, Reading, Setting, Source, flat, yaml};
use crate::options;
use crate::version::FlinkVersion;

/// The old file: Flink's own loose format.
const FLAT: &str = "flink-conf.yaml";
/// The new file: real YAML.
const YAML: &str = "config.yaml";
/// So many lines that are no settings are named one by one.
const MOST_WARNINGS: usize = 20;

impl Configuration {
    /// Names of the files that a configuration is read from.
    pub const FILES: [&'static str; 2] = [YAML, FLAT];

    /// Reads the file that this Flink version would read: `flink-conf.yaml` up to 1.18, and in 1.19
    /// and 1.20 when there is one; else `config.yaml`.
    pub fn load(conf_dir: &Path, version: &FlinkVersion) -> Result<Self, ConfigurationError> {
        let names = Self::names(version);
        let Some(path) = Self::file(conf_dir, version) else {
            let expected = match names {
                [_, _, ..] => "config.yaml or flink-conf.yaml",
                [only] => only,
                [] => YAML,
            };
            return Err(ConfigurationError::Missing { directory: conf_dir.to_owned(), expected });
        };
        let is_flat = path.ends_with(FLAT);
        let reading = Reading { version: Some(*version), is_flat };
        if is_flat { Self::load_flat(&path, reading) } else { Self::load_yaml(&path, reading) }
    }

    /// The file in this folder that this Flink version would read, if it is there.
    pub fn file(conf_dir: &Path, version: &FlinkVersion) -> Option<PathBuf> {
        Self::names(version).iter().map(|name| conf_dir.join(name)).find(|path| path.exists())
    }

    /// The files that this Flink version reads, the first one first.
    fn names(version: &FlinkVersion) -> &'static [&'static str] {
        match (version.at_least(1, 19), version.at_least(2, 0)) {
            (false, _) => &[FLAT],
            (true, false) => &[FLAT, YAML],
            (true, true) => &[YAML],
        }
    }

    /// Writes the file that this Flink version reads into `conf_dir`, readable by its owner only,
    /// and returns its path. In 1.19 and 1.20 that is `config.yaml`.
    pub fn write(
        &self,
        conf_dir: &Path,
        version: &FlinkVersion,
    ) -> Result<PathBuf, ConfigurationError> {
        let flat_file = conf_dir.join(FLAT);
        if !version.at_least(1, 19) {
            return self.write_to(flat_file, |entry, value| {
                flat::line(&entry.key, &value.value).map_err(|reason| {
                    ConfigurationError::Unwritable {
                        key: entry.key.clone(),
                        version: *version,
                        reason,
                    }
                })
            });
        }
        if !version.at_least(2, 0) && flat_file.exists() {
            return Err(ConfigurationError::Shadowed { path: flat_file, version: *version });
        }
        let config = self.in_standard_form();
        config.write_to(conf_dir.join(YAML), |entry, value| {
            Ok(yaml::line(&entry.key, &value.value, value.shape))
        })
    }

    /// The same configuration for a Flink that reads `config.yaml`: lists and maps of
    /// `flink-conf.yaml` are written so that they are read there as they are read here.
    #[must_use]
    pub fn in_standard_form(&self) -> Self {
        let mut config = self.clone();
        if !self.reading.is_flat {
            return config;
        }
        config.reading.is_flat = false;
        for entry in &mut config.entries {
            let kind = options::find(&entry.key).map(|option| option.kind);
            let Some(setting) = entry.settings.last_mut() else { continue };
            let standard = match kind {
                _ if entry.key.starts_with(OURS) => None,
                Some(options::Kind::List) => typed::standard_list(&setting.value),
                Some(options::Kind::Map) => typed::standard_map(&setting.value),
                _ => None,
            };
            setting.value = standard.unwrap_or_else(|| std::mem::take(&mut setting.value));
        }
        config
    }

    /// Values that the file which this Flink version reads cannot hold.
    pub fn unwritable(&self, version: &FlinkVersion) -> Vec<ConfigurationError> {
        if version.at_least(1, 19) {
            return Vec::new();
        }
        let refused = |(key, value): (&str, &str)| {
            let reason = flat::line(key, value).err()?;
            Some(ConfigurationError::Unwritable { key: key.to_owned(), version: *version, reason })
        };
        self.iter().filter_map(refused).collect()
    }

    fn load_flat(path: &Path, reading: Reading) -> Result<Self, ConfigurationError> {
        let text = utf8(path, contents(path)?)?;
        let mut config = Self { reading, ..Self::default() };
        let (mut values, mut skipped) = (0, 0);
        for line in flat::read(&text) {
            match line {
                Ok(line) => {
                    values += 1;
                    if values > yaml::MOST_VALUES {
                        let reason = format!("too large: more than {} values", yaml::MOST_VALUES);
                        return Err(ConfigurationError::Syntax {
                            path: path.to_owned(),
                            line: line.number,
                            reason,
                        });
                    }
                    let source = Source::File { path: path.to_owned(), line: Some(line.number) };
                    config.set(line.key, line.value, source);
                }
                Err(flat::Skipped { number: line }) => {
                    skipped += 1;
                    if skipped <= MOST_WARNINGS {
                        tracing::warn!(file = %path.display(), line, "Skipping a line that is not 'key: value'");
                    }
                }
            }
        }
        if skipped > MOST_WARNINGS {
            let more = skipped - MOST_WARNINGS;
            tracing::warn!(file = %path.display(), more, "Skipping more lines that are not 'key: value'");
        }
        Ok(config)
    }

    fn load_yaml(path: &Path, reading: Reading) -> Result<Self, ConfigurationError> {
        let text = unicode(path, contents(path)?)?;
        let entries = yaml::read(&text).map_err(|error| ConfigurationError::Syntax {
            path: path.to_owned(),
            line: error.line,
            reason: error.reason,
        })?;
        let mut config = Self { reading, ..Self::default() };
        for yaml::Flat { key, value, shape, line } in entries {
            let source = Source::File { path: path.to_owned(), line: Some(line) };
            config.put(key, Setting { value, shape, source });
        }
        Ok(config)
    }

    fn write_to(
        &self,
        path: PathBuf,
        line: impl Fn(&Entry, &Setting) -> Result<String, ConfigurationError>,
    ) -> Result<PathBuf, ConfigurationError> {
        let mut text = String::new();
        for entry in &self.entries {
            if let Some(value) = entry.last() {
                text.push_str(&line(entry, value)?);
            }
        }
        common::own_files::write_private(&path, text.as_bytes())?;
        Ok(path)
    }
}

/// The file's bytes, if they are not more than any configuration has.
fn contents(path: &Path) -> Result<Vec<u8>, ConfigurationError> {
    Ok(common::files::read(path, yaml::MOST_BYTES as u64)?)
}

/// The text of UTF-8, or of UTF-16 where a byte order mark says so, as Flink reads its YAML.
fn unicode(path: &Path, bytes: Vec<u8>) -> Result<String, ConfigurationError> {
    let from: fn([u8; 2]) -> u16 = match bytes.as_slice() {
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        _ => return utf8(path, bytes),
    };
    let (pairs, rest) = bytes[2..].as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| from(*pair)).collect();
    let refused = |line| ConfigurationError::Syntax {
        path: path.to_owned(),
        line,
        reason: "not UTF-16".to_owned(),
    };
    let text = String::from_utf16(&units).map_err(|_| refused(1))?;
    if rest.is_empty() { Ok(text) } else { Err(refused(1 + text.matches('\n').count())) }
}

/// Text out of bytes; those that are no UTF-8 are an error with their line.
fn utf8(path: &Path, bytes: Vec<u8>) -> Result<String, ConfigurationError> {
    String::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let line = 1 + good.matches('\n').count();
        ConfigurationError::Syntax { path: path.to_owned(), line, reason: "not UTF-8".to_owned() }
    })
}

#[cfg(test)]
mod tests;
