//! Class data (AppCDS) for the JVMs of Flink that tests start, and the cache that their executors
//! share.
//!
//! A test's JVM spends most of its CPU time on loading the same classes, and a test's executors on
//! fetching the same distribution. `tests/all` prepares both before the first test
//! (`src/bin/class-data.rs`). Without them, tests only take longer: a JVM silently ignores an
//! archive that does not fit.

use std::path::{Path, PathBuf};

use crate::cache_folder;

/// A process of Flink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// The JobManager.
    JobManager,
    /// A TaskManager whose files come from [`executors_cache`].
    TaskManager,
    /// `flink run`.
    Client,
}

impl Process {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::JobManager, Self::TaskManager, Self::Client];

    /// Its archive in [`archives`].
    pub fn archive(self) -> &'static str {
        match self {
            Self::JobManager => "jobmanager.jsa",
            Self::TaskManager => "taskmanager.jsa",
            Self::Client => "client.jsa",
        }
    }
}

/// The options for a JVM of this distribution to use its archive. None without an archive, or if
/// the distribution is not the set-up's own.
pub fn options(home: &Path, process: Process) -> Option<String> {
    let archive = archives(home)?.join(process.archive());
    let archive = archive.is_file().then(|| archive.display().to_string())?;
    Some(format!("-XX:SharedArchiveFile={archive} -Xshare:auto -Xlog:cds*=off"))
}

/// The folder of this distribution's archives. None if the distribution is not the set-up's own.
pub fn archives(home: &Path) -> Option<PathBuf> {
    let cache = cache_folder();
    (home.parent() == Some(&cache)).then_some(())?;
    Some(cache.join("class-data").join(home.file_name()?))
}

/// The cache that executors share, except those of tests about caches. An archive of a TaskManager
/// is for jars at these paths.
pub fn executors_cache() -> PathBuf {
    cache_folder().join("executors")
}
