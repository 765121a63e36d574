//! The life of one worker.
//!
//! ```text
//!            offer fits      stored         accepted       STAGING/STARTING     RUNNING
//!   (wanted) ─────────▶ Storing ──▶ Launching ──────▶ Staging ──────────▶ Running
//!                          │            │                │  ▲                │  ▲
//!                          │            │   UNREACHABLE  ▼  │ heard again    ▼  │
//!                          │            └──────────▶ Unreachable ◀───────────┘
//!                          ▼                             │ replaced: released
//!      too many, stopping, silent, unregistered          ▼
//!   any ───────────────────────────────────────────▶ Killing ── terminal status ──▶ (gone)
//! ```
//!
//! A worker that was replaced while unreachable is ended when it returns. If its replacement was
//! not placed yet, it becomes Running again instead. Exactly one of the two survives.
//!
//! *Wanted* and *gone* are not stored: *wanted* is the target less the workers that count; *gone*
//! means that there is no record. A terminal status leads to *gone* from every phase.

use std::time::Duration;

use smallvec::SmallVec;

use super::{ids::Moment, message::Output, state::WorkerRecord};

/// A worker that ran this long did not fail at its start.
pub(super) const STABLE: Duration = Duration::from_secs(60);

/// Number of repeated kills before the executor is shut down.
pub(super) const REMINDERS: u32 = 3;

/// The phase of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its record is being stored; its task cannot exist yet.
    Storing,
    /// The launch was sent; no status has arrived yet.
    Launching,
    /// Its executor is preparing.
    Staging,
    /// Its TaskManager runs.
    Running,
    /// The kill was sent; the time is that of the next reminder.
    Killing(Moment),
    /// Mesos has lost contact with its agent.
    Unreachable,
}

/// The ports of a worker; there are seldom more than two.
pub type WorkerPorts = SmallVec<[u16; 4]>;

/// A worker as the core sees it.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Its stored record.
    pub record: WorkerRecord,
    /// Its phase.
    pub phase: Phase,
    /// Since when it is in that phase.
    pub since: Moment,
    /// When it last reported.
    pub heard: Moment,
    /// Whether Mesos has reported its state since the last (re)subscription.
    pub answered: bool,
    /// Whether the JobManager lists its TaskManager.
    pub registered: bool,
    /// Since when it is not listed.
    pub unregistered: Moment,
    /// Whether it has run for a while.
    pub proven: bool,
    /// Whether it was released only because it was unreachable, without a kill.
    pub given_up: bool,
    /// Number of kills repeated since the last (re)subscription.
    pub reminders: u32,
    /// Its ports, if this application master launched it.
    pub ports: WorkerPorts,
}

/// Timeouts for each phase of a worker.
#[derive(Clone, Debug)]
pub struct Patience {
    /// From the launch to the first status; then Mesos is asked.
    pub first_word: Duration,
    /// From one status to the next while the executor prepares; then the worker is replaced.
    pub staging: Duration,
    /// Until the TaskManager registers with the JobManager; then the worker is replaced.
    pub registration: Duration,
    /// Between two kills of one worker.
    pub kill: Duration,
    /// From the kill to the end of a worker; then its executor is shut down.
    pub obey: Duration,
    /// For an unreachable worker to return; then it is replaced.
    pub unreachable: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_word: Duration::from_secs(30),
            staging: Duration::from_secs(300),
            registration: Duration::from_secs(300),
            kill: Duration::from_secs(10),
            obey: Duration::from_secs(15),
            unreachable: Duration::from_secs(60),
        }
    }
}

/// What to do about a worker whose deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// Ask Mesos for its state.
    AskMesos,
    /// Replace it: its executor has not reported for too long.
    Silent,
    /// Replace it: its TaskManager did not register with the JobManager.
    Unregistered,
    /// Repeat the kill.
    KillAgain,
    /// Replace it, and stop counting on it.
    Replace,
    /// Note that it has run long enough to show that launching works.
    Proven,
}

impl Worker {
    /// A worker with a new record.
    pub fn new(record: WorkerRecord, phase: Phase, now: Moment) -> Self {
        Self {
            record,
            phase,
            since: now,
            heard: now,
            answered: true,
            registered: false,
            unregistered: now,
            proven: false,
            given_up: false,
            reminders: 0,
            ports: WorkerPorts::new(),
        }
    }

    /// A worker found in the store.
    pub fn recovered(record: WorkerRecord, now: Moment) -> Self {
        let phase = match (record.released, record.running) {
            (true, _) => Phase::Killing(now),
            (false, true) => Phase::Running,
            (false, false) => Phase::Launching,
        };
        Self { answered: false, ..Self::new(record, phase, now) }
    }

    /// Changes the phase. If it stays the same, so does the time of arrival.
    pub fn enter(&mut self, phase: Phase, now: Moment) {
        if std::mem::discriminant(&self.phase) != std::mem::discriminant(&phase) {
            self.since = now;
            self.reminders = 0;
        }
        self.given_up &= !matches!(phase, Phase::Killing(_));
        self.phase = phase;
    }

    /// The output that ends its task.
    pub(super) fn kill(&self) -> Output {
        Output::Kill {
            worker: self.record.id.clone(),
            agent: Some(self.record.place.agent.clone()),
        }
    }

    /// Whether it has not ended within its time, despite repeated kills.
    pub(super) fn disobeys(&self, patience: &Patience) -> bool {
        self.reminders >= REMINDERS
            && patience.kill.saturating_mul(self.reminders - 1) >= patience.obey
    }

    /// Whether it counts towards the target.
    pub fn counts(&self) -> bool {
        !self.record.released
    }

    /// Whether the JobManager can use it and it is not being ended.
    pub fn is_ready(&self) -> bool {
        self.counts() && self.phase == Phase::Running && self.registered
    }

    /// Whether it is unreachable and released, so that nothing waits for it.
    pub fn is_written_off(&self) -> bool {
        self.record.released && self.phase == Phase::Unreachable
    }

    /// Its next deadline and what follows if nothing is reported until then. `job_manager` is since
    /// when the JobManager has been up.
    pub fn deadline(
        &self,
        patience: &Patience,
        job_manager: Option<Moment>,
    ) -> Option<(Moment, Overdue)> {
        match self.phase {
            Phase::Storing => None,
            Phase::Launching => Some((self.heard.after(patience.first_word), Overdue::AskMesos)),
            Phase::Staging => Some((self.heard.after(patience.staging), Overdue::Silent)),
            Phase::Running => {
                let proven = (!self.proven).then(|| (self.since.after(STABLE), Overdue::Proven));
                // It cannot register before the JobManager is up.
                let unregistered = job_manager.filter(|_| !self.registered).map(|up| {
                    let since = self.since.max(self.unregistered).max(up);
                    (since.after(patience.registration), Overdue::Unregistered)
                });
                proven.into_iter().chain(unregistered).min_by_key(|(at, _)| *at)
            }
            Phase::Killing(next) => Some((next, Overdue::KillAgain)),
            Phase::Unreachable if self.record.released => None,
            Phase::Unreachable => Some((self.since.after(patience.unreachable), Overdue::Replace)),
        }
    }
}
