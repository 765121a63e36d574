//! What the end of the JobManager's process means for the cluster.
//!
//! The JobManager of an application ends with it. Its exit code says whether the application
//! failed, but not whether it was cancelled; only the line with which its shutdown begins does. Nor
//! does the exit code say who chose it: an application's code may end the JVM with any. Flink logs
//! the reason before it ends the JVM itself, after `System.exit` the shutdown hooks leave their
//! messages, and after `Runtime.halt` nobody says anything.

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
    /// The application's own code ended the JVM by `System.exit` with this exit code before its job
    /// had finished.
    Exited(i32),
    /// The same without the JVM's shutdown hooks: by `Runtime.halt`.
    Halted(i32),
    /// A crash.
    Crashed,
}

/// What is known about the end of a JobManager.
#[derive(Debug, Clone, Default)]
pub(super) struct Evidence {
    /// How the process ended.
    pub(super) status: Option<ExitStatus>,
    /// Its REST API has answered.
    pub(super) was_up: bool,
    /// The end of its log.
    pub(super) log: String,
    /// The end of its standard output and standard error.
    pub(super) printed: String,
}

/// `ApplicationStatus.FAILED` of Flink is 1443; the exit code keeps eight bits of it.
const APPLICATION_FAILED: i32 = 1443 % 256;
/// `ClusterEntrypoint.RUNTIME_FAILURE_RETURN_CODE` of Flink; also used for other failures.
const MAIN_FAILED: i32 = 2;
const SHUTTING_DOWN: &str = " down with application status ";
/// Flink logs this before it calls the application's `main`.
const MAIN_BEGINS: &str = "Starting program (detached: ";
/// One of these is logged when the JVM runs its shutdown hooks. The first is often lost, because
/// the logging library shuts down at the same time.
const HOOKS: [&str; 3] = [
    "Cluster entrypoint has been closed externally",
    "Running CoordinatedShutdown",
    "Shutting down remote daemon",
];
/// Flink and its RPC library log one of these before they end the JVM themselves, and when a signal
/// does.
const FLINKS_OWN: [&str; 6] = [
    "Fatal error occurred in the cluster entrypoint",
    "Could not start cluster entrypoint",
    "Could not create application program",
    "FATAL: Thread ",
    "jvm-exit-on-fatal-error' is enabled",
    "RECEIVED SIGNAL ",
];
/// The JVM prints this when `-XX:+ExitOnOutOfMemoryError` ends it.
const JVMS_OWN: &str = "Terminating due to java.lang.OutOfMemoryError";
/// Exit codes of a JVM ended by a signal: 128 plus the signal.
const BY_SIGNAL: std::ops::RangeInclusive<i32> = 129..=159;
/// `ApplicationStatus.UNKNOWN` of Flink is 1445.
const UNKNOWN: i32 = 1445 % 256;

/// The end of a session. A regular end ends the whole cluster, so it must be certain: the
/// JobManager has been up and was asked to shut down. A job's code that ends the JVM with exit code
/// 0 does not count.
pub(super) fn of_session(evidence: &Evidence) -> Ending {
    let was_asked = match evidence.shutdown() {
        Some(_) => evidence.is_shut_down_by_flink(),
        None => !evidence.has_level_info(),
    };
    match evidence.status {
        Some(status) if status.success() && evidence.was_up && was_asked => Ending::Finished,
        _ => Ending::Crashed,
    }
}

/// The end of an application, possibly before its REST API answered.
pub(super) fn of_application(evidence: &Evidence) -> Ending {
    match evidence.status.and_then(|status| status.code()) {
        Some(0) if evidence.shutdown().is_some_and(|status| status.starts_with("CANCELED")) => {
            Ending::Cancelled
        }
        Some(0) if has_finished(&evidence.log) => Ending::Finished,
        Some(APPLICATION_FAILED) => Ending::ApplicationFailed,
        // Flink 1.x ends like this when `main` throws before it submits a job, or submits none; 2.x
        // ends as above.
        Some(MAIN_FAILED) if evidence.log.contains("ApplicationExecutionException") => {
            Ending::ApplicationFailed
        }
        Some(code) if evidence.is_exit(code) => Ending::Exited(code),
        Some(code) if evidence.is_halt(code) => Ending::Halted(code),
        Some(0) => Ending::Finished,
        _ => Ending::Crashed,
    }
}

