//! A status as text. Nothing in it can control the terminal.

use std::time::SystemTime;

use super::{Condition, JobManagerState, Status, WorkerCounts};
use crate::{
    console::{one_line, several_lines},
    table::{Mood, Paint, ago, table},
};

/// The status for people, at `now`.
pub(crate) fn lines(status: &Status, now: SystemTime, paint: Paint) -> String {
    let framework = status.framework.as_deref().unwrap_or("not registered yet");
    let mut lines = vec![
        field("Cluster", &one_line(&status.cluster)),
        field("Framework", &one_line(framework)),
        field("User", &one_line(&status.user)),
        field("Flink", &one_line(&status.flink)),
        field("Since", &one_line(&ago(&status.since, now))),
    ];
    lines.extend(conditions(status, paint));
    let state = match status.job_manager.state {
        JobManagerState::Starting => "starting",
        JobManagerState::Running => "running",
        JobManagerState::Restarting => "restarting",
        JobManagerState::Unreachable => "does not answer",
    };
    let web = status.job_manager.web.iter().map(|web| format!(", {}", one_line(web)));
    lines.push(field("JobManager", &format!("{state}{}", web.collect::<String>())));
    lines.push(field("TaskManagers", &counts(status.workers)));
    if let Some(failure) = &status.last_failure {
        let at = ago(&failure.at, now);
        let text = format!("{at}, {}: {}", failure.what, failure.reason);
        lines.push(field("Last failure", &several_lines(&text)));
    }
    for what in &status.waiting_for {
        lines.push(field("Waiting for", &one_line(what)));
    }
    lines.extend(jobs(status, now));
    lines.join("\n")
}

fn field(name: &str, value: &str) -> String {
    format!("{:<14}{value}", format!("{name}:"))
}

fn conditions(status: &Status, paint: Paint) -> impl Iterator<Item = String> {
    let conditions = &status.conditions;
    let all = [
        ("Ready", &conditions.ready, [Some(Mood::Bad), Some(Mood::Good)]),
        ("Progressing", &conditions.progressing, [None, None]),
        ("Degraded", &conditions.degraded, [Some(Mood::Good), Some(Mood::Bad)]),
    ];
    all.into_iter().map(move |(name, Condition { status, reason }, moods)| {
        let word = if *status { "yes" } else { "no" };
        let mood = moods[usize::from(*status)];
        let word = mood.map_or_else(|| word.to_owned(), |mood| paint.text(mood, word));
        field(name, &format!("{word}, {}", one_line(reason)))
    })
}

fn counts(workers: WorkerCounts) -> String {
    let WorkerCounts { wanted, registered, starting, stopping, unreachable, moving } = workers;
    let more = [(stopping, "stopping"), (unreachable, "unreachable"), (moving, "to be replaced")];
    let more = more.iter().filter(|(count, _)| *count > 0);
    let usual = [(wanted, "wanted"), (registered, "registered"), (starting, "starting")];
    let all = usual.iter().chain(more).map(|(count, what)| format!("{count} {what}"));
    all.collect::<Vec<_>>().join(", ")
}

fn jobs(status: &Status, now: SystemTime) -> Vec<String> {
    let Some(jobs) = &status.jobs else {
        return vec![field("Jobs", "unknown, the JobManager does not answer")];
    };
    if jobs.is_empty() {
        return vec![field("Jobs", "none")];
    }
    let rows = jobs.iter().map(|job| {
        [&job.id, &job.name, &job.state, &ago(&job.since, now)].map(|cell| one_line(cell))
    });
    let table = table(["JOB", "NAME", "STATE", "SUBMITTED"], rows.collect());
    [String::new()].into_iter().chain(table).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::control::status::{Conditions, Job, JobManager, LastFailure};

    fn status() -> Status {
        let condition = |status, reason: &str| Condition { status, reason: reason.to_owned() };
        let workers =
            WorkerCounts { wanted: 2, registered: 1, starting: 1, ..WorkerCounts::default() };
        Status {
            cluster: "blue".to_owned(),
            framework: Some("F-0001".to_owned()),
            user: "flink".to_owned(),
            flink: "1.20.5".to_owned(),
            since: "1970-01-01T00:00:00.000Z".to_owned(),
            conditions: Conditions {
                ready: condition(false, "1 of 2 TaskManagers registered"),
                progressing: condition(true, "1 TaskManager starting"),
                degraded: condition(false, "nothing fails"),
            },
            job_manager: JobManager {
                state: JobManagerState::Running,
                web: Some("http://m:8081".to_owned()),
            },
            workers,
            jobs: Some(vec![Job {
                id: "ab12".to_owned(),
                name: "WordCount".to_owned(),
                state: "RUNNING".to_owned(),
                since: "1970-01-01T00:01:00.000Z".to_owned(),
            }]),
            last_failure: Some(LastFailure {
                at: "1970-01-01T00:00:30.000Z".to_owned(),
                what: "taskmanager-1-00003".to_owned(),
                reason: "TASK_FAILED: disk full\n  the log is w.log".to_owned(),
            }),
            waiting_for: vec!["1 TaskManager to register".to_owned()],
        }
    }

    fn shown(status: &Status) -> String {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(120);
        lines(status, now, Paint::default())
    }

    #[test]
    fn people_see_conditions_with_reasons_workers_jobs_the_last_failure_and_what_is_awaited() {
        let expected = "\
Cluster:      blue
Framework:    F-0001
User:         flink
Flink:        1.20.5
Since:        2m ago
Ready:        no, 1 of 2 TaskManagers registered
Progressing:  yes, 1 TaskManager starting
Degraded:     no, nothing fails
JobManager:   running, http://m:8081
TaskManagers: 2 wanted, 1 registered, 1 starting
Last failure: 1m 30s ago, taskmanager-1-00003: TASK_FAILED: disk full
      the log is w.log
Waiting for:  1 TaskManager to register

JOB   NAME       STATE    SUBMITTED
ab12  WordCount  RUNNING  1m ago";
        assert_eq!(shown(&status()), expected);
        let without = Status { jobs: None, ..status() };
        assert!(shown(&without).ends_with("Jobs:         unknown, the JobManager does not answer"));
    }

    #[test]
    fn foreign_text_in_a_status_cannot_control_the_terminal() {
        let evil = || "x\u{1b}[2J\nready".to_owned();
        let mut status = status();
        (status.cluster, status.job_manager.web, status.since) = (evil(), Some(evil()), evil());
        status.conditions.degraded.reason = evil();
        status.waiting_for = vec![evil()];
        status.jobs = Some(vec![Job { id: evil(), name: evil(), state: evil(), since: evil() }]);
        status.last_failure = Some(LastFailure { at: evil(), what: evil(), reason: evil() });
        let shown = shown(&status);
        assert!(!shown.contains('\u{1b}') && !shown.contains("\nready"), "{shown}");
    }
}
