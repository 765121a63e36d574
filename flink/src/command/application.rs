//! An application cluster's JobManager: it runs one job out of `usrlib`, and ends with it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use fs_err::os::unix::fs::symlink;

use super::{
    CommandError, CommandLine, Directories, JOB_MANAGER, Launch, Process, properties, text,
};
use crate::config::{Configuration, ConfigurationError, Source};
use crate::home::FlinkHome;
use crate::java::Java;
use crate::memory::JobManagerMemory;
use crate::options::mesos::APPLICATION_JARS;

const APPLICATION: Process = Process {
    class: "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint",
    ..JOB_MANAGER
};

/// The job of an application cluster. Its jars are in `usrlib`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Application {
    /// Class with `main`; without one Flink looks for the only jar that names one.
    pub job_class: Option<String>,
    /// The job's id, 32 hexadecimal digits; Flink chooses one when there is none.
    pub job_id: Option<String>,
    /// Savepoint to start from.
    pub savepoint: Option<String>,
    /// Leave out state of the savepoint that the job no longer has.
    pub allow_non_restored_state: bool,
    /// What the job's `main` gets, word for word.
    pub arguments: Vec<String>,
}

/// An application cluster's JobManager (`StandaloneApplicationClusterEntryPoint`). `lookup` reads
/// the environment.
///
/// Flink sends TaskManagers where the user's jars are by a path from the JobManager's working
/// directory, and they look there from their own. So it must be the same from both: the JobManager
/// works in a folder of its own, where Flink is `flink` as it is in a worker's sandbox. This makes
/// that folder, below the one for temporary files.
pub fn application(
    home: &FlinkHome,
    java: &Java,
    config: &Configuration,
    directories: &Directories,
    application: &Application,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<CommandLine, CommandError> {
    let memory = JobManagerMemory::compute(config, &home.version)?;
    let mut arguments = vec!["--configDir".to_owned(), text(&directories.conf)?];
    arguments.extend(properties(memory.dynamic_options()));
    arguments.extend(application.arguments());

    let folder = directories.tmp.join("application");
    fs_err::create_dir_all(&folder)?;
    // The JVM knows its working directory without links.
    let folder = fs_err::canonicalize(folder)?;
    let home = FlinkHome { path: flink_in(&folder, home, config)?, ..home.clone() };
    let launch = Launch { home: &home, java, config, directories, lookup };
    let command = launch.command(&APPLICATION, memory.jvm_flags(), arguments)?;
    Ok(CommandLine { directory: folder, ..command })
}

/// Jars for `usrlib` out of [`APPLICATION_JARS`], and the names that they have there.
pub fn application_jars(
    config: &Configuration,
) -> Result<Vec<(String, String)>, ConfigurationError> {
    let jars = config.read(&APPLICATION_JARS)?.unwrap_or_default();
    let named = jars.into_iter().map(|jar| {
        let path = Path::new(&jar);
        let name = path.file_name()?.to_str()?.to_owned();
        // Flink takes nothing else out of usrlib.
        path.extension().is_some_and(|extension| extension == "jar").then_some((jar, name))
    });
    named.collect::<Option<_>>().ok_or_else(|| ConfigurationError::Value {
        key: APPLICATION_JARS.to_string(),
        value: config.get(&APPLICATION_JARS).unwrap_or_default().to_owned(),
        allowed: "a list of paths that end with '.jar'",
        origin: config.source(&APPLICATION_JARS).cloned().unwrap_or(Source::Default),
    })
}

/// Makes `flink` in `folder`: this Flink out of links, with all of the application's jars in its
/// `usrlib`.
fn flink_in(
    folder: &Path,
    home: &FlinkHome,
    config: &Configuration,
) -> Result<PathBuf, CommandError> {
    let flink = folder.join("flink");
    if fs_err::symlink_metadata(&flink).is_ok() {
        fs_err::remove_dir_all(&flink)?;
    }
    link_entries(&home.path, &flink, |name| !FOLDERS.iter().any(|folder| name == *folder))?;
    for folder in FOLDERS {
        if home.path.join(folder).is_dir() {
            link_entries(&home.path.join(folder), &flink.join(folder), |_| true)?;
        }
    }
    for (jar, name) in application_jars(config)? {
        fs_err::create_dir_all(flink.join(USRLIB))?;
        symlink(std::path::absolute(jar)?, flink.join(USRLIB).join(name))?;
    }
    Ok(flink)
}

const USRLIB: &str = "usrlib";

/// Folders that must not be links themselves: Flink looks for jars in them without following links
/// to folders.
const FOLDERS: [&str; 4] = ["lib", "opt", "plugins", USRLIB];

fn link_entries(
    from: &Path,
    to: &Path,
    wanted: impl Fn(&OsStr) -> bool,
) -> Result<(), CommandError> {
    fs_err::create_dir(to)?;
    for entry in fs_err::read_dir(std::path::absolute(from)?)? {
        let entry = entry?;
        if wanted(&entry.file_name()) {
            symlink(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

impl Application {
    /// In the order of `standalone-job.sh --help`; after `--` nothing is taken for an option of
    /// Flink.
    fn arguments(&self) -> Vec<String> {
        let with_value = [
            ("--job-classname", &self.job_class),
            ("--job-id", &self.job_id),
            ("--fromSavepoint", &self.savepoint),
        ];
        let given = with_value
            .into_iter()
            .filter_map(|(name, value)| Some([name.to_owned(), value.clone()?]));
        let mut arguments: Vec<String> = given.flatten().collect();
        arguments
            .extend(self.allow_non_restored_state.then(|| "--allowNonRestoredState".to_owned()));
        if !self.arguments.is_empty() {
            arguments.push("--".to_owned());
            arguments.extend(self.arguments.iter().cloned());
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jobs_own_arguments_are_kept_apart_from_flinks() {
        let application = Application {
            job_class: Some("org.example.Job".to_owned()),
            job_id: Some("0".repeat(32)),
            savepoint: Some("hdfs:///s p".to_owned()),
            allow_non_restored_state: true,
            arguments: vec!["--host".to_owned(), "a b".to_owned()],
        };
        let id = "0".repeat(32);
        let expected = [
            "--job-classname",
            "org.example.Job",
            "--job-id",
            &id,
            "--fromSavepoint",
            "hdfs:///s p",
            "--allowNonRestoredState",
            "--",
            "--host",
            "a b",
        ];
        assert_eq!(application.arguments(), expected);
        assert_eq!(Application::default().arguments(), Vec::<String>::new());
    }
}
