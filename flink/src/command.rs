//! The java command lines of JobManager and TaskManager, as Flink's scripts would build them,
//! without a shell.

use std::path::{Path, PathBuf};

use crate::config::{Configuration, ConfigurationError};
use crate::home::FlinkHome;
use crate::java::Java;
use crate::memory::{JobManagerMemory, MemoryError, TaskManagerMemory};
use crate::options::ConfigOption;
use crate::options::flink::{
    ENV_JAVA_DEFAULT_OPTS_JOBMANAGER, ENV_JAVA_DEFAULT_OPTS_TASKMANAGER, ENV_JAVA_OPTS_JOBMANAGER,
    ENV_JAVA_OPTS_TASKMANAGER, ENV_LOG_LEVEL, ENV_LOG_MAX,
};

mod application;
mod arguments;
mod class_path;
mod jvm_options;
mod modules;
mod tool;

pub use application::{Application, application, application_jars};
pub use jvm_options::job_manager_properties;
pub(crate) use jvm_options::problem as java_options_problem;
pub use tool::Tool;

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

/// Folders of one Flink process. [`prepare`] creates them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// Configuration and logging properties.
    pub conf: PathBuf,
    /// Log files, and the working directory: a crashing JVM leaves its report there.
    pub log: PathBuf,
    /// Temporary files.
    pub tmp: PathBuf,
}

/// Why no command line could be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The memory sizes cannot be derived.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The configuration cannot be read or written.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// A file or folder could not be read or written; the error names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// JVM options that cannot be split into arguments.
    #[error("{key}: {reason}")]
    Options {
        /// The key, or the environment variable.
        key: String,
        /// What is not allowed.
        reason: String,
    },
    /// A path that java cannot be given.
    #[error("{}: java cannot take this path: {reason}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// Why it cannot.
        reason: &'static str,
    },
}

/// One of Flink's processes.
struct Process {
    class: &'static str,
    /// Names the log file.
    name: &'static str,
    /// Where its JVM options are, later ones winning.
    jvm_options: [ConfigOption<String>; 2],
}

const JOB_MANAGER: Process = Process {
    class: "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
    name: "jobmanager",
    jvm_options: [ENV_JAVA_DEFAULT_OPTS_JOBMANAGER, ENV_JAVA_OPTS_JOBMANAGER],
};
const TASK_MANAGER: Process = Process {
    class: "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
    name: "taskmanager",
    jvm_options: [ENV_JAVA_DEFAULT_OPTS_TASKMANAGER, ENV_JAVA_OPTS_TASKMANAGER],
};

/// The largest logging file, in bytes.
pub const LARGEST_LOGGING_FILE: u64 = 4 << 20;

/// Creates the folders, writes the configuration for this Flink version, and copies the
/// distribution's logging properties beside it.
pub fn prepare(
    home: &FlinkHome,
    config: &Configuration,
    directories: &Directories,
) -> Result<(), CommandError> {
    for directory in [&directories.conf, &directories.log, &directories.tmp] {
        fs_err::create_dir_all(directory)?;
    }
    config.write(&directories.conf, &home.version)?;
    if home.conf_dir == directories.conf || !home.conf_dir.is_dir() {
        return Ok(());
    }
    for entry in fs_err::read_dir(&home.conf_dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if is_logging_file(Path::new(&name)) {
            fs_err::write(
                directories.conf.join(&name),
                common::files::read(&entry.path(), LARGEST_LOGGING_FILE)?,
            )?;
        }
    }
    Ok(())
}

/// What Flink's processes read in a configuration folder besides the configuration itself, and all
/// that is handed on of it: `log4j*.properties` (the processes are pointed at
/// `log4j-console.properties`, tools that a user's command starts at the others) and `logback*.xml`
/// in their place. `masters`, `workers` and `zoo.cfg` are for scripts that are not run here.
pub fn is_logging_file(name: &Path) -> bool {
    let (Some(stem), Some(extension)) =
        (name.file_stem().and_then(|s| s.to_str()), name.extension())
    else {
        return false;
    };
    stem.starts_with("log4j") && extension == "properties"
        || stem.starts_with("logback") && extension == "xml"
}

