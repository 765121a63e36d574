//! What the end of the JobManager's process means for the cluster.
//!
//! The JobManager of an application ends with it. Its exit code says whether the application failed, but not whether it
//! was cancelled; only the line with which its shutdown begins does. Nor does the exit code say who chose it: an
//! application's code may end the JVM with any. Flink logs the reason before it ends the JVM itself, and after
//! `System.exit` the shutdown hooks leave their messages.

use std::process::ExitStatus;

/// What an end means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    /// A regular end: `DELETE /cluster`, or an application that has finished.
    Finished,
    /// The application was cancelled.
    Cancelled,
    /// The application failed, and would fail again.
    ApplicationFailed,
    /// The application's own code ended the JVM with this exit code before its job had finished.
    Exited(i32),
    /// A crash.
    Crashed,
}

/// `ApplicationStatus.FAILED` of Flink is 1443; the exit code keeps eight bits of it.
const APPLICATION_FAILED: i32 = 1443 % 256;
/// `ClusterEntrypoint.RUNTIME_FAILURE_RETURN_CODE` of Flink; also used for other failures.
const MAIN_FAILED: i32 = 2;
const SHUTTING_DOWN: &str = " down with application status ";
/// One of these is logged when the JVM runs its shutdown hooks. The first is often lost, because the logging library
/// shuts down at the same time.
const HOOKS: [&str; 3] =
    ["Cluster entrypoint has been closed externally", "Running CoordinatedShutdown", "Shutting down remote daemon"];
/// Flink logs one of these before it ends the JVM itself, and when a signal does.
const FLINKS_OWN: [&str; 5] = [
    "Fatal error occurred in the cluster entrypoint",
    "Could not start cluster entrypoint",
    "Could not create application program",
    "FATAL: Thread ",
    "RECEIVED SIGNAL ",
];
/// Exit codes of a JVM ended by a signal: 128 plus the signal.
const BY_SIGNAL: std::ops::RangeInclusive<i32> = 129..=159;
/// `ApplicationStatus.UNKNOWN` of Flink is 1445.
const UNKNOWN: i32 = 1445 % 256;

/// The end of a session. A regular end ends the whole cluster, so it must be certain: the JobManager has been up and
/// was asked to shut down. A job's code that ends the JVM with exit code 0 does not count. `log` is the end of the
/// JobManager's log.
pub(super) fn of_session(status: Option<ExitStatus>, was_up: bool, log: &str) -> Ending {
    let from_outside = log.rsplit_once(SHUTTING_DOWN).is_some_and(|(_, said)| said.starts_with("UNKNOWN"));
    match status {
        Some(status) if status.success() && was_up && !from_outside => Ending::Finished,
        _ => Ending::Crashed,
    }
}

/// The end of an application, possibly before its REST API answered. `log` is the end of the JobManager's log.
pub(super) fn of_application(status: Option<ExitStatus>, log: &str) -> Ending {
    let is_cancelled = || log.rsplit_once(SHUTTING_DOWN).is_some_and(|(_, said)| said.starts_with("CANCELED"));
    match status.and_then(|status| status.code()) {
        Some(0) if is_cancelled() => Ending::Cancelled,
        Some(0) if is_exit(0, log) && !has_finished(log) => Ending::Exited(0),
        Some(0) => Ending::Finished,
        Some(APPLICATION_FAILED) => Ending::ApplicationFailed,
        // Flink 1.x ends like this when `main` throws before it submits a job, or submits none; 2.x ends as above.
        Some(MAIN_FAILED) if log.contains("ApplicationExecutionException") => Ending::ApplicationFailed,
        Some(code) if is_exit(code, log) => Ending::Exited(code),
        _ => Ending::Crashed,
    }
}

/// Whether the application's code ended the JVM: neither Flink nor a signal nor the JVM itself ends with this code.
fn is_exit(code: i32, log: &str) -> bool {
    let is_by_flink = log.rsplit_once(SHUTTING_DOWN).is_some_and(|(_, said)| !said.starts_with("UNKNOWN"))
        || FLINKS_OWN.iter().any(|phrase| log.contains(phrase));
    let is_known = BY_SIGNAL.contains(&code) || code == UNKNOWN;
    !is_known && !is_by_flink && HOOKS.iter().any(|phrase| log.contains(phrase))
}

/// Whether the application's last job finished.
fn has_finished(log: &str) -> bool {
    log.rsplit_once(" reached terminal state ").is_some_and(|(_, state)| state.starts_with("FINISHED"))
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
    fn an_application_has_finished_when_its_job_manager_ends_with_0_and_logs_no_other_end() {
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
    fn an_application_whose_code_ends_the_jvm_before_its_job_has_finished_has_failed_whatever_the_exit_code() {
        let hooks =
            "x INFO CoordinatedShutdown [] - Running CoordinatedShutdown with reason [ActorSystemTerminateReason]\n";
        let said = log("UNKNOWN. Diagnostics Cluster entrypoint has been closed externally..");
        for code in [0, 1, 2, 3, 77, 239] {
            assert_eq!(of_application(exited(code), hooks), Ending::Exited(code));
            assert_eq!(of_application(exited(code), &said), Ending::Exited(code));
            assert_ne!(of_application(exited(code), ""), Ending::Exited(code), "the JVM itself, or Runtime.halt");
        }
        for own in FLINKS_OWN {
            assert_eq!(of_application(exited(1), &format!("{own}\n{hooks}")), Ending::Crashed, "{own}");
        }
        for code in [143, 130, 165] {
            assert_eq!(of_application(exited(code), hooks), Ending::Crashed);
        }
        let finished = format!("x INFO Dispatcher [] - Job 7 reached terminal state FINISHED.\n{hooks}");
        assert_eq!(of_application(exited(0), &finished), Ending::Finished);
        assert_eq!(of_application(exited(1), &finished), Ending::Exited(1), "it says itself that it has failed");
        let failed = format!("{finished}x INFO Dispatcher [] - Job 8 reached terminal state FAILED.\n{hooks}");
        assert_eq!(of_application(exited(0), &failed), Ending::Exited(0));
        assert_eq!(of_session(exited(3), true, hooks), Ending::Crashed, "one job of several");
    }

    #[test]
    fn everything_else_is_a_crash() {
        for status in [exited(1), exited(165), exited(239), Some(ExitStatus::from_raw(9)), None] {
            assert_eq!(of_application(status, &log("UNKNOWN. Diagnostics null.")), Ending::Crashed);
        }
        assert_eq!(of_session(exited(0), false, ""), Ending::Crashed);
    }

    #[test]
    fn a_session_ends_on_request_and_not_when_a_job_ends_its_jvm() {
        assert_eq!(of_session(exited(0), true, &log("SUCCEEDED. Diagnostics null.")), Ending::Finished);
        assert_eq!(of_session(exited(0), true, "no log at all"), Ending::Finished);
        let from_outside = log("UNKNOWN. Diagnostics Cluster entrypoint has been closed externally..");
        assert_eq!(of_session(exited(0), true, &from_outside), Ending::Crashed);
    }
}
