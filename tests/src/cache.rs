//! Paths: of what `make setup` has put into the cache, and of the programs that cargo has built.

use std::path::PathBuf;

/// A line of Flink releases for the end-to-end tests. `tests/setup/versions.sh` has the patch
/// releases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Flink 1.18, the oldest that this project runs.
    V1_18,
    /// Flink 1.20, the default.
    V1_20,
    /// The newest Flink 2.
    V2,
}

impl Line {
    /// The release of this line in the set-up, such as "1.20.5".
    pub fn version(self) -> &'static str {
        let name = match self {
            Self::V1_18 => "oldest_version=",
            Self::V1_20 => "flink_1_version=",
            Self::V2 => "flink_2_version=",
        };
        let mut lines = include_str!("../setup/versions.sh").lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .expect("tests/setup/versions.sh names the release")
    }
}

/// The cache of the set-up: `$FLINK_MESOS_CACHE`, or `~/.cache/flink-mesos`.
#[expect(
    clippy::disallowed_methods,
    reason = "the set-up's scripts choose the folder by the same two variables"
)]
pub fn cache_folder() -> PathBuf {
    match std::env::var_os("FLINK_MESOS_CACHE") {
        Some(folder) => folder.into(),
        None => {
            PathBuf::from(std::env::var_os("HOME").expect("HOME is set")).join(".cache/flink-mesos")
        }
    }
}

/// The complete Flink distribution of this line.
pub fn flink_home(line: Line) -> PathBuf {
    from_setup(&format!("flink-{}", line.version()))
}

/// The word count of `tests/jobs`, compiled for this line. Its one argument is the text's path; all
/// processes of the cluster must see the same file at that path.
pub fn wordcount_jar(line: Line) -> PathBuf {
    from_setup(&format!("jobs/wordcount-{}.jar", line.version()))
}

/// The job of `tests/jobs` that ends as its one argument says, compiled for this line.
pub fn endings_jar(line: Line) -> PathBuf {
    from_setup(&format!("jobs/endings-{}.jar", line.version()))
}

/// The job graph of that job with this ending (finish, fail, never, cached), made by this line's API.
pub fn graph(line: Line, ending: &str) -> PathBuf {
    from_setup(&format!("jobs/{ending}-{}.graph", line.version()))
}

/// The Python with third-party Mesos clients (`avmesos`).
pub fn python() -> PathBuf {
    from_setup("python/bin/python")
}

/// The Python with object stores for tests (`moto`, `gcp-storage-emulator`).
pub fn stores_python() -> PathBuf {
    from_setup("stores/bin/python")
}

/// The environment with `PyFlink` for Flink 1.20; `None` unless it was requested.
pub fn pyflink() -> Option<PathBuf> {
    Some(cache_folder().join("pyflink")).filter(|folder| folder.join("bin/python").is_file())
}

/// The real Mesos: `bin/mesos-master`, `bin/mesos-agent`.
pub fn mesos_home() -> PathBuf {
    from_setup("mesos")
}

fn from_setup(name: &str) -> PathBuf {
    let path = cache_folder().join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

/// A program of this workspace, from the target folder of the running test, such as
/// `binary("flink-mesos")`.
pub fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the running test has a path");
    // target/debug/deps/<test>, target/debug/<program>
    let mut folders = test.ancestors().skip(1);
    let found =
        folders.by_ref().take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("no program {name} near {}: run `cargo build --workspace --bins`", test.display());
    })
}
