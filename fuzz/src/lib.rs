//! Code that the fuzz targets share.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use flink::check::{check, explain};
use flink::config::{Configuration, ConfigurationError};
use flink::version::FlinkVersion;

/// A configuration file of one of the formats, and a Flink version that reads it.
pub struct Installation {
    folder: PathBuf,
    file: &'static str,
    version: FlinkVersion,
}

thread_local! {
    static FOLDER: RefCell<tempfile::TempDir> = RefCell::new(folder());
}

/// A new folder; in memory if possible, because it is written thousands of times a second.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder for files")
}

impl Installation {
    /// A folder without a file.
    pub fn new(file: &'static str, version: &str) -> Self {
        let folder = FOLDER.with_borrow(|folder| folder.path().join(version));
        fs_err::create_dir_all(folder.join("written")).expect("a folder for files");
        Self { folder, file, version: version.parse().expect("a version") }
    }

    /// The configuration in these bytes, if they are valid, after all processing before a start.
    pub fn read(&self, bytes: &[u8]) -> Option<Configuration> {
        fs_err::write(self.folder.join(self.file), bytes).expect("the file is written");
        let config = Configuration::load(&self.folder, &self.version).ok()?;
        check(&config);
        for (key, _) in config.iter() {
            explain(&config, key);
        }
        Some(config)
    }

    /// The configuration after writing and reading it; none if the old format cannot express it.
    pub fn write_and_read(&self, config: &Configuration) -> Option<Configuration> {
        let folder: &Path = &self.folder.join("written");
        match config.write(folder, &self.version) {
            Ok(_) => Some(
                Configuration::load(folder, &self.version).expect("what was written can be read"),
            ),
            Err(ConfigurationError::Unwritable { .. }) => None,
            Err(error) => panic!("what was read cannot be written: {error}"),
        }
    }
}

/// Asserts that both have the same keys and values in the same order.
pub fn assert_same(one: &Configuration, other: &Configuration) {
    let entries = |config: &Configuration| -> Vec<(String, String)> {
        config.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    assert_eq!(entries(one), entries(other));
}