/// A session cluster's JobManager (`StandaloneSessionClusterEntrypoint`). `lookup` reads the
/// environment.
pub fn job_manager(
    home: &FlinkHome,
    java: &Java,
    config: &Configuration,
    directories: &Directories,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<CommandLine, CommandError> {
    let memory = JobManagerMemory::compute(config, &home.version)?;
    let mut arguments = properties(memory.dynamic_options());
    arguments.extend(["--configDir".to_owned(), text(&directories.conf)?]);
    if !home.version.at_least(2, 0) {
        arguments.extend(["--executionMode".to_owned(), "cluster".to_owned()]);
    }
    let launch = Launch { home, java, config, directories, lookup };
    launch.command(&JOB_MANAGER, memory.jvm_flags(), arguments)
}

/// A TaskManager (`TaskManagerRunner`). The configuration holds its resource id, ports and host
/// already.
pub fn task_manager(
    home: &FlinkHome,
    java: &Java,
    config: &Configuration,
    directories: &Directories,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<CommandLine, CommandError> {
    let memory = TaskManagerMemory::compute(config, &home.version)?;
    let mut arguments = vec!["--configDir".to_owned(), text(&directories.conf)?];
    arguments.extend(properties(memory.dynamic_options()));
    let launch = Launch { home, java, config, directories, lookup };
    launch.command(&TASK_MANAGER, memory.jvm_flags(), arguments)
}

/// `-D key=value` as two arguments each.
fn properties(options: Vec<(String, String)>) -> Vec<String> {
    options
        .into_iter()
        .flat_map(|(key, value)| ["-D".to_owned(), format!("{key}={value}")])
        .collect()
}

/// Everything that command lines are made of.
struct Launch<'a> {
    home: &'a FlinkHome,
    java: &'a Java,
    config: &'a Configuration,
    directories: &'a Directories,
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl Launch<'_> {
    fn command(
        &self,
        process: &Process,
        memory_flags: Vec<String>,
        program_arguments: Vec<String>,
    ) -> Result<CommandLine, CommandError> {
        let mut arguments = self.jvm_options(process, memory_flags)?;
        arguments.extend(self.log_options(process)?);
        arguments.extend(["-classpath".to_owned(), self.class_path()?, process.class.to_owned()]);
        arguments.extend(program_arguments);
        Ok(CommandLine {
            program: self.java.program.clone(),
            arguments,
            environment: self.environment()?,
            directory: self.directories.log.clone(),
        })
    }

    /// What `flink-console.sh` sets for the logging libraries. The console stays silent, since the
    /// log file has it all.
    fn log_options(&self, process: &Process) -> Result<Vec<String>, CommandError> {
        let conf = text(&self.directories.conf)?;
        Ok(vec![
            "-Dconsole.log.level=OFF".to_owned(),
            format!("-Dlog.file={}.log", self.log_prefix(process)?),
            format!("-Dlog4j.configuration=file:{conf}/log4j-console.properties"),
            format!("-Dlog4j.configurationFile=file:{conf}/log4j-console.properties"),
            format!("-Dlogback.configurationFile=file:{conf}/logback-console.xml"),
        ])
    }

    /// What `config.sh` exports to the process.
    fn environment(&self) -> Result<Vec<(String, String)>, CommandError> {
        let home = text(&self.home.path)?;
        let folder = |variable: &str, name: &str| {
            self.variable(variable).unwrap_or_else(|| format!("{home}/{name}"))
        };
        let mut environment = vec![
            ("FLINK_HOME", home.clone()),
            ("FLINK_CONF_DIR", text(&self.directories.conf)?),
            ("FLINK_BIN_DIR", format!("{home}/bin")),
            ("FLINK_LIB_DIR", format!("{home}/lib")),
            ("FLINK_OPT_DIR", folder("FLINK_OPT_DIR", "opt")),
            ("FLINK_PLUGINS_DIR", folder("FLINK_PLUGINS_DIR", "plugins")),
            ("FLINK_LOG_DIR", text(&self.directories.log)?),
            ("MAX_LOG_FILE_NUMBER", self.config.read(&ENV_LOG_MAX)?.to_string()),
            ("ROOT_LOG_LEVEL", self.config.text(&ENV_LOG_LEVEL).to_owned()),
        ];
        if let Some(java_home) = &self.java.home {
            environment.push(("JAVA_HOME", text(java_home)?));
        }
        Ok(environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn log_prefix(&self, process: &Process) -> Result<String, CommandError> {
        Ok(format!("{}/{}", text(&self.directories.log)?, process.name))
    }

    /// An environment variable that is set and not empty.
    fn variable(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }
}

/// A path as an argument.
fn text(path: &Path) -> Result<String, CommandError> {
    let text = path
        .to_str()
        .ok_or(CommandError::Path { path: path.to_owned(), reason: "it is not UTF-8" })?;
    Ok(text.to_owned())
}
