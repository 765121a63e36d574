//! What the end of the JobManager's process means for the cluster.
//!
//! The JobManager of an application ends with it. Its exit code says whether the application failed, but not whether it was
//! cancelled; only the line with which it begins to shut down does.

use std::process::ExitStatus;

/// What an end means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// In order: `DELETE /cluster`, or an application that has finished.
    Finished,
    /// The application was cancelled.
    Cancelled,
    /// The application has failed, as far as is known why. It would again.
    ApplicationFailed(Option<String>),
    /// In disorder.
    Crashed,
}

/// `ApplicationStatus.FAILED` of Flink is 1443; a process's exit code is eight bits of it.
const APPLICATION_FAILED: i32 = 1443 % 256;
const SHUTTING_DOWN: &str = " down with application status ";

/// Of a session. Its end in order ends the cluster, so it must be sure: the JobManager has been up, and it was asked to shut
/// down. A job's code that ends the JVM with exit code 0 is not that. `log` is the end of the JobManager's log.
pub(super) fn of_session(status: Option<ExitStatus>, was_up: bool, log: &str) -> Ending {
    let from_outside = log.rsplit_once(SHUTTING_DOWN).is_some_and(|(_, said)| said.starts_with("UNKNOWN"));
    match status {
        Some(status) if status.success() && was_up && !from_outside => Ending::Finished,
        _ => Ending::Crashed,
    }
}

/// Of an application, which may end before its REST API has answered. `log` is the end of the JobManager's log.
pub(super) fn of_application(status: Option<ExitStatus>, log: &str) -> Ending {
    let is_cancelled = || log.rsplit_once(SHUTTING_DOWN).is_some_and(|(_, said)| said.starts_with("CANCELED"));
    match status.and_then(|status| status.code()) {
        Some(0) if is_cancelled() => Ending::Cancelled,
        Some(0) => Ending::Finished,
        Some(APPLICATION_FAILED) => Ending::ApplicationFailed(root_cause(log)),
        _ => Ending::Crashed,
    }
}

/// What is at the root of the exceptions with which Flink tells that an application failed.
fn root_cause(log: &str) -> Option<String> {
    let (_, told) = log.rsplit_once("Application FAILED")?;
    let cause = told.lines().filter_map(|line| line.strip_prefix("Caused by: ")).next_back()?;
    Some(cause.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "as the functions take it")]
    fn exited(code: i32) -> Option<ExitStatus> {
        Some(ExitStatus::from_raw(code << 8))
    }

    fn log(status: &str) -> String {
        format!(
            "2026-01-01 INFO  Received resource requirements\n2026-01-01 INFO  ClusterEntrypoint [] - Shutting \
             StandaloneApplicationClusterEntryPoint down with application status {status}\nthe rest\n"
        )
    }

    #[test]
    fn an_application_has_finished_when_its_job_manager_ends_with_0_and_does_not_say_otherwise() {
        assert_eq!(of_application(exited(0), &log("SUCCEEDED. Diagnostics null.")), Ending::Finished);
        assert_eq!(of_application(exited(0), "no log at all"), Ending::Finished);
    }

    #[test]
    fn a_cancelled_application_is_known_by_the_log_alone() {
        assert_eq!(of_application(exited(0), &log("CANCELED. Diagnostics cancelled.")), Ending::Cancelled);
    }

    #[test]
    fn a_failed_application_tells_what_is_at_the_root() {
        let told = "x INFO Application FAILED: \njava.util.concurrent.CompletionException: it failed\n\tat a.b\nCaused by: \
                    a.JobException: it failed\nCaused by: java.lang.IllegalStateException: no such word\n\t... 5 more\n";
        let ending = of_application(exited(163), &format!("{told}{}", log("FAILED. Diagnostics null.")));
        let why = "java.lang.IllegalStateException: no such word".to_owned();
        assert_eq!(ending, Ending::ApplicationFailed(Some(why)));
        assert_eq!(of_application(exited(163), ""), Ending::ApplicationFailed(None));
    }

    #[test]
    fn everything_else_is_a_crash() {
        for status in [exited(1), exited(165), exited(239), Some(ExitStatus::from_raw(9)), None] {
            assert_eq!(of_application(status, &log("UNKNOWN. Diagnostics null.")), Ending::Crashed);
        }
        assert_eq!(of_session(exited(0), false, ""), Ending::Crashed);
    }

    #[test]
    fn a_session_has_ended_when_it_was_asked_to_and_not_when_a_job_ends_its_jvm() {
        assert_eq!(of_session(exited(0), true, &log("SUCCEEDED. Diagnostics null.")), Ending::Finished);
        assert_eq!(of_session(exited(0), true, "no log at all"), Ending::Finished);
        let from_outside = log("UNKNOWN. Diagnostics Cluster entrypoint has been closed externally..");
        assert_eq!(of_session(exited(0), true, &from_outside), Ending::Crashed);
    }
}
