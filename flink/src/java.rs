//! Finding a java and checking that this Flink runs on it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::config::{Configuration, Source};
use crate::options::flink::ENV_JAVA_HOME;
use crate::version::FlinkVersion;

/// A java installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Java {
    /// Its home, when there is one.
    pub home: Option<PathBuf>,
    /// The program to run.
    pub program: PathBuf,
    /// Feature release: 8, 11, 17, 21 …
    pub version: u32,
}

/// Why there is no java to run Flink with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JavaError {
    /// A home that holds no java.
    #[error("no java in {} ({origin}): expected {}", home.display(), home.join("bin/java").display())]
    NotInHome {
        /// The home.
        home: PathBuf,
        /// Where the home came from.
        origin: String,
    },
    /// Nothing to find it by.
    #[error("no java found: set env.java.home or JAVA_HOME, or put java into PATH")]
    NotFound,
    /// The program does not run.
    #[error("{} -version failed: {reason}", program.display())]
    Unusable {
        /// The program.
        program: PathBuf,
        /// What happened.
        reason: String,
    },
    /// This Flink needs another version.
    #[error("Flink {flink} needs Java {needed} or newer, but {} is Java {found}", program.display())]
    TooOld {
        /// The Flink version.
        flink: FlinkVersion,
        /// The oldest Java for it.
        needed: u32,
        /// The version found.
        found: u32,
        /// The program found.
        program: PathBuf,
    },
}

impl Java {
    /// Looks at `env.java.home`, `JAVA_HOME` and `PATH`, in this order. May run `java -version`:
    /// blocking.
    pub fn find(
        config: &Configuration,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, JavaError> {
        let given = |name: &str| lookup(name).filter(|value| !value.is_empty());
        if let Some(home) = config.get(&ENV_JAVA_HOME).filter(|home| !home.is_empty()) {
            let source = config.source(&ENV_JAVA_HOME).unwrap_or(&Source::Default);
            return Self::in_home(Path::new(home), &format!("{ENV_JAVA_HOME} from {source}"));
        }
        if let Some(home) = given("JAVA_HOME") {
            return Self::in_home(Path::new(&home), "JAVA_HOME");
        }
        let path = given("PATH").ok_or(JavaError::NotFound)?;
        let programs = path
            .split(':')
            .filter(|folder| !folder.is_empty())
            .map(|folder| Path::new(folder).join("java"));
        let program =
            programs.into_iter().find(|program| program.is_file()).ok_or(JavaError::NotFound)?;
        // Links such as /usr/bin/java lead to a home, which says its version without being run.
        let home = fs_err::canonicalize(&program)
            .ok()
            .and_then(|real| Some(real.parent()?.parent()?.to_owned()));
        Self::describe(home.filter(|home| home.join("release").is_file()), program)
    }

    /// The newest Java that Flink was tried with: 1.20 and 2.3, streaming and batch jobs.
    pub const NEWEST_TRIED: u32 = 25;

    /// Does this Flink version run on it? Flink 1.x was built for Java 8, 2.x for Java 11.
    pub fn check(&self, version: &FlinkVersion) -> Result<(), JavaError> {
        let needed = if version.at_least(2, 0) { 11 } else { 8 };
        if self.version >= needed {
            return Ok(());
        }
        Err(JavaError::TooOld {
            flink: *version,
            needed,
            found: self.version,
            program: self.program.clone(),
        })
    }

    /// The java of this home; `origin` says in a message where the home came from.
    pub fn in_home(home: &Path, origin: &str) -> Result<Self, JavaError> {
        let program = home.join("bin/java");
        if !program.is_file() {
            return Err(JavaError::NotInHome { home: home.to_owned(), origin: origin.to_owned() });
        }
        Self::describe(Some(home.to_owned()), program)
    }

    fn describe(home: Option<PathBuf>, program: PathBuf) -> Result<Self, JavaError> {
        let noted = home.as_deref().and_then(version_of_release_file);
        let version = noted.map_or_else(|| version_by_running(&program), Ok)?;
        Ok(Self { home, program, version })
    }
}

/// The largest file `release` of a Java home, in bytes. Usual ones have less than 2 KB.
pub const LARGEST_RELEASE: u64 = 64 << 10;

/// `JAVA_VERSION="17.0.15"` in the file `release` of a home.
fn version_of_release_file(home: &Path) -> Option<u32> {
    let release = common::files::read_text(&home.join("release"), LARGEST_RELEASE).ok()?;
    release
        .lines()
        .find_map(|line| feature_release(line.strip_prefix("JAVA_VERSION=")?.trim_matches('"')))
}

/// The first quoted text that `java -version` prints.
fn version_by_running(program: &Path) -> Result<u32, JavaError> {
    let unusable = |reason: String| JavaError::Unusable { program: program.to_owned(), reason };
    #[expect(
        clippy::disallowed_methods,
        reason = "output() waits for the end of the only process of this crate"
    )]
    let mut command = Command::new(program);
    common::descriptors::inherit_none(&mut command);
    let output = command.arg("-version").output().map_err(|error| unusable(error.to_string()))?;
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    let version = printed.split('"').nth(1).and_then(feature_release);
    version.ok_or_else(|| unusable(format!("it printed '{}'", printed.trim())))
}

