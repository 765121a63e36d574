//! A Flink distribution on disk: where it is and which version it holds.

use std::path::{Path, PathBuf};

use crate::version::FlinkVersion;

/// A usable Flink distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlinkHome {
    /// The distribution's folder: `bin`, `lib`, `plugins`, `opt`.
    pub path: PathBuf,
    /// Version, from the name of `lib/flink-dist*.jar`.
    pub version: FlinkVersion,
    /// Where its configuration is read from: `<path>/conf` by default.
    pub conf_dir: PathBuf,
    /// Another place with the same files, to which the class path leads for those jars that are
    /// there.
    pub jars_at: Option<PathBuf>,
}

/// Why a folder is not a Flink distribution that can be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlinkHomeError {
    /// The folder, or a part that it must have, is missing or unreadable; the error names it.
    #[error("the Flink distribution {} cannot be read: {cause}", home.display())]
    Unreadable {
        /// The distribution's folder.
        home: PathBuf,
        /// What failed.
        cause: std::io::Error,
    },
    /// No distribution jar.
    #[error("{} is not a Flink distribution: no flink-dist*.jar in {}", home.display(), home.join("lib").display())]
    NoDistribution {
        /// The distribution's folder.
        home: PathBuf,
    },
    /// More than one distribution jar: Flink's own scripts refuse that too.
    #[error("{} contains more than one Flink: {}", home.display(), jars.join(", "))]
    Ambiguous {
        /// The distribution's folder.
        home: PathBuf,
        /// Names of the jars.
        jars: Vec<String>,
    },
    /// The jar's name holds no version.
    #[error("{}: cannot find the Flink version: expected a name like flink-dist-1.20.5.jar", jar.display())]
    UnknownVersion {
        /// The jar.
        jar: PathBuf,
    },
    /// A release that is too old.
    #[error("{} is Flink {version}; {} or newer is required", home.display(), FlinkVersion::OLDEST)]
    TooOld {
        /// The distribution's folder.
        home: PathBuf,
        /// Its version.
        version: FlinkVersion,
    },
}

impl FlinkHome {
    /// Looks at the distribution in `path`; `conf_dir` overrides `<path>/conf`. The folder of the
    /// configuration is not read here.
    pub fn open(path: &Path, conf_dir: Option<&Path>) -> Result<Self, FlinkHomeError> {
        let home = std::path::absolute(path)
            .map_err(|cause| FlinkHomeError::Unreadable { home: path.to_owned(), cause })?;
        let version = version_of(&home)?;
        if version < FlinkVersion::OLDEST {
            return Err(FlinkHomeError::TooOld { home, version });
        }
        let conf_dir = conf_dir.map_or_else(|| home.join("conf"), Path::to_owned);
        Ok(Self { path: home, version, conf_dir, jars_at: None })
    }

    /// The folder of the jars.
    pub fn lib(&self) -> PathBuf {
        self.path.join("lib")
    }

    /// Where the class path finds a file of the distribution.
    pub(crate) fn class_path_entry(&self, file: &Path) -> PathBuf {
        let elsewhere = self.jars_at.as_ref().zip(file.strip_prefix(&self.path).ok());
        let elsewhere = elsewhere.map(|(place, file)| place.join(file));
        // A class path cannot hold a colon; then the sandbox has to do.
        let usable = |file: &PathBuf| file.is_file() && !file.to_string_lossy().contains(':');
        elsewhere.filter(usable).unwrap_or_else(|| file.to_owned())
    }
}

/// The version in the name of the only `lib/flink-dist*.jar`.
fn version_of(home: &Path) -> Result<FlinkVersion, FlinkHomeError> {
    let lib = home.join("lib");
    let unreadable = |cause| FlinkHomeError::Unreadable { home: home.to_owned(), cause };
    // The home's own absence is reported as such, not as that of its lib.
    fs_err::read_dir(home).map_err(unreadable)?;
    if !lib.exists() {
        return Err(FlinkHomeError::NoDistribution { home: home.to_owned() });
    }
    let mut jars = Vec::new();
    for entry in fs_err::read_dir(&lib).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned();
        if is_distribution(&name) {
            jars.push(name);
        }
    }
    jars.sort();
    match jars.as_slice() {
        [] => Err(FlinkHomeError::NoDistribution { home: home.to_owned() }),
        [jar] => {
            version_in(jar).ok_or_else(|| FlinkHomeError::UnknownVersion { jar: lib.join(jar) })
        }
        _ => Err(FlinkHomeError::Ambiguous { home: home.to_owned(), jars }),
    }
}

/// Is this the jar of Flink itself?
pub(crate) fn is_distribution(name: &str) -> bool {
    name.strip_suffix(".jar").is_some_and(|stem| stem.starts_with("flink-dist"))
}

/// `flink-dist-1.20.5.jar`, or with a Scala version `flink-dist_2.12-1.13.6.jar`.
fn version_in(jar: &str) -> Option<FlinkVersion> {
    let name = jar.strip_prefix("flink-dist")?.strip_suffix(".jar")?;
    let (_, version) = name.split_once('-')?;
    version.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn home(files: &[&str]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for file in files {
            let path = home.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, "").unwrap();
        }
        home
    }

    fn refusal(files: &[&str]) -> String {
        FlinkHome::open(home(files).path(), None).unwrap_err().to_string()
    }

    #[test]
    fn the_version_is_in_the_distribution_jars_name() {
        for (jar, version) in [
            ("flink-dist-1.20.5.jar", "1.20.5"),
            ("flink-dist-2.3.0.jar", "2.3.0"),
            ("flink-dist_2.12-1.18.1.jar", "1.18.1"),
            ("flink-dist-2.4-SNAPSHOT.jar", "2.4.0"),
        ] {
            let home = home(&[&format!("lib/{jar}"), "lib/flink-distant.txt"]);
            let opened = FlinkHome::open(home.path(), None).unwrap();
            assert_eq!(opened.version.to_string(), version);
            assert_eq!(opened.conf_dir, home.path().join("conf"));
        }
    }

    #[test]
    fn another_folder_for_the_configuration_is_taken() {
        let home = home(&["lib/flink-dist-1.20.5.jar"]);
        let opened = FlinkHome::open(home.path(), Some(Path::new("/etc/flink"))).unwrap();
        assert_eq!(opened.conf_dir, Path::new("/etc/flink"));
    }

    #[test]
    fn a_missing_folder_is_told_by_its_path() {
        let error = FlinkHome::open(Path::new("/no/such/flink"), None).unwrap_err().to_string();
        assert!(error.contains("/no/such/flink") && error.contains("No such file"), "{error}");
    }

    #[test]
    fn a_folder_without_a_distribution_jar_is_refused() {
        assert!(refusal(&["lib/other.jar"]).contains("no flink-dist*.jar"));
        assert!(refusal(&["bin/flink"]).contains("no flink-dist*.jar"));
    }

    #[test]
    fn two_distribution_jars_are_refused_by_name() {
        let error = refusal(&["lib/flink-dist-1.20.5.jar", "lib/flink-dist-2.3.0.jar"]);
        assert!(error.contains("flink-dist-1.20.5.jar, flink-dist-2.3.0.jar"), "{error}");
    }

    #[test]
    fn a_jar_without_a_version_and_a_release_that_is_too_old_are_refused() {
        assert!(refusal(&["lib/flink-dist.jar"]).contains("cannot find the Flink version"));
        let error = refusal(&["lib/flink-dist_2.12-1.13.6.jar"]);
        assert!(error.contains("1.13.6") && error.contains("1.18.0"), "{error}");
    }
}