impl Evidence {
    /// The application status with which Flink's shutdown began, and what follows.
    fn shutdown(&self) -> Option<&str> {
        self.log.rsplit_once(SHUTTING_DOWN).map(|(_, status)| status)
    }

    fn is_shut_down_by_flink(&self) -> bool {
        self.shutdown().is_some_and(|status| !status.starts_with("UNKNOWN"))
    }

    /// Whether the lines that Flink logs at level INFO are there.
    fn has_level_info(&self) -> bool {
        self.log.contains("INFO")
    }

    /// Whether the application's code ended the JVM by `System.exit`.
    fn is_exit(&self, code: i32) -> bool {
        !self.is_explained(code) && HOOKS.iter().any(|phrase| self.log.contains(phrase))
    }

    /// Whether the application's code ended the JVM without its shutdown hooks. It must have begun,
    /// and the log must be one in which Flink would have said more before an end of its own.
    fn is_halt(&self, code: i32) -> bool {
        let has_begun = self.was_up || self.log.contains(MAIN_BEGINS);
        !self.is_explained(code) && has_begun && self.has_level_info()
    }

    /// Whether Flink, a signal or the JVM itself ended the process with this code.
    fn is_explained(&self, code: i32) -> bool {
        let is_known = BY_SIGNAL.contains(&code) || code == UNKNOWN;
        let is_by_flink = FLINKS_OWN
            .iter()
            .any(|phrase| self.log.contains(phrase) || self.printed.contains(phrase));
        is_known || is_by_flink || self.is_shut_down_by_flink() || self.printed.contains(JVMS_OWN)
    }
}

