//! `inspect`: everything about one task.

use std::{
    collections::BTreeMap,
    fmt,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use serde::Serialize;

use super::Found;
use crate::{
    diagnosis,
    files::Folder,
    journal::{About, Update},
    text,
};

/// How many lines of trouble are shown from each log.
const ERRORS: usize = 5;

/// The year 10000, in seconds since 1970: later dates do not fit the format.
const YEAR_10000: f64 = 253_402_300_799.0;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    task: String,
    user: String,
    sandbox: String,
    /// Process id of the executor; none if it is not running.
    executor_pid: Option<i32>,
    pid: Option<i32>,
    /// Milliseconds from the executor's start to each step that was reached.
    timeline: BTreeMap<String, u64>,
    /// Status updates, whether or not the agent has received them yet.
    #[serde(rename = "told")]
    updates: Vec<Update>,
    /// How the TaskManager was or will be started.
    about: Option<About>,
    /// JVM crash reports, heap dumps and core dumps in the sandbox: names and sizes.
    crash_files: Vec<String>,
    last_errors: Vec<String>,
}

impl Report {
    pub(super) fn of(found: Found) -> Self {
        let folder = Folder::open(&found.sandbox).ok().filter(|folder| folder.owner == found.owner);
        let logs = ["stderr", "log/taskmanager.log"];
        let logs = logs.iter().filter_map(|name| folder.as_ref()?.file(Path::new(name)).ok());
        let last_errors = logs.flat_map(|log| diagnosis::last_errors(&log, ERRORS)).collect();
        Self {
            task: found.task().to_owned(),
            user: found.user(),
            sandbox: found.sandbox.display().to_string(),
            executor_pid: found.lives.then_some(found.entry.executor.pid),
            pid: found.task_manager().map(|(process, _)| process.pid),
            timeline: found.entry.timeline,
            updates: found.entry.updates,
            about: found.entry.about,
            crash_files: diagnosis::crash_files(&found.sandbox),
            last_errors,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pid = |pid: Option<i32>| {
            pid.map_or_else(|| "not running".to_owned(), |pid| format!("process {pid}"))
        };
        writeln!(f, "task          {}", text::line(&self.task))?;
        writeln!(f, "user          {}", text::line(&self.user))?;
        writeln!(f, "sandbox       {}", text::line(&self.sandbox))?;
        writeln!(f, "executor      {}", pid(self.executor_pid))?;
        writeln!(f, "TaskManager   {}", pid(self.pid))?;
        let mut timeline: Vec<_> = self.timeline.iter().collect();
        timeline.sort_by_key(|(_, at)| **at);
        for (step, at) in timeline {
            writeln!(f, "{at:>8} ms   {}", text::line(step))?;
        }
        writeln!(f, "\nstatus updates (UTC)")?;
        for update in &self.updates {
            let message = update.message.replace('\n', "\n    ");
            writeln!(f, "  {}  {}: {message}", moment(update.at), text::line(&update.state))?;
        }
        if let Some(about) = &self.about {
            let not_yet = about.command.is_empty().then(|| "not started".to_owned());
            let command = not_yet.unwrap_or_else(|| about.command.join(" "));
            writeln!(f, "\nFlink {}\n  {}", text::line(&about.flink), text::line(&command))?;
            writeln!(f, "\nartifacts")?;
            let delivery = about.delivery.as_ref().map(ToString::to_string);
            [&about.source]
                .into_iter()
                .chain(&delivery)
                .try_for_each(|line| writeln!(f, "  {}", text::line(line)))?;
            for (title, pairs) in
                [("configuration", &about.configuration), ("environment", &about.environment)]
            {
                writeln!(f, "\n{title}")?;
                let shown = |(name, value): (&String, &String)| {
                    format!("{}: {}", text::line(name), text::line(value))
                };
                pairs.iter().map(shown).try_for_each(|pair| writeln!(f, "  {pair}"))?;
            }
        }
        if !self.crash_files.is_empty() {
            writeln!(f, "\nleft by a crash")?;
            self.crash_files.iter().try_for_each(|file| writeln!(f, "  {}", text::line(file)))?;
        }
        writeln!(f, "\nlast errors")?;
        self.last_errors.iter().try_for_each(|line| writeln!(f, "  {}", text::line(line)))
    }
}

/// Seconds since 1970 as `2026-11-28T23:14:31.831Z`, or unchanged if they are not a valid time.
fn moment(seconds: f64) -> String {
    let time = Some(seconds).filter(|seconds| (0.0..YEAR_10000).contains(seconds));
    let since_1970 = |seconds: f64| Duration::from_millis((seconds * 1000.0).round() as u64);
    let time = time.and_then(|seconds| UNIX_EPOCH.checked_add(since_1970(seconds)));
    time.map_or_else(
        || format!("{seconds:e}"),
        |time| humantime::format_rfc3339_millis(time).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_readable_and_invalid_ones_are_shown_unchanged() {
        assert_eq!(moment(1_795_907_671.831), "2026-11-28T23:14:31.831Z");
        for seconds in [f64::NAN, f64::INFINITY, -1.0, 1e300, YEAR_10000] {
            assert_eq!(moment(seconds), format!("{seconds:e}"));
            assert!(moment(seconds).len() < 30);
        }
    }
}
