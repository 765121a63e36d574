//! The one TaskManager, as the core sees it; [`crate::core`] draws its states.

mod killing;

use std::{sync::Arc, time::Duration};

use common::progress::megabytes;
use fetcher_client::Progress;
use mesos::v1::{TaskState, task_status::Reason};

use self::killing::{Killing, Step, passed};
use super::{
    Exit, ExitStatus, Failure, Output,
    effects::{Effects, Report},
    worker::Worker,
};

/// Progress is reported every five seconds; a second is left for late timers.
const REPORT_EVERY: Duration = Duration::from_secs(4);

/// How often SIGKILL is repeated: a process may fork between the listing of processes and the kill.
const DESTROY_EVERY: Duration = Duration::from_secs(1);

/// A TaskManager that dies later does not die of its class data, because all its classes are loaded
/// by then.
const FIRST_SECONDS: Duration = Duration::from_secs(15);

#[derive(Debug)]
pub(super) struct Task {
    pub(super) id: String,
    phase: Phase,
    /// The worker to start once more without class data, if its TaskManager dies early.
    warm: Option<Arc<Worker>>,
}

#[derive(Debug)]
enum Phase {
    Received(Work),
    Fetching(Work, Progress),
    Starting(Start),
    Running { since: Duration },
    Killing(Killing),
    Terminal { since: Duration },
}

/// A fetch under way.
#[derive(Debug)]
struct Work {
    worker: Arc<Worker>,
    report_at: Duration,
}

#[derive(Debug)]
enum Start {
    /// The process was requested.
    Asked { worker: Arc<Worker> },
    /// The process runs, but does not listen yet.
    Spawned { pid: u32, since: Duration },
}

impl Task {
    /// Launches a task: reports `TASK_STARTING` and begins the fetch.
    pub(super) fn launch(
        now: Duration,
        id: &str,
        worker: Arc<Worker>,
        effects: &mut Effects,
    ) -> Self {
        let work = Work { worker: Arc::clone(&worker), report_at: now + REPORT_EVERY };
        let task = Self { id: id.to_owned(), phase: Phase::Received(work), warm: None };
        task.report(
            TaskState::TaskStarting,
            format!("fetching Flink {}", worker.spec.flink_version),
            effects,
        );
        effects.outputs.push(Output::Fetch(worker));
        task
    }

    /// A task that ended before anything was started for it.
    pub(super) fn over(now: Duration, id: &str) -> Self {
        Self { id: id.to_owned(), phase: Phase::Terminal { since: now }, warm: None }
    }

    pub(super) fn progress(&mut self, progress: Progress) {
        let (Phase::Received(work) | Phase::Fetching(work, _)) = &self.phase else { return };
        let work = Work { worker: Arc::clone(&work.worker), report_at: work.report_at };
        self.phase = Phase::Fetching(work, progress);
    }

    pub(super) fn fetched(&mut self, now: Duration, effects: &mut Effects) {
        match &self.phase {
            Phase::Received(work) | Phase::Fetching(work, _) => {
                let worker = Arc::clone(&work.worker);
                self.start(worker, false, effects);
            }
            Phase::Killing(killing) if killing.is_cancelling() => {
                self.killed(now, " before its TaskManager was started", effects);
            }
            _ => {}
        }
    }

    pub(super) fn started(
        &mut self,
        now: Duration,
        pid: u32,
        class_data: bool,
        effects: &mut Effects,
    ) {
        match &mut self.phase {
            Phase::Starting(Start::Asked { worker }) => {
                self.warm = class_data.then(|| Arc::clone(worker));
                if worker.wait_for_port {
                    self.phase = Phase::Starting(Start::Spawned { pid, since: now });
                } else {
                    self.running(now, pid, effects);
                }
            }
            Phase::Killing(killing) => {
                if let Step::Cancelling { grace } = killing.step {
                    (killing.since, killing.step) =
                        (now, Step::Terminating { destroy_at: now + grace });
                    effects.outputs.push(Output::Terminate);
                }
            }
            _ => {}
        }
    }

    /// The process listens on its data port.
    pub(super) fn listening(&mut self, effects: &mut Effects) {
        if let Phase::Starting(Start::Spawned { pid, since }) = self.phase {
            self.running(since, pid, effects);
        }
    }

    /// Whether the process has registered with the JobManager; the error says why it has not in
    /// time.
    pub(super) fn health(&mut self, now: Duration, why: Result<(), String>, effects: &mut Effects) {
        let Phase::Running { since } = self.phase else { return };
        let healthy = Some(why.is_ok());
        let message = match why {
            Ok(()) => format!("registered with the JobManager after {}", passed(since, now)),
            Err(why) => {
                format!("not registered with the JobManager after {}: {why}", passed(since, now))
            }
        };
        let reason = Some(Reason::TaskHealthCheckStatusUpdated);
        let report = Report::new(&self.id, TaskState::TaskRunning, message);
        effects.reports.push(Report { reason, healthy, ..report });
    }

    /// The fetch or the start failed.
    pub(super) fn failed(&mut self, now: Duration, failure: Failure, effects: &mut Effects) {
        match &self.phase {
            Phase::Received(_) | Phase::Fetching(..) | Phase::Starting(Start::Asked { .. }) => {
                self.phase = Phase::Terminal { since: now };
                let report = Report::new(&self.id, failure.state, failure.message);
                effects.reports.push(Report {
                    reason: failure.reason,
                    blame: Some(failure.blame),
                    ..report
                });
            }
            Phase::Killing(killing) if killing.is_cancelling() => {
                self.killed(now, " before its TaskManager was started", effects);
            }
            _ => {}
        }
    }

