//! A Flink distribution on disk: where it is and which version it holds.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A Flink release, e.g. 1.20.5. Suffixes such as `-SNAPSHOT` are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlinkVersion {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number; 0 when the name has none.
    pub patch: u32,
}

impl FlinkVersion {
    /// The oldest release that this project runs.
    pub const OLDEST: Self = Self { major: 1, minor: 18, patch: 0 };

    /// Is this release of the line `major.minor`, or younger?
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }
}

impl FromStr for FlinkVersion {
    type Err = FlinkHomeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        todo!()
    }
}

impl fmt::Display for FlinkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A usable Flink distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlinkHome {
    /// The distribution's folder: `bin`, `lib`, `plugins`, `opt`.
    pub path: PathBuf,
    /// Version, from the name of `lib/flink-dist*.jar`.
    pub version: FlinkVersion,
    /// Where its configuration is read from: `<path>/conf` unless told otherwise.
    pub conf_dir: PathBuf,
}

/// Why a folder is not a Flink distribution that can be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlinkHomeError {
    /// The text is not a version.
    #[error("'{0}' is not a Flink version: expected numbers like 1.20.5")]
    Version(String),
}

impl FlinkHome {
    /// Looks at the distribution in `path`; `conf_dir` overrides `<path>/conf`.
    pub fn open(path: &Path, conf_dir: Option<&Path>) -> Result<Self, FlinkHomeError> {
        todo!()
    }
}
