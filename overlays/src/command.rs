//! The java command lines of JobManager and TaskManager, as Flink's scripts would build them, without a shell.

use std::path::PathBuf;

use crate::config::Configuration;
use crate::flink::FlinkHome;
use crate::java::Java;

/// A process to start. Arguments are passed as they are: there is no quoting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, without the program's own name.
    pub arguments: Vec<String>,
    /// Variables to set in addition to (and in place of) the inherited ones.
    pub environment: Vec<(String, String)>,
    /// Working directory.
    pub directory: PathBuf,
}

/// Folders of one Flink process. The caller creates them, or [`prepare`] does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// Configuration and logging properties.
    pub conf: PathBuf,
    /// Log files.
    pub log: PathBuf,
    /// Temporary files, and the working directory.
    pub tmp: PathBuf,
}

/// Why no command line could be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {}

/// Creates the folders, writes the configuration for this Flink version, and copies the distribution's logging
/// properties beside it.
pub fn prepare(home: &FlinkHome, config: &Configuration, directories: &Directories) -> Result<(), CommandError> {
    todo!()
}

/// A session cluster's JobManager (`StandaloneSessionClusterEntrypoint`). `lookup` reads the environment.
pub fn job_manager(
    home: &FlinkHome,
    java: &Java,
    config: &Configuration,
    directories: &Directories,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<CommandLine, CommandError> {
    todo!()
}

/// A TaskManager (`TaskManagerRunner`). The configuration holds its resource id, ports and host already.
pub fn task_manager(
    home: &FlinkHome,
    java: &Java,
    config: &Configuration,
    directories: &Directories,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<CommandLine, CommandError> {
    todo!()
}
