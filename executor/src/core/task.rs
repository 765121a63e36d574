//! The one TaskManager, as the core sees it: see the drawing in [`crate::core`].

use std::{sync::Arc, time::Duration};

use fetcher::Progress;
use mesos::v1::{TaskState, task_status::Reason};
use overlays::worker::WorkerSpec;

use super::{Exit, ExitStatus, Failure, Output};

/// Progress is reported at least every five seconds; a little earlier, so that a late timer does not break that.
const REPORT_EVERY: Duration = Duration::from_secs(4);

/// What is left after SIGKILL is killed again: a process may have been forked between the look and the kill.
const DESTROY_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: String,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Received { work: Work },
    Fetching { work: Work, progress: Progress },
    Starting,
    Running { since: Duration },
    Killing(Killing),
    Terminal { since: Duration },
}

/// What the phases up to the start of the process have in hand.
#[derive(Debug)]
struct Work {
    spec: Arc<WorkerSpec>,
    report_at: Duration,
}

#[derive(Debug)]
struct Killing {
    cause: &'static str,
    since: Duration,
    step: Step,
}

#[derive(Debug)]
enum Step {
    /// The fetch or the start under way is being cancelled; should a process come of it, it gets this grace.
    Cancelling { grace: Duration },
    /// SIGTERM is sent.
    Terminating { destroy_at: Duration },
    /// SIGKILL is sent.
    Destroying { again_at: Duration },
}

/// A status to be reported, without what the core adds: ids, uuid, time.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) task_id: String,
    pub(super) state: TaskState,
    pub(super) reason: Option<Reason>,
    pub(super) message: String,
    /// Only worth sending when the agent has all before it: fetch progress.
    pub(super) passing: bool,
}

/// What a step of the task asks for.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) outputs: Vec<Output>,
    pub(super) reports: Vec<Report>,
}

impl Task {
    /// A task to be done: reports `TASK_STARTING` and begins the fetch.
    pub(super) fn launch(now: Duration, id: &str, spec: Arc<WorkerSpec>, effects: &mut Effects) -> Self {
        let task = Self {
            id: id.to_owned(),
            phase: Phase::Received { work: Work { spec: Arc::clone(&spec), report_at: now + REPORT_EVERY } },
        };
        task.report(TaskState::TaskStarting, None, format!("fetching Flink {}", spec.flink_version), effects);
        effects.outputs.push(Output::Fetch(spec));
        task
    }

    /// A task that ended before anything was begun.
    pub(super) fn over(now: Duration, id: &str) -> Self {
        Self { id: id.to_owned(), phase: Phase::Terminal { since: now } }
    }

    pub(super) fn progress(&mut self, progress: Progress) {
        match std::mem::replace(&mut self.phase, Phase::Starting) {
            Phase::Received { work } | Phase::Fetching { work, .. } => {
                self.phase = Phase::Fetching { work, progress };
            }
            other => self.phase = other,
        }
    }

    pub(super) fn fetched(&mut self, now: Duration, effects: &mut Effects) {
        match &self.phase {
            Phase::Received { work } | Phase::Fetching { work, .. } => {
                effects.outputs.push(Output::Start(Arc::clone(&work.spec)));
                self.phase = Phase::Starting;
            }
            Phase::Killing(killing) if killing.is_cancelling() => self.killed(now, "before it was started", effects),
            _ => {}
        }
    }

    pub(super) fn started(&mut self, now: Duration, pid: u32, effects: &mut Effects) {
        match &mut self.phase {
            Phase::Starting => {
                self.phase = Phase::Running { since: now };
                let message = format!("the TaskManager runs as process {pid}");
                self.report(TaskState::TaskRunning, None, message, effects);
            }
            Phase::Killing(killing) => {
                if let Step::Cancelling { grace } = killing.step {
                    killing.step = Step::Terminating { destroy_at: now + grace };
                    effects.outputs.push(Output::Terminate);
                }
            }
            _ => {}
        }
    }

    /// The fetch or the start failed.
    pub(super) fn failed(&mut self, now: Duration, failure: Failure, effects: &mut Effects) {
        match &self.phase {
            Phase::Received { .. } | Phase::Fetching { .. } | Phase::Starting => {
                self.phase = Phase::Terminal { since: now };
                self.report(failure.state, failure.reason, failure.message, effects);
            }
            Phase::Killing(killing) if killing.is_cancelling() => self.killed(now, "before it was started", effects),
            _ => {}
        }
    }

    /// The fetch or the start was cancelled, as asked.
    pub(super) fn cancelled(&mut self, now: Duration, effects: &mut Effects) {
        if matches!(&self.phase, Phase::Killing(killing) if killing.is_cancelling()) {
            self.killed(now, "before it was started", effects);
        }
    }

