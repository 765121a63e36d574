//! A file of SQL statements, run as an application.

use std::path::{Path, PathBuf};

use flink::command::Application;

use super::Tools;

/// A file of SQL statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlFile {
    /// The file.
    pub path: PathBuf,
    /// The application that runs it.
    pub application: Application,
}

/// The class that runs the statements of a file.
const CLASS: &str = "flinkmesos.SqlFile";

/// Begins the text of a mistake in the statements, as Java shows it.
pub const MISTAKE: &str = "flinkmesos.SqlFile$Mistake: ";

impl SqlFile {
    /// The file, run by an application with this id and savepoint.
    pub fn new(path: PathBuf, application: Application) -> Self {
        let whole = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        let application = Application {
            job_class: Some(CLASS.to_owned()),
            arguments: vec![whole.display().to_string()],
            ..application
        };
        Self { path, application }
    }

    /// The class that runs the statements of this file, and its arguments, for a JobManager that
    /// does not see the file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn as_text(path: &Path) -> std::io::Result<(&'static str, Vec<String>)> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let text = common::files::read_text(path, LARGEST)?;
        Ok((CLASS, vec!["--text".to_owned(), name.unwrap_or_default(), text]))
    }

    /// Looks for mistakes in it, without effect on anything outside.
    ///
    /// # Errors
    /// The first mistake, with file and line.
    pub async fn check(&self, tools: &Tools<'_>) -> Result<(), String> {
        common::files::read_text(&self.path, LARGEST).map_err(|error| format!("--sql: {error}"))?;
        let arguments =
            ["--check".to_owned()].into_iter().chain(self.application.arguments.clone());
        let lines = tools.run(CLASS, arguments.collect()).await;
        let lines = lines.map_err(|why| format!("--sql: {}: {why}", self.path.display()))?;
        let mistake = lines.iter().find_map(|fields| match &fields[..] {
            [problem, text] if problem == "problem" => Some(text),
            _ => None,
        });
        mistake.map_or(Ok(()), |text| Err(format!("--sql: {text}")))
    }
}

/// The largest file, in bytes.
const LARGEST: u64 = 16 << 20;
