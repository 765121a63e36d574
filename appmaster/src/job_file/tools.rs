//! Our own Java classes, and the JVM that runs them.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use common::text::beginning;
use flink::{command::Tool, config::Configuration, home::FlinkHome, java::Java};
use tempfile::TempDir;

use crate::{environment::Lookup, process};

/// Made by `appmaster/java/build`.
const JAR: &[u8] = include_bytes!("../../java/flinkmesos.jar");

/// Longer than the planner of SQL needs on a busy machine.
const LONGEST: Duration = Duration::from_secs(120);

/// Begins the lines of the output that are for us. User's classes may print, too.
const OURS: &str = "flink-mesos\t";

/// How much of the output of a JVM that has failed is shown, in characters.
const SHOWN: usize = 600;

/// The jar with our classes, which exists until this is dropped.
#[derive(Debug)]
pub struct ToolsJar(TempDir);

impl ToolsJar {
    const NAME: &str = "flinkmesos.jar";

    /// Writes it. Blocks.
    pub fn write() -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("flink-mesos-java-").tempdir()?;
        fs_err::write(folder.path().join(Self::NAME), JAR)?;
        Ok(Self(folder))
    }

    /// Its path.
    pub fn path(&self) -> PathBuf {
        self.0.path().join(Self::NAME)
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }
}

/// What our classes run with.
pub struct Tools<'a> {
    /// Flink's classes.
    pub home: &'a FlinkHome,
    /// The JVM.
    pub java: &'a Java,
    /// Where Hadoop's classes are.
    pub config: &'a Configuration,
    /// The environment.
    pub lookup: &'a Lookup,
    /// The user's classes.
    pub user_jars: &'a [PathBuf],
}

impl Tools<'_> {
    /// Runs a class, and returns the fields of each line for us. Without any, it has failed.
    pub(super) async fn run(
        &self,
        class: &'static str,
        arguments: Vec<String>,
    ) -> Result<Vec<Vec<String>>, String> {
        let jar = ToolsJar::write().map_err(|error| error.to_string())?;
        let jars = [&[jar.path()], self.user_jars].concat();
        let tool = Tool { class, jars, arguments };
        let line = tool.command(self.home, self.java, self.config, jar.folder(), self.lookup);
        let line = line.map_err(|error| error.to_string())?;
        let output = process::output(&line, LONGEST).await.map_err(|error| error.to_string())?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let ours = printed.lines().filter_map(|line| line.strip_prefix(OURS));
        let lines: Vec<_> =
            ours.map(|line| line.split('\t').map(str::to_owned).collect()).collect();
        if lines.is_empty() {
            let said = String::from_utf8_lossy(&output.stderr);
            let said = beginning(format!("{printed}\n{said}").trim(), SHOWN);
            return Err(format!("{} failed: {said}", line.program.display()));
        }
        Ok(lines)
    }
}
