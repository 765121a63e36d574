//! A serialized job graph: made by the API of a Flink version, and readable by the same one.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use super::Tools;

/// How a serialized Java object begins.
const HEADER: [u8; 4] = [0xac, 0xed, 0, 5];
/// How a jar begins.
const ZIP: &[u8] = b"PK";

/// The largest job graph, in bytes. Those of large jobs have some megabytes.
const LARGEST: u64 = 1 << 30;

/// Each job graph names one of these classes. The newest comes first.
const MADE_WITH: [(&str, &str); 3] = [
    ("org.apache.flink.core.execution.RecoveryClaimMode", "2.0 or later"),
    ("org.apache.flink.core.execution.RestoreMode", "1.19 or 1.20"),
    ("org.apache.flink.runtime.jobgraph.RestoreMode", "1.15 to 1.18"),
];

/// A file with a job graph, and where the job starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphFile {
    /// The file.
    pub path: PathBuf,
    /// The option that names it.
    pub option: &'static str,
    /// The savepoint to start from, in place of the one that the graph names.
    pub savepoint: Option<String>,
    /// Skip state of the savepoint that the job no longer has.
    pub allow_non_restored_state: bool,
}

/// What a job graph says about its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobGraph {
    /// The job's id.
    pub id: String,
    /// The job's name.
    pub name: String,
    /// How many slots it takes at once; 0 if unknown.
    pub slots: usize,
    /// The jars on this machine that the graph names.
    pub jars: Vec<PathBuf>,
    /// The files on this machine that its code reads, by the names that it has for them.
    pub artifacts: Vec<(String, PathBuf)>,
}

impl GraphFile {
    /// Reads it with Flink's classes and the user's.
    ///
    /// # Errors
    /// Its mistake, and what to do.
    pub async fn describe(&self, tools: &Tools<'_>) -> Result<JobGraph, String> {
        self.check_header()?;
        self.read(tools, vec![self.argument()?]).await
    }

    /// The file to submit, and what it says about the job: `copy`, which is written, if the job
    /// starts from a savepoint.
    ///
    /// # Errors
    /// The same.
    pub async fn prepare(
        &self,
        tools: &Tools<'_>,
        copy: &Path,
    ) -> Result<(PathBuf, JobGraph), String> {
        let Some(savepoint) = &self.savepoint else {
            return Ok((self.path.clone(), self.describe(tools).await?));
        };
        let skips = self.allow_non_restored_state.to_string();
        let copied = copy.display().to_string();
        let arguments = vec![self.argument()?, copied, savepoint.clone(), skips];
        Ok((copy.to_owned(), self.read(tools, arguments).await?))
    }

    fn argument(&self) -> Result<String, String> {
        let path = std::path::absolute(&self.path).map_err(|error| self.problem(&error))?;
        path.to_str().map(str::to_owned).ok_or_else(|| self.problem(&"the path is not UTF-8"))
    }

    fn check_header(&self) -> Result<(), String> {
        let mut file =
            common::files::open(&self.path).map_err(|error| format!("{}: {error}", self.option))?;
        let mut begin = Vec::new();
        file.by_ref().take(4).read_to_end(&mut begin).map_err(|error| self.problem(&error))?;
        if begin == HEADER {
            return Ok(());
        }
        let advice = if begin.starts_with(ZIP) {
            "it is a jar: run it with `flink-mesos job --jars`"
        } else {
            "write the JobGraph with an ObjectOutputStream"
        };
        Err(self.problem(&format!("not a serialized job graph: {advice}")))
    }