    /// The fetch or the start was cancelled, as requested.
    pub(super) fn cancelled(&mut self, now: Duration, effects: &mut Effects) {
        if matches!(&self.phase, Phase::Killing(killing) if killing.is_cancelling()) {
            self.killed(now, " before its TaskManager was started", effects);
        }
    }

    /// The process and all its descendants are gone.
    pub(super) fn exited(&mut self, now: Duration, exit: &Exit, effects: &mut Effects) {
        match &self.phase {
            Phase::Running { since } | Phase::Starting(Start::Spawned { since, .. }) => {
                let early =
                    now.saturating_sub(*since) < FIRST_SECONDS && exit.is_unexplained_death();
                if let Some(worker) = self.warm.take().filter(|_| early) {
                    return self.start(worker, true, effects);
                }
                let separator = if exit.explanation.is_empty() { "" } else { ": " };
                let Exit { status, explanation, .. } = exit;
                let message = format!(
                    "the TaskManager {status} after {}{separator}{explanation}",
                    passed(*since, now)
                );
                self.phase = Phase::Terminal { since: now };
                let finished = exit.status == ExitStatus::Code(0);
                let state = if finished { TaskState::TaskFinished } else { TaskState::TaskFailed };
                let blame = (!finished).then_some(exit.blame);
                let report = Report::new(&self.id, state, message);
                effects.reports.push(Report { reason: exit.reason, blame, ..report });
            }
            Phase::Killing(killing) => {
                let how = killing.how(now, exit);
                self.killed(now, &how, effects);
            }
            _ => {}
        }
    }

    /// Ends the task. It may be called again; a shorter grace than before counts.
    pub(super) fn kill(
        &mut self,
        now: Duration,
        grace: Duration,
        cause: &'static str,
        effects: &mut Effects,
    ) {
        let step = match &mut self.phase {
            Phase::Received(_) | Phase::Fetching(..) | Phase::Starting(Start::Asked { .. }) => {
                effects.outputs.push(Output::Cancel);
                Step::Cancelling { grace }
            }
            Phase::Running { .. } | Phase::Starting(Start::Spawned { .. }) => {
                effects.outputs.push(Output::Terminate);
                Step::Terminating { destroy_at: now + grace }
            }
            Phase::Killing(killing) => return killing.hurry(now, grace),
            Phase::Terminal { .. } => return,
        };
        self.phase = Phase::Killing(Killing { cause, since: now, grace, step });
        self.report(TaskState::TaskKilling, cause.to_owned(), effects);
    }

    /// Does what is due at this time.
    pub(super) fn due(&mut self, now: Duration, effects: &mut Effects) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        match &mut self.phase {
            Phase::Received(work) => {
                work.report_at = now + REPORT_EVERY;
                let message = work.message(Progress::default());
                self.droppable_report(message, effects);
            }
            Phase::Fetching(work, progress) => {
                work.report_at = now + REPORT_EVERY;
                let message = work.message(*progress);
                self.droppable_report(message, effects);
            }
            Phase::Killing(killing) => {
                killing.step = Step::Destroying { again_at: now + DESTROY_EVERY };
                effects.outputs.push(Output::Destroy);
            }
            Phase::Starting(_) | Phase::Running { .. } | Phase::Terminal { .. } => {}
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Received(work) | Phase::Fetching(work, _) => Some(work.report_at),
            Phase::Killing(killing) => match killing.step {
                Step::Cancelling { .. } => None,
                Step::Terminating { destroy_at } => Some(destroy_at),
                Step::Destroying { again_at } => Some(again_at),
            },
            Phase::Starting(_) | Phase::Running { .. } | Phase::Terminal { .. } => None,
        }
    }

    pub(super) fn terminal_since(&self) -> Option<Duration> {
        match self.phase {
            Phase::Terminal { since } => Some(since),
            _ => None,
        }
    }

    fn start(&mut self, worker: Arc<Worker>, quarantine: bool, effects: &mut Effects) {
        effects.outputs.push(Output::Start { worker: Arc::clone(&worker), quarantine });
        self.phase = Phase::Starting(Start::Asked { worker });
    }

    fn running(&mut self, since: Duration, pid: u32, effects: &mut Effects) {
        self.phase = Phase::Running { since };
        self.report(
            TaskState::TaskRunning,
            format!("the TaskManager runs as process {pid}"),
            effects,
        );
    }

    fn killed(&mut self, now: Duration, how: &str, effects: &mut Effects) {
        let Phase::Killing(killing) = &self.phase else { return };
        let message = format!("{}{how}", killing.cause);
        let reason = killing.is_cancelling().then_some(Reason::TaskKilledDuringLaunch);
        self.phase = Phase::Terminal { since: now };
        effects
            .reports
            .push(Report { reason, ..Report::new(&self.id, TaskState::TaskKilled, message) });
    }

    fn report(&self, state: TaskState, message: String, effects: &mut Effects) {
        effects.reports.push(Report::new(&self.id, state, message));
    }

    fn droppable_report(&self, message: String, effects: &mut Effects) {
        let report = Report::new(&self.id, TaskState::TaskStarting, message);
        effects.reports.push(Report { droppable: true, ..report });
    }
}

impl Work {
    fn message(&self, progress: Progress) -> String {
        format!("fetching Flink {}: {}", self.worker.spec.flink_version, shown(progress))
    }
}

fn shown(progress: Progress) -> String {
    let Progress { files_done, files, bytes_done, bytes } = progress;
    match files {
        0 => "waiting for an answer of the artifact server".to_owned(),
        _ => format!("{files_done} of {files} files, {}", megabytes(bytes_done, Some(bytes))),
    }
}
