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
//! One that was replaced for being out of sight is ended when it returns, unless nobody has taken its place yet: then it is
//! Running again. Exactly one survives.
//!
//! *Wanted* is not a state of a record but the difference between the target and the workers that count; *gone* is the
//! absence of a record. A terminal status leads to *gone* from every state.

use std::time::Duration;

use super::{
    message::{Moment, Output, WorkerRecord},
    pace::STABLE,
    ports::WorkerPorts,
};

/// A kill is repeated so often before anything harder is tried.
pub(super) const REMINDERS: u32 = 3;

/// Where a worker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its record is on the way into the store; its task cannot exist yet.
    Storing,
    /// The launch was sent; nothing was heard of it yet.
    Launching,
    /// Its executor is at work.
    Staging,
    /// Its TaskManager runs.
    Running,
    /// It was told to end; the time is that of the next reminder.
    Killing(Moment),
    /// Mesos has lost sight of its agent.
    Unreachable,
}

/// A worker as the core sees it.
#[derive(Clone, Debug)]
pub struct Worker {
    /// What the store has of it.
    pub record: WorkerRecord,
    /// Where it stands.
    pub phase: Phase,
    /// Since when it stands there.
    pub since: Moment,
    /// When it was last heard of.
    pub heard: Moment,
    /// Whether Mesos has told its state since the last (re)subscription.
    pub answered: bool,
    /// Whether the JobManager lists its TaskManager.
    pub registered: bool,
    /// Since when it does not.
    pub unregistered: Moment,
    /// Whether it has run for a while.
    pub proven: bool,
    /// Whether it was let go for no other reason than that nobody sees it, and nobody was told to end it.
    pub given_up: bool,
    /// How often Mesos was reminded of its kill since it knows us.
    pub reminders: u32,
    /// The ports it got, as far as this application master launched it.
    pub ports: WorkerPorts,
}

impl Phase {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Storing => "storing",
            Self::Launching => "launching",
            Self::Staging => "staging",
            Self::Running => "running",
            Self::Killing(_) => "killing",
            Self::Unreachable => "unreachable",
        }
    }
}

/// How long the core waits for a worker at each step.
#[derive(Clone, Debug)]
pub struct Patience {
    /// For a first word after the launch; then Mesos is asked.
    pub first_word: Duration,
    /// For the next word while the executor prepares; then it is replaced.
    pub staging: Duration,
    /// For the TaskManager to register with the JobManager; then it is replaced.
    pub registration: Duration,
    /// Between two kills of one worker.
    pub kill: Duration,
    /// For a worker to end after its kill; then its executor is shut down.
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

/// What is wrong with a worker whose time is up, or what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// Ask Mesos what became of it.
    Ask,
    /// Its executor has said nothing for too long.
    Silent,
    /// Its TaskManager did not register with the JobManager.
    Unregistered,
    /// Remind Mesos of the kill.
    KillAgain,
    /// Stop counting on it.
    Replace,
    /// It has run for so long that launching evidently works.
    Proven,
}

impl Worker {
    /// A worker whose record is new.
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

    /// Goes on to `phase`; staying there leaves the time of arrival as it is.
    pub fn enter(&mut self, phase: Phase, now: Moment) {
        if std::mem::discriminant(&self.phase) != std::mem::discriminant(&phase) {
            self.since = now;
            self.reminders = 0;
        }
        self.given_up &= !matches!(phase, Phase::Killing(_));
        self.phase = phase;
    }

    /// What ends its task.
    pub(super) fn kill(&self) -> Output {
        Output::Kill { worker: self.record.id.clone(), agent: Some(self.record.place.agent.clone()) }
    }

    /// Whether it does not obey: reminders came after it had all its time to end.
    pub(super) fn disobeys(&self, patience: &Patience) -> bool {
        self.reminders >= REMINDERS && patience.kill.saturating_mul(self.reminders - 1) >= patience.obey
    }

    /// Whether it counts towards the wanted number.
    pub fn counts(&self) -> bool {
        !self.record.released
    }

    /// Whether the JobManager can use it, and it is to stay so.
    pub fn is_ready(&self) -> bool {
        self.counts() && self.phase == Phase::Running && self.registered
    }

    /// Whether it is neither seen nor wanted any more: it stands in nobody's way.
    pub fn is_written_off(&self) -> bool {
        self.record.released && self.phase == Phase::Unreachable
    }

    /// When something is to be done about it if nothing is heard, and what. `job_manager` is since when there is one.
    pub fn deadline(&self, patience: &Patience, job_manager: Option<Moment>) -> Option<(Moment, Overdue)> {
        match self.phase {
            Phase::Storing => None,
            Phase::Launching => Some((self.heard.after(patience.first_word), Overdue::Ask)),
            Phase::Staging => Some((self.heard.after(patience.staging), Overdue::Silent)),
            Phase::Running => {
                let proven = (!self.proven).then(|| (self.since.after(STABLE), Overdue::Proven));
                // It cannot register before there is somebody to register with.
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
