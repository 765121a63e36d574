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
    /// The application has failed. It would again.
    ApplicationFailed,
    /// In disorder.
    Crashed,
}

/// `ApplicationStatus.FAILED` of Flink is 1443; a process's exit code is eight bits of it.
const APPLICATION_FAILED: i32 = 1443 % 256;
/// `ClusterEntrypoint.RUNTIME_FAILURE_RETURN_CODE` of Flink: it stands for other failures, too.
const MAIN_FAILED: i32 = 2;
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
        Some(APPLICATION_FAILED) => Ending::ApplicationFailed,
        // Flink 1.x when `main` throws before it submits a job, or submits none; 2.x ends as above.
        Some(MAIN_FAILED) if log.contains("ApplicationExecutionException") => Ending::ApplicationFailed,
        _ => Ending::Crashed,
    }
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
    fn an_application_has_failed_when_its_job_manager_says_so_or_its_main_throws_before_there_is_a_job() {
        assert_eq!(of_application(exited(163), &log("FAILED. Diagnostics null.")), Ending::ApplicationFailed);
        assert_eq!(of_application(exited(163), ""), Ending::ApplicationFailed);
        let thrown = "x ERROR Fatal error occurred in the cluster entrypoint.\njava.util.concurrent.CompletionException: \
                      org.apache.flink.client.deployment.application.ApplicationExecutionException: Could not execute \
                      application.\n\tat a.b\nCaused by: java.lang.IllegalArgumentException: no such word\n";
        let thrown = format!("{thrown}{}", log("UNKNOWN. Diagnostics null."));
        assert_eq!(of_application(exited(2), &thrown), Ending::ApplicationFailed);
        assert_eq!(of_application(exited(2), &log("UNKNOWN. Diagnostics null.")), Ending::Crashed);
        assert_eq!(of_session(exited(2), true, &thrown), Ending::Crashed);
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
