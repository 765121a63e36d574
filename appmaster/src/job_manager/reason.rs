//! Why the JobManager ended: the exception in its log with its causes and without frames. The root
//! cause comes first, preceded by its subject.

use std::{
    fs::Metadata,
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use flink::{
    config::Configuration,
    exception::{self, Chain, Subject, cut},
};
use fs_err as fs;

/// How much of the log's end may explain the end, in bytes.
const WINDOW: u64 = 64 << 10;

/// How much of the log's end may show who ended the JobManager, in bytes. A large cluster logs much
/// while it shuts down.
const SHUTDOWN_WINDOW: u64 = 8 << 20;

/// Without an exception, the last lines of standard error are shown; at most this many.
const LINES: usize = 5;

/// What a JVM prints on standard output that cannot begin, before the reason.
const NO_JVM: &str = "Error occurred during initialization of VM";

/// The JobManager's log, standard output and standard error, with their lengths before its start:
/// what other processes, or earlier runs, have written does not count.
#[derive(Debug)]
pub(super) struct Output {
    log: (PathBuf, Option<(u64, u64)>),
    out: (PathBuf, Option<(u64, u64)>),
    err: (PathBuf, Option<(u64, u64)>),
}

impl Output {
    /// Records the lengths before the start. Blocks.
    pub(super) fn begin(log: PathBuf, out: PathBuf, err: PathBuf) -> Self {
        let [log, out, err] = [log, out, err].map(|path| {
            let there = fs::metadata(&path).ok().map(|found| (found.ino(), found.len()));
            (path, there)
        });
        Self { log, out, err }
    }

    /// What was logged since, or the end of it. Blocks.
    pub(super) fn log(&self) -> String {
        since(&self.log, SHUTDOWN_WINDOW)
    }

    /// The end of what was printed since, on standard output and standard error. Blocks.
    pub(super) fn printed(&self) -> String {
        [&self.out, &self.err].map(|file| since(file, WINDOW)).join("\n")
    }

    /// The first line of the reason and the lines below it, if the reason can be determined.
    /// Blocks.
    pub(super) fn reason(
        &self,
        config: &Configuration,
        from_outside: bool,
    ) -> Option<(String, Vec<String>)> {
        let [log, err] = [&self.log, &self.err].map(|file| since(file, WINDOW));
        let exception = exception_reason(&log, &err, config, from_outside);
        exception.or_else(|| no_jvm(&since(&self.out, WINDOW))).or_else(|| {
            let said: Vec<_> = err
                .lines()
                .filter(|line| !line.trim().is_empty() && !line.starts_with("WARNING"))
                .collect();
            let (first, more) = said.get(said.len().saturating_sub(LINES)..)?.split_first()?;
            Some((cut(first), more.iter().map(|line| cut(line)).collect()))
        })
    }
}

/// Why no JVM began, if that was printed.
fn no_jvm(out: &str) -> Option<(String, Vec<String>)> {
    let (_, after) = out.rsplit_once(NO_JVM)?;
    let mut why = after.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = why.next().map(|why| format!("{NO_JVM}: {}", cut(why)));
    Some((first.unwrap_or_else(|| NO_JVM.to_owned()), why.take(LINES - 1).map(cut).collect()))
}

/// What was appended to a file since its length was recorded, at most the last `window` bytes.
fn since((path, before): &(PathBuf, Option<(u64, u64)>), window: u64) -> String {
    read_since(path, *before, window).unwrap_or_default()
}

fn read_since(path: &Path, before: Option<(u64, u64)>, window: u64) -> Option<String> {
    let mut file = fs::File::open(path).ok()?;
    let found: Metadata = file.metadata().ok()?;
    // A different file of the same name: the logging library has rotated the old one.
    let from = before
        .filter(|(inode, length)| *inode == found.ino() && *length <= found.len())
        .map_or(0, |(_, at)| at);
    file.seek(SeekFrom::Start(from.max(found.len().saturating_sub(window)))).ok()?;
    let mut bytes = Vec::new();
    file.take(window).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The exception that ended the JobManager. If a signal ended it, only a fatal exception counts.
fn exception_reason(
    log: &str,
    err: &str,
    config: &Configuration,
    from_outside: bool,
) -> Option<(String, Vec<String>)> {
    let (in_log, in_err) = (exception::decisive(log), exception::decisive(err));
    let chain = match (in_log, in_err) {
        (Some(in_log), Some(in_err)) if in_err.is_fatal() && !in_log.is_fatal() => in_err,
        (in_log, in_err) => in_log.or(in_err)?,
    };
    if from_outside && !chain.is_fatal() {
        return None;
    }
    let root = cut(chain.root().trim());
    let first = match named(&chain, config) {
        Some(named) => format!("{named}: {root}"),
        None => root.clone(),
    };
    let mut more = chain.shown();
    more.retain(|line| line.trim_start_matches("caused by: ") != root);
    Some((first, more))
}

/// The subject of the exception: the folder or port it names, with the option that sets that, or an
/// option.
fn named(chain: &Chain<'_>, config: &Configuration) -> Option<String> {
    let subject = Subject::of(&chain.text())?;
    let is_meant = |key: &str, value: &str| match &subject {
        Subject::Path(path) => value.contains(path.as_str()),
        Subject::Port { first, .. } => key.ends_with("port") && value == first.to_string(),
        Subject::Option(_) => false,
    };
    let option = config.iter().find(|(key, value)| is_meant(key, value)).map(|(key, _)| key);
    Some(match option {
        Some(key) => format!("{key}: {subject}"),
        None => subject.to_string(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flink::config::Source;

    use super::*;

    const FOLDER: &str = "2026-11-28 22:53:10,194 ERROR org.apache.flink.runtime.entrypoint.ClusterEntrypoint [] - Could not start \
        cluster entrypoint StandaloneSessionClusterEntrypoint.\n\
        org.apache.flink.runtime.entrypoint.ClusterEntrypointException: Failed to initialize the cluster entrypoint.\n\
        \tat a.B.c(D.java:1)\n\
        Caused by: java.lang.RuntimeException: unable to generate a JAAS configuration file\n\
        \tat a.B.c(D.java:1)\n\
        Caused by: java.nio.file.NoSuchFileException: /not/there\n\
        \t... 2 more\n\
        2026-11-28 22:53:11,000 INFO  a.b.C [] - Shutting down remote daemon.\n";

    #[test]
    fn the_reason_is_the_exception_with_its_causes_and_begins_with_the_option_it_is_about() {
        let mut config = Configuration::new();
        config.set("io.tmp.dirs", "/not/there/a", Source::DynamicProperty);
        let (first, more) = exception_reason(FOLDER, "", &config, false).unwrap();
        assert_eq!(first, "io.tmp.dirs: /not/there: java.nio.file.NoSuchFileException: /not/there");
        let expected = [
            "org.apache.flink.runtime.entrypoint.ClusterEntrypointException: Failed to initialize the cluster entrypoint.",
            "caused by: java.lang.RuntimeException: unable to generate a JAAS configuration file",
        ];
        assert_eq!(more, expected);
        let (first, _) = exception_reason(FOLDER, "", &Configuration::new(), false).unwrap();
        assert_eq!(first, "/not/there: java.nio.file.NoSuchFileException: /not/there");
        assert_eq!(exception_reason("", "", &config, false), None);
        let handled = "java.io.IOException: a job's own\n\tat a.B\n2026-11-28 x INFO y: z\n";
        assert_eq!(
            exception_reason(handled, "", &config, true),
            None,
            "it was killed, and not by that"
        );
    }

    #[test]
    fn earlier_output_of_others_is_not_part_of_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let [log, out, err] = ["log", "out", "err"].map(|name| folder.path().join(name));
        fs::write(&log, "java.io.IOException: another cluster's\n").unwrap();
        fs::write(&err, "of before\n").unwrap();
        let output = Output::begin(log.clone(), out, err.clone());
        assert_eq!(output.reason(&Configuration::new(), false), None);
        fs::write(&err, "of before\nUnrecognized VM option 'X'\nError: Could not create the Java Virtual Machine.\n")
            .unwrap();
        let (first, more) = output.reason(&Configuration::new(), false).unwrap();
        assert_eq!(first, "Unrecognized VM option 'X'");
        assert_eq!(more, ["Error: Could not create the Java Virtual Machine."]);
        // The old log was rotated.
        fs::rename(&log, folder.path().join("log.1")).unwrap();
        fs::write(&log, FOLDER).unwrap();
        let (first, _) = output.reason(&Configuration::new(), false).unwrap();
        assert!(first.contains("NoSuchFileException"), "{first}");
    }

    #[test]
    fn a_jvm_that_cannot_begin_says_why_only_on_its_standard_output() {
        let folder = tempfile::tempdir().unwrap();
        let [log, out, err] = ["log", "out", "err"].map(|name| folder.path().join(name));
        let output = Output::begin(log, out.clone(), err.clone());
        fs::write(
            &out,
            "Error occurred during initialization of VM\nMultiple garbage collectors selected\n",
        )
        .unwrap();
        fs::write(&err, "WARNING: A command line option has enabled the Security Manager\n")
            .unwrap();
        let (first, more) = output.reason(&Configuration::new(), false).unwrap();
        assert_eq!(
            first,
            "Error occurred during initialization of VM: Multiple garbage collectors selected"
        );
        assert!(more.is_empty(), "{more:?}");
    }

    #[test]
    fn the_begin_of_a_shutdown_is_found_however_much_a_large_cluster_logs_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let [log, out, err] = ["log", "out", "err"].map(|name| folder.path().join(name));
        let output = Output::begin(log.clone(), out.clone(), err.clone());
        let closing = "2026-01-01 INFO  ResourceManager [] - Closing TaskExecutor connection taskmanager-1-1\n";
        fs::write(
            &log,
            format!(
                "x INFO Shutting it down with application status SUCCEEDED.\n{}",
                closing.repeat(20_000)
            ),
        )
        .unwrap();
        assert!(output.log().starts_with("x INFO Shutting it down"));
        fs::write(&out, "to standard output").unwrap();
        fs::write(&err, "to standard error").unwrap();
        assert_eq!(output.printed(), "to standard output\nto standard error");
    }
}