    /// The process and everything that came of it are gone.
    pub(super) fn exited(&mut self, now: Duration, exit: &Exit, effects: &mut Effects) {
        match &self.phase {
            Phase::Running { since } => {
                let separator = if exit.explanation.is_empty() { "" } else { ": " };
                let Exit { status, explanation, .. } = exit;
                let message = format!("the TaskManager {status} after {}{separator}{explanation}", passed(*since, now));
                self.phase = Phase::Terminal { since: now };
                let state = match exit.status {
                    ExitStatus::Code(0) => TaskState::TaskFinished,
                    _ => TaskState::TaskFailed,
                };
                self.report(state, exit.reason, message, effects);
            }
            Phase::Killing(killing) => {
                let how = match killing.step {
                    Step::Destroying { .. } => "it outlived its grace and was ended by SIGKILL",
                    _ => "it ended within its grace",
                };
                self.killed(now, how, effects);
            }
            _ => {}
        }
    }

    /// Ends the task. Again and again does no harm; a shorter grace than before counts.
    pub(super) fn kill(&mut self, now: Duration, grace: Duration, cause: &'static str, effects: &mut Effects) {
        match &mut self.phase {
            Phase::Received { .. } | Phase::Fetching { .. } | Phase::Starting => {
                effects.outputs.push(Output::Cancel);
                self.phase = Phase::Killing(Killing { cause, since: now, step: Step::Cancelling { grace } });
            }
            Phase::Running { .. } => {
                effects.outputs.push(Output::Terminate);
                let step = Step::Terminating { destroy_at: now + grace };
                self.phase = Phase::Killing(Killing { cause, since: now, step });
            }
            Phase::Killing(killing) => {
                match &mut killing.step {
                    Step::Cancelling { grace: earlier } => *earlier = grace.min(*earlier),
                    Step::Terminating { destroy_at } => *destroy_at = (now + grace).min(*destroy_at),
                    Step::Destroying { .. } => {}
                }
                return;
            }
            Phase::Terminal { .. } => return,
        }
        self.report(TaskState::TaskKilling, None, cause.to_owned(), effects);
    }

    /// Does what is due at this time.
    pub(super) fn due(&mut self, now: Duration, effects: &mut Effects) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        let message = match &mut self.phase {
            Phase::Received { work } => {
                work.report_at = now + REPORT_EVERY;
                Some(shown(Progress::default()))
            }
            Phase::Fetching { work, progress } => {
                work.report_at = now + REPORT_EVERY;
                Some(format!("fetching Flink {}: {}", work.spec.flink_version, shown(*progress)))
            }
            Phase::Killing(killing) => {
                killing.step = Step::Destroying { again_at: now + DESTROY_EVERY };
                effects.outputs.push(Output::Destroy);
                None
            }
            Phase::Starting | Phase::Running { .. } | Phase::Terminal { .. } => None,
        };
        if let Some(message) = message {
            let (task_id, state) = (self.id.clone(), TaskState::TaskStarting);
            effects.reports.push(Report { task_id, state, reason: None, message, passing: true });
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Received { work } | Phase::Fetching { work, .. } => Some(work.report_at),
            Phase::Killing(killing) => match killing.step {
                Step::Cancelling { .. } => None,
                Step::Terminating { destroy_at } => Some(destroy_at),
                Step::Destroying { again_at } => Some(again_at),
            },
            Phase::Starting | Phase::Running { .. } | Phase::Terminal { .. } => None,
        }
    }

    pub(super) fn terminal_since(&self) -> Option<Duration> {
        match self.phase {
            Phase::Terminal { since } => Some(since),
            _ => None,
        }
    }

    fn killed(&mut self, now: Duration, how: &str, effects: &mut Effects) {
        let Phase::Killing(killing) = &self.phase else { return };
        let message = format!("{}: {how}, {}", killing.cause, passed(killing.since, now));
        let reason = killing.is_cancelling().then_some(Reason::TaskKilledDuringLaunch);
        self.phase = Phase::Terminal { since: now };
        self.report(TaskState::TaskKilled, reason, message, effects);
    }

    fn report(&self, state: TaskState, reason: Option<Reason>, message: String, effects: &mut Effects) {
        effects.reports.push(Report { task_id: self.id.clone(), state, reason, message, passing: false });
    }
}

impl Killing {
    fn is_cancelling(&self) -> bool {
        matches!(self.step, Step::Cancelling { .. })
    }
}

fn shown(progress: Progress) -> String {
    let Progress { files_done, files, bytes_done, bytes } = progress;
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    match files {
        0 => "waiting for an answer of the artifact server".to_owned(),
        _ => format!("{files_done} of {files} files, {:.1} of {:.1} MB", megabytes(bytes_done), megabytes(bytes)),
    }
}

fn passed(since: Duration, now: Duration) -> String {
    format!("{:.1} s", now.saturating_sub(since).as_secs_f64())
}