    async fn read(&self, tools: &Tools<'_>, arguments: Vec<String>) -> Result<JobGraph, String> {
        let lines = tools.run("flinkmesos.JobGraphFile", arguments).await;
        let lines = lines.map_err(|why| self.problem(&why))?;
        let mut files = Files::default();
        let rest = lines.iter().filter(|line| !files.take(line));
        let fields: Vec<_> = rest.flatten().map(String::as_str).collect();
        let flink = tools.home.version;
        Err(self.problem(&match fields[..] {
            ["job", id, slots, name] => {
                let (id, name) = (id.to_owned(), name.to_owned());
                let Files { jars, artifacts } = files;
                let slots = slots.parse().unwrap_or(0);
                return Ok(JobGraph { id, name, slots, jars, artifacts });
            }
            ["problem", "other-version", cause] => {
                let made = self.made_with().unwrap_or("another version");
                format!(
                    "made with the API of Flink {made}, but this is Flink {flink}: make the job graph again with the API \
                     of Flink {flink}, or set FLINK_HOME to the Flink that it was made with ({cause})"
                )
            }
            ["problem", "missing-class", class] => format!(
                "no jar of usrlib, --jars or lib has the class {class} of the job: pass its jar with --jars"
            ),
            ["problem", "not-a-graph", cause] => format!(
                "not a serialized job graph, or not all of it ({cause}): write the JobGraph with an \
                 ObjectOutputStream, and close it"
            ),
            _ => fields.join(": "),
        }))
    }

    fn made_with(&self) -> Option<&'static str> {
        made_with(&common::files::read(&self.path, LARGEST).ok()?)
    }

    fn problem(&self, what: &dyn std::fmt::Display) -> String {
        format!("{}: {}: {what}", self.option, self.path.display())
    }
}

/// The files on this machine that a graph names.
#[derive(Default)]
struct Files {
    jars: Vec<PathBuf>,
    artifacts: Vec<(String, PathBuf)>,
}

impl Files {
    /// Takes what a line says about a file. Whether it does.
    fn take(&mut self, line: &[String]) -> bool {
        match line {
            [kind, jar] if kind == "jar" => self.jars.push(jar.into()),
            [kind, name, file] if kind == "artifact" => {
                self.artifacts.push((name.clone(), file.into()));
            }
            _ => return false,
        }
        true
    }
}

/// The Flink versions that a job graph was made with.
fn made_with(graph: &[u8]) -> Option<&'static str> {
    let names = |class: &str| graph.windows(class.len()).any(|part| part == class.as_bytes());
    MADE_WITH.into_iter().find(|(class, _)| names(class)).map(|(_, versions)| versions)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> (tempfile::NamedTempFile, GraphFile) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), content).unwrap();
        let graph = GraphFile {
            path: file.path().to_owned(),
            option: "--job-graph",
            savepoint: None,
            allow_non_restored_state: false,
        };
        (file, graph)
    }

    #[test]
    fn a_file_that_is_no_serialized_object_is_refused_without_a_jvm_and_a_jar_gets_its_own_advice()
    {
        let (_kept, graph) = file(b"\xac\xed\0\x05sr");
        assert_eq!(graph.check_header(), Ok(()));
        for (content, advice) in
            [(&b"PK\x03\x04"[..], "--jars"), (b"SELECT 1;", "ObjectOutputStream"), (b"", "Object")]
        {
            let (kept, graph) = file(content);
            let error = graph.check_header().unwrap_err();
            let begin =
                format!("--job-graph: {}: not a serialized job graph: ", kept.path().display());
            assert!(error.starts_with(&begin) && error.contains(advice), "{error}");
        }
        let (kept, graph) = file(b"");
        let path = kept.path().display().to_string();
        drop(kept);
        let error = graph.check_header().unwrap_err();
        assert!(error.contains("--job-graph") && error.contains(&path), "{error}");
    }

    #[test]
    fn the_version_that_made_a_job_graph_is_known_by_a_class_that_each_one_names() {
        for (class, versions) in MADE_WITH {
            assert_eq!(made_with(format!("..t\0{class}xp").as_bytes()), Some(versions));
        }
        assert_eq!(made_with(b"\xac\xed\0\x05"), None);
    }
}