/// `1.8.0_392` is 8, `17.0.15` is 17, `22-ea` is 22.
fn feature_release(version: &str) -> Option<u32> {
    let number = version.strip_prefix("1.").unwrap_or(version);
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A home with a java that prints `printed` and, unless it is empty, a release file.
    fn home(printed: &str, release: &str) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let program = home.path().join("bin/java");
        fs_err::create_dir(home.path().join("bin")).unwrap();
        fs_err::write(&program, format!("#!/bin/sh\necho '{printed}' >&2\n")).unwrap();
        fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        if !release.is_empty() {
            fs_err::write(home.path().join("release"), release).unwrap();
        }
        home
    }

    fn find(config: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<Java, JavaError> {
        let mut configuration = Configuration::new();
        for (key, value) in config {
            configuration.set(*key, *value, Source::DynamicProperty);
        }
        let lookup = |name: &str| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Java::find(&configuration, &lookup)
    }

    #[test]
    fn the_configured_home_wins_over_the_environment_and_the_path() {
        let (configured, environment) =
            (home("", "JAVA_VERSION=\"17.0.15\"\n"), home("", "JAVA_VERSION=\"21\"\n"));
        let environment = environment.path().to_str().unwrap();
        let variables = [("JAVA_HOME", environment), ("PATH", "/usr/bin")];
        let java =
            find(&[("env.java.home", configured.path().to_str().unwrap())], &variables).unwrap();
        assert_eq!((java.version, java.home.as_deref()), (17, Some(configured.path())));
        assert_eq!(find(&[], &variables).unwrap().version, 21);
    }

    #[test]
    fn java_in_the_path_is_found_and_asked_for_its_version() {
        let home = home("openjdk version \"1.8.0_392\"", "");
        let bin = home.path().join("bin");
        let java = find(&[], &[("PATH", &format!("/no/such/folder::{}", bin.display()))]).unwrap();
        assert_eq!((java.version, java.program, java.home), (8, bin.join("java"), None));
    }

    #[test]
    fn java_inherits_no_descriptor_that_was_left_open() {
        let home = home("", "");
        let program = home.path().join("bin/java");
        let left_open = home.path().join("bin");
        let look = format!(
            "for file in /proc/$$/fd/*; do [ $file -ef {} ] && exit; done",
            left_open.display()
        );
        fs_err::write(&program, format!("#!/bin/sh\n{look}\necho '\"21\"' >&2\n")).unwrap();
        let _left_open = nix::unistd::dup(fs_err::File::open(&left_open).unwrap().file()).unwrap();
        assert_eq!(version_by_running(&program).unwrap(), 21);
    }

    #[test]
    fn a_release_file_that_is_a_pipe_or_too_large_is_not_read() {
        let home = home("openjdk version \"21.0.1\"", "JAVA_VERSION=\"17.0.15\"\n");
        let release = home.path().join("release");
        let version =
            || find(&[("env.java.home", home.path().to_str().unwrap())], &[]).unwrap().version;
        assert_eq!(version(), 17);
        fs_err::OpenOptions::new()
            .write(true)
            .open(&release)
            .unwrap()
            .set_len(LARGEST_RELEASE + 1)
            .unwrap();
        assert_eq!(version(), 21, "java itself is asked");
        fs_err::remove_file(&release).unwrap();
        nix::unistd::mkfifo(&release, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(version(), 21, "java itself is asked");
    }

    #[test]
    fn a_home_without_java_is_told_with_where_it_came_from() {
        let error = find(&[("env.java.home", "/no/such")], &[]).unwrap_err().to_string();
        assert_eq!(
            error,
            "no java in /no/such (env.java.home from -D): expected /no/such/bin/java"
        );
        assert!(
            find(&[], &[("JAVA_HOME", "/no/such")])
                .unwrap_err()
                .to_string()
                .contains("(JAVA_HOME)")
        );
        assert!(matches!(find(&[], &[("PATH", "/no/such")]), Err(JavaError::NotFound)));
    }

    #[test]
    fn a_java_that_says_no_version_is_unusable() {
        let home = home("Segmentation fault", "");
        let error =
            find(&[], &[("JAVA_HOME", home.path().to_str().unwrap())]).unwrap_err().to_string();
        assert!(
            error.contains("Segmentation fault") && error.contains("bin/java -version"),
            "{error}"
        );
    }

    #[test]
    fn a_java_that_is_too_old_is_refused_with_both_versions() {
        let java = Java { home: None, program: "/usr/bin/java".into(), version: 8 };
        assert!(java.check(&"1.20.5".parse().unwrap()).is_ok());
        let error = java.check(&"2.3.0".parse().unwrap()).unwrap_err().to_string();
        assert_eq!(error, "Flink 2.3.0 needs Java 11 or newer, but /usr/bin/java is Java 8");
    }
}
