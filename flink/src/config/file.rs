//! The configuration's file: which one a Flink version reads, reading it and writing it.

use std::io::Write;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::OpenOptionsExt as _;

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
        let mut file = fs_err::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)?;
        file.write_all(text.as_bytes())?;
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
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    const V1_18: FlinkVersion = FlinkVersion { major: 1, minor: 18, patch: 1 };
    const V1_20: FlinkVersion = FlinkVersion { major: 1, minor: 20, patch: 5 };
    const V2: FlinkVersion = FlinkVersion { major: 2, minor: 3, patch: 0 };

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs_err::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn the_flink_version_says_which_of_two_files_is_read() {
        let both = folder(&[(FLAT, "from: flat\n"), (YAML, "from: yaml\n")]);
        for (version, file) in [(V1_18, "flat"), (V1_20, "flat"), (V2, "yaml")] {
            assert_eq!(
                Configuration::load(both.path(), &version).unwrap().get("from"),
                Some(file),
                "{version}"
            );
        }
        let yaml = folder(&[(YAML, "from: yaml\n")]);
        assert_eq!(Configuration::load(yaml.path(), &V1_20).unwrap().get("from"), Some("yaml"));
    }

    #[test]
    fn a_folder_without_the_right_file_is_an_error_that_names_both() {
        let yaml = folder(&[(YAML, "from: yaml\n")]);
        let error = Configuration::load(yaml.path(), &V1_18).unwrap_err().to_string();
        assert!(
            error.contains(yaml.path().to_str().unwrap()) && error.contains("flink-conf.yaml"),
            "{error}"
        );
        let error = Configuration::load(folder(&[]).path(), &V2).unwrap_err().to_string();
        assert!(error.contains("config.yaml") && !error.contains("flink-conf"), "{error}");
    }

    #[test]
    fn an_unparsable_file_is_an_error_with_file_and_line() {
        let folder = folder(&[(YAML, "a: b\nc: [d\n")]);
        let error = Configuration::load(folder.path(), &V2).unwrap_err().to_string();
        assert!(error.contains("config.yaml:2: unclosed bracket"), "{error}");
        fs_err::write(folder.path().join(YAML), b"a: b\nc: \xff\n").unwrap();
        let error = Configuration::load(folder.path(), &V2).unwrap_err().to_string();
        assert!(error.ends_with("config.yaml:2: not UTF-8"), "{error}");
    }

    #[test]
    fn a_value_knows_its_file_and_line() {
        let folder = folder(&[(YAML, "rest:\n  port: 8081\n")]);
        let config = Configuration::load(folder.path(), &V2).unwrap();
        let expected = format!("{}:2", folder.path().join(YAML).display());
        assert_eq!(config.source("rest.port").unwrap().to_string(), expected);
    }

    #[test]
    fn a_file_keeps_its_keys_order_and_types_when_it_is_written_again() {
        let text = "b: 1\na.z: '1'\na.b: [x, 'y z', 2]\nt: true\nu: 'true'\n";
        let (from, to) = (folder(&[(YAML, text)]), folder(&[]));
        let path = Configuration::load(from.path(), &V2).unwrap().write(to.path(), &V2).unwrap();
        assert_eq!(
            fs_err::read_to_string(path).unwrap(),
            "b: 1\na.z: '1'\na.b: [x, y z, 2]\nt: true\nu: 'true'\n"
        );
    }

    #[test]
    fn the_written_file_is_for_its_owner_only() {
        let to = folder(&[]);
        let path = Configuration::new().write(to.path(), &V2).unwrap();
        assert_eq!(fs_err::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_the_old_format_cannot_hold_is_refused_by_key_and_never_shown() {
        let mut config = Configuration::new();
        config.set("some.password", "hush#hush", Source::DynamicProperty);
        let to = folder(&[]);
        let error = config.write(to.path(), &V1_18).unwrap_err().to_string();
        assert!(
            error.contains("some.password") && error.contains("1.18.1") && !error.contains("hush"),
            "{error}"
        );
        assert!(config.write(to.path(), &V1_20).is_ok());
    }

    #[test]
    fn a_file_that_would_be_read_instead_is_an_error() {
        let to = folder(&[(FLAT, "a: b\n")]);
        assert!(
            Configuration::new()
                .write(to.path(), &V1_20)
                .unwrap_err()
                .to_string()
                .contains("flink-conf.yaml")
        );
        assert!(Configuration::new().write(to.path(), &V2).is_ok());
    }

    const KEYS: &str = "[a-z]{1,3}(\\.[a-z]{1,3}){0,2}";

    proptest! {
        #[test]
        fn any_configuration_is_read_back_from_config_yaml(
            entries in prop::collection::vec((KEYS, any::<String>()), 0..8)
        ) {
            let mut config = Configuration::new();
            for (key, value) in entries {
                config.set(key, value, Source::DynamicProperty);
            }
            let to = folder(&[]);
            config.write(to.path(), &V1_20).unwrap();
            let read = Configuration::load(to.path(), &V1_20).unwrap();
            prop_assert_eq!(read.iter().collect::<Vec<_>>(), config.iter().collect::<Vec<_>>());
        }
    }
}
