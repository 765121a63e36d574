//! The end of a TaskManager: SIGTERM, its grace period, SIGKILL.

use std::time::Duration;

use crate::core::Exit;

/// A TaskManager that is being killed, or the fetch for it that is being cancelled.
#[derive(Debug)]
pub(super) struct Killing {
    pub(super) cause: &'static str,
    /// When SIGTERM was sent, or the fetch cancelled.
    pub(super) since: Duration,
    /// From SIGTERM to SIGKILL.
    pub(super) grace: Duration,
    pub(super) step: Step,
}

/// How far it is.
#[derive(Debug)]
pub(super) enum Step {
    /// The fetch or the start is being cancelled. If a process comes of it, it gets this grace.
    Cancelling { grace: Duration },
    /// SIGTERM was sent.
    Terminating { destroy_at: Duration },
    /// SIGKILL was sent.
    Destroying { again_at: Duration },
}

impl Killing {
    pub(super) fn is_cancelling(&self) -> bool {
        matches!(self.step, Step::Cancelling { .. })
    }

    /// How the process ended, as an addition to the cause.
    pub(super) fn how(&self, now: Duration, exit: &Exit) -> String {
        let Exit { status, survivors, .. } = exit;
        let note = if status.obeys_sigterm() { String::new() } else { format!("; it {status}") };
        let grace = format!("its grace period of {:.1} s", self.grace.as_secs_f64());
        let others = match survivors.others {
            0 => String::new(),
            1 => "1 process that it had started".to_owned(),
            count => format!("{count} processes that it had started"),
        };
        match (survivors.task_manager, survivors.others) {
            (false, 0) => format!(": ended {} after SIGTERM{note}", passed(self.since, now)),
            (false, _) => {
                format!(": it ended within {grace}, but {others} did not: killed by SIGKILL{note}")
            }
            (true, 0) => format!(": still alive after {grace}, killed by SIGKILL"),
            (true, _) => {
                format!(": it and {others} were still alive after {grace}, killed by SIGKILL")
            }
        }
    }

    /// A shorter grace period counts.
    pub(super) fn hurry(&mut self, now: Duration, grace: Duration) {
        match &mut self.step {
            Step::Cancelling { grace: earlier } => {
                *earlier = grace.min(*earlier);
                self.grace = *earlier;
            }
            Step::Terminating { destroy_at } => {
                *destroy_at = (now + grace).min(*destroy_at);
                self.grace = destroy_at.saturating_sub(self.since);
            }
            Step::Destroying { .. } => {}
        }
    }
}

/// The time between two moments, in seconds.
pub(super) fn passed(since: Duration, now: Duration) -> String {
    format!("{:.1} s", now.saturating_sub(since).as_secs_f64())
}