/// Whether the application's last job finished.
fn has_finished(log: &str) -> bool {
    log.rsplit_once(" reached terminal state ")
        .is_some_and(|(_, state)| state.starts_with("FINISHED"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn exited(code: i32, log: &str) -> Evidence {
        Evidence {
            status: Some(ExitStatus::from_raw(code << 8)),
            log: log.to_owned(),
            ..Evidence::default()
        }
    }

    fn up(evidence: Evidence) -> Evidence {
        Evidence { was_up: true, ..evidence }
    }

    fn log(status: &str) -> String {
        format!(
            "2026-01-01 INFO  Received resource requirements\n2026-01-01 INFO  ClusterEntrypoint [] - Shutting \
             StandaloneApplicationClusterEntryPoint down with application status {status}\nthe rest\n"
        )
    }

    #[test]
    fn an_application_has_finished_when_its_job_manager_ends_with_0_and_logs_no_other_end() {
        assert_eq!(
            of_application(&exited(0, &log("SUCCEEDED. Diagnostics null."))),
            Ending::Finished
        );
        assert_eq!(of_application(&exited(0, "no log at all")), Ending::Finished);
    }

    #[test]
    fn a_cancelled_application_is_known_by_the_log_alone() {
        assert_eq!(
            of_application(&exited(0, &log("CANCELED. Diagnostics cancelled."))),
            Ending::Cancelled
        );
    }

    #[test]
    fn an_application_has_failed_when_its_job_manager_says_so_or_its_main_throws_before_there_is_a_job()
     {
        assert_eq!(
            of_application(&exited(163, &log("FAILED. Diagnostics null."))),
            Ending::ApplicationFailed
        );
        assert_eq!(of_application(&exited(163, "")), Ending::ApplicationFailed);
        let thrown = "x ERROR Fatal error occurred in the cluster entrypoint.\njava.util.concurrent.CompletionException: \
                      org.apache.flink.client.deployment.application.ApplicationExecutionException: Could not execute \
                      application.\n\tat a.b\nCaused by: java.lang.IllegalArgumentException: no such word\n";
        let thrown = format!("{thrown}{}", log("UNKNOWN. Diagnostics null."));
        assert_eq!(of_application(&exited(2, &thrown)), Ending::ApplicationFailed);
        assert_eq!(of_application(&exited(2, &log("UNKNOWN. Diagnostics null."))), Ending::Crashed);
        assert_eq!(of_session(&up(exited(2, &thrown))), Ending::Crashed);
    }

    #[test]
    fn an_application_whose_code_ends_the_jvm_before_its_job_has_finished_has_failed_whatever_the_exit_code()
     {
        let hooks = "x INFO CoordinatedShutdown [] - Running CoordinatedShutdown with reason [ActorSystemTerminateReason]\n";
        let said = log("UNKNOWN. Diagnostics Cluster entrypoint has been closed externally..");
        for code in [0, 1, 2, 3, 77, 239] {
            assert_eq!(of_application(&exited(code, hooks)), Ending::Exited(code));
            assert_eq!(of_application(&exited(code, &said)), Ending::Exited(code));
            assert_ne!(of_application(&exited(code, "")), Ending::Exited(code), "the JVM itself");
        }
        for own in FLINKS_OWN {
            assert_eq!(
                of_application(&exited(1, &format!("{own}\n{hooks}"))),
                Ending::Crashed,
                "{own}"
            );
        }
        for code in [143, 130, 165] {
            assert_eq!(of_application(&exited(code, hooks)), Ending::Crashed);
        }
        let finished =
            format!("x INFO Dispatcher [] - Job 7 reached terminal state FINISHED.\n{hooks}");
        assert_eq!(of_application(&exited(0, &finished)), Ending::Finished);
        assert_eq!(
            of_application(&exited(1, &finished)),
            Ending::Exited(1),
            "it says itself that it has failed"
        );
        let failed = format!(
            "{finished}x INFO Dispatcher [] - Job 8 reached terminal state FAILED.\n{hooks}"
        );
        assert_eq!(of_application(&exited(0, &failed)), Ending::Exited(0));
        assert_eq!(of_session(&up(exited(3, hooks))), Ending::Crashed, "one job of several");
    }

    #[test]
    fn an_application_that_ends_without_any_explanation_after_its_main_has_begun_was_halted_by_its_own_code()
     {
        let running = "x INFO Job Source (1/1) switched from DEPLOYING to RUNNING.\n";
        let main = format!("{running}x INFO ClientUtils [] - {MAIN_BEGINS}true)\n");
        for code in [0, 1, 2, 3, 77, 239] {
            assert_eq!(of_application(&exited(code, &main)), Ending::Halted(code));
            assert_eq!(of_application(&up(exited(code, running))), Ending::Halted(code));
            assert_ne!(
                of_application(&exited(code, running)),
                Ending::Halted(code),
                "it has not begun"
            );
            let terse = "x WARN Source (1/1) is slow\n";
            assert_ne!(
                of_application(&up(exited(code, terse))),
                Ending::Halted(code),
                "Flink's own end is not logged"
            );
        }
        for own in FLINKS_OWN.into_iter().chain([JVMS_OWN]) {
            let evidence =
                Evidence { printed: format!("{own}: Java heap space\n"), ..up(exited(3, running)) };
            assert_eq!(of_application(&evidence), Ending::Crashed, "{own}");
        }
        for code in [130, 137, 143, 165] {
            assert_eq!(of_application(&up(exited(code, &main))), Ending::Crashed);
        }
        let finished =
            format!("{main}x INFO Dispatcher [] - Job 7 reached terminal state FINISHED.\n");
        assert_eq!(of_application(&up(exited(0, &finished))), Ending::Finished);
        assert_eq!(
            of_session(&up(exited(0, running))),
            Ending::Crashed,
            "a job halted it, nobody asked"
        );
        let killed = Evidence { status: Some(ExitStatus::from_raw(9)), ..up(exited(0, &main)) };
        assert_eq!(of_application(&killed), Ending::Crashed);
    }

    #[test]
    fn everything_else_is_a_crash() {
        let from = |raw: i32| Some(ExitStatus::from_raw(raw));
        for status in [from(1 << 8), from(165 << 8), from(239 << 8), from(9), None] {
            let log = log("UNKNOWN. Diagnostics null.");
            let evidence = Evidence { status, log, ..Evidence::default() };
            assert_eq!(of_application(&evidence), Ending::Crashed);
        }
        assert_eq!(of_session(&exited(0, "")), Ending::Crashed);
    }

    #[test]
    fn a_session_ends_on_request_and_not_when_a_job_ends_its_jvm() {
        assert_eq!(
            of_session(&up(exited(0, &log("SUCCEEDED. Diagnostics null.")))),
            Ending::Finished
        );
        assert_eq!(of_session(&up(exited(0, "no log at all"))), Ending::Finished);
        let from_outside =
            log("UNKNOWN. Diagnostics Cluster entrypoint has been closed externally..");
        assert_eq!(of_session(&up(exited(0, &from_outside))), Ending::Crashed);
    }
}
