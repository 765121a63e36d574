//! A java program that uses the distribution's classes, and ends by itself.

use std::path::{Path, PathBuf};

use super::{CommandError, CommandLine, Directories, Launch, text};
use crate::config::Configuration;
use crate::home::FlinkHome;
use crate::java::Java;

/// The program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its class with `main`.
    pub class: &'static str,
    /// The jars that come before Flink's own on the class path.
    pub jars: Vec<PathBuf>,
    /// What its `main` gets.
    pub arguments: Vec<String>,
}

impl Tool {
    /// Its command line; it works in `directory`. `lookup` reads the environment.
    pub fn command(
        &self,
        home: &FlinkHome,
        java: &Java,
        config: &Configuration,
        directory: &Path,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<CommandLine, CommandError> {
        let directories = Directories {
            conf: home.conf_dir.clone(),
            log: directory.to_owned(),
            tmp: directory.to_owned(),
        };
        let launch = Launch { home, java, config, directories: &directories, lookup };
        let jars = self.jars.iter().map(|jar| text(jar)).collect::<Result<Vec<_>, _>>()?;
        let class_path = [jars, vec![launch.class_path()?]].concat().join(":");
        // It ends before optimised code would pay off.
        let options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dlog4j2.level=OFF"];
        let mut arguments: Vec<String> = options.map(str::to_owned).to_vec();
        arguments.extend(["-classpath".to_owned(), class_path, self.class.to_owned()]);
        arguments.extend(self.arguments.iter().cloned());
        Ok(CommandLine {
            program: java.program.clone(),
            arguments,
            environment: launch.environment()?,
            directory: directory.to_owned(),
        })
    }
}
