//! The decisions of the executor: a state machine that reads no clock, makes no request and starts
//! no process.
//!
//! The shell ([`crate::shell`]) reports what happened ([`Input`]) and when, and carries out what
//! the core returns ([`Output`]). Every output that begins something has an answer: `Subscribe` is
//! answered by `Subscribed` or `Disconnected`; `Fetch` by `Fetched`, `Failed` or `Cancelled`;
//! `Start` by `Started`, `Failed` or `Cancelled`. After `Started`, the process is answered by
//! `Exited` once none of its descendants is left.
//!
//! The connection to the agent:
//!
//! ```text
//!              failed: pause, again                       failed: pause ≤ 0.5 s, again
//!                  ┌──────┐                                        ┌──────┐
//!               ┌──┴──────▼──┐  SUBSCRIBED  ┌────────────┐  lost ┌─┴──────▼──────────┐
//!   start ─────▶│ Connecting │─────────────▶│ Subscribed │──────▶│   Disconnected    │
//!               └──────┬─────┘              └────────────┘       │   (deadline)      │
//!                      │                          ▲  SUBSCRIBED  └─┬───────┬─────────┘
//!                      │                          └────────────────┘       │ checkpointing: after the recovery timeout
//!                      └────────── gave up ───────▶  end  ◀────────────────┘ otherwise: at once
//! ```
//!
//! The task:
//!
//! ```text
//!           LAUNCH        progress        fetched         started (and, if wanted, listening)
//!        ────────▶ Received ───▶ Fetching ────▶ Starting ────────▶ Running
//!                     │             │              │                  │ │
//!                     ├─────────────┴──────────────┤ KILL, SHUTDOWN   │ │ exited
//!                     │ failed                     ▼                  │ │
//!                     │                        Killing ◀──────────────┘ │
//!                     │             cancel │ TERM, grace, KILL          │
//!                     ▼                    ▼                            ▼
//!                  Terminal (exactly one terminal update; the executor ends once it is acknowledged)
//! ```
//!
//! A TaskManager that was started with class data from the host's cache may die within its first
//! seconds for no known reason. Then the task returns to Starting, once, and the TaskManager is
//! started again without class data.
//!
//! While the task runs, its health says whether the TaskManager has registered with the JobManager
//! in time.
//!
//! Invariants after every step, checked by the simulation:
//! - updates are sent in their order until acknowledged; each has one uuid and never changes;
//! - every launched task gets exactly one terminal update, and no update after it;
//! - no process is started after a KILL, and a KILL that arrives before its LAUNCH counts;
//! - the executor never exits while a process of the task may be alive.

#[cfg(test)]
mod behaviour;
mod connection;
mod effects;
mod events;
#[cfg(test)]
mod simulation;
mod task;
mod timeline;
mod updates;
mod worker;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use mesos::v1::{TaskInfo, TaskState, TaskStatus, task_status::Reason};

use connection::{Connection, Due};
use effects::{Effects, Report};
pub use events::{
    Blame, Ended, Exit, ExitStatus, Failure, Input, Now, Output, Settings, Survivors,
};
use task::Task;
use timeline::{Step, Timeline};
use updates::Updates;
pub use updates::Uuids;
pub use worker::Worker;

pub use crate::rotation::OutputLimits;

/// An executor that gets no task within this time after its start exits.
const IDLE_LIMIT: Duration = Duration::from_secs(300);

/// How long to wait for the acknowledgement of a terminal update after the time to shut down is
/// over.
const LAST_WORD: Duration = Duration::from_secs(1);

/// At most this much of the time to shut down is reserved for the last update, not for the
/// TaskManager.
const LAST_PART: Duration = Duration::from_secs(5);

/// How long a terminal update may stay unacknowledged while the agent is connected.
const ACKNOWLEDGE_LIMIT: Duration = Duration::from_secs(60);

/// How many ids of tasks to remember that were killed before they were launched.
const REMEMBERED_KILLS: usize = 64;

/// The state machine.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    connection: Connection,
    task: Option<Task>,
    /// Launched tasks of which the agent has acknowledged no update, in the order of their launch.
    unacknowledged: Vec<TaskInfo>,
    /// Kill policy of every task launched here, rejected ones included.
    launched: BTreeMap<String, Option<Duration>>,
    killed_before_launch: BTreeSet<String>,
    updates: Updates,
    timeline: Timeline,
    killing_state: bool,
    ending: Option<Ending>,
    idle_until: Duration,
    ended: bool,
}

#[derive(Debug)]
struct Ending {
    reason: &'static str,
    /// How long to wait for the last acknowledgement.
    give_up_at: Duration,
    agent_is_gone: bool,
}

impl Core {
    /// A core whose clock starts at zero; `uuids` makes the uuids of its updates.
    pub fn new(settings: Settings, uuids: Uuids) -> Self {
        let connection = Connection::new(
            Duration::ZERO,
            settings.recovery_timeout,
            settings.subscription_backoff_max,
        );
        Self {
            settings,
            connection,
            task: None,
            unacknowledged: Vec::new(),
            launched: BTreeMap::new(),
            killed_before_launch: BTreeSet::new(),
            updates: Updates::new(uuids),
            timeline: Timeline::default(),
            killing_state: false,
            ending: None,
            idle_until: IDLE_LIMIT,
            ended: false,
        }
    }

    /// Handles what happened at this time, and returns what the shell must do.
    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Output> {
        if self.ended {
            return Vec::new();
        }
        let mut effects = Effects::default();
        self.note_step(now.elapsed, &input);
        self.take(now.elapsed, input, &mut effects);
        self.due(now.elapsed, &mut effects);
        self.make_updates(now, &mut effects);
        let mut outputs = effects.outputs;
        if self.connection.subscribed_since().is_some() {
            outputs.extend(
                self.updates.unsent(now.elapsed).into_iter().map(Box::new).map(Output::Send),
            );
        }
        outputs.extend(self.end(now.elapsed));
        outputs
    }

    /// When to call [`Self::handle`] with [`Input::Tick`] unless something else happens before.
    pub fn deadline(&self) -> Option<Duration> {
        if self.ended {
            return None;
        }
        let deadlines = [
            self.connection.deadline(),
            self.updates.deadline(),
            self.task.as_ref().and_then(Task::deadline),
            self.last_wait(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// With nothing left to do: until when to wait for the agent's last event.
    fn last_wait(&self) -> Option<Duration> {
        let over = self.task.as_ref().map(Task::terminal_since);
        match (&self.ending, over) {
            (_, Some(None)) => None,
            (Some(ending), _) if ending.agent_is_gone => Some(ending.give_up_at),
            (Some(ending), over) => {
                Some(ending.give_up_at.max(over.flatten().unwrap_or_default() + LAST_WORD))
            }
            (None, None) => Some(self.idle_until),
            (None, Some(Some(over))) => {
                self.connection.subscribed_since().map(|since| over.max(since) + ACKNOWLEDGE_LIMIT)
            }
        }
    }

    fn note_step(&mut self, now: Duration, input: &Input) {
        let step = match input {
            Input::Subscribed { .. } => Step::Subscribed,
            Input::Launch(_) => Step::Launched,
            Input::Fetched => Step::Fetched,
            Input::Started { .. } => Step::Spawned,
            Input::Listening => Step::Listening,
            Input::Registered => Step::Registered,
            _ => return,
        };
        self.timeline.reached(step, now);
    }

    fn take(&mut self, now: Duration, input: Input, effects: &mut Effects) {
        match input {
            Input::Begin | Input::Tick => {}
            Input::Subscribed { killing_state } => {
                self.killing_state = killing_state;
                self.connection.subscribed(now);
            }
            Input::Disconnected => {
                self.connection.lost(now);
                self.updates.disconnected();
            }
            Input::Launch(task) => self.launch(now, *task, effects),
            Input::LaunchGroup(tasks) => {
                for task in tasks {
                    self.refuse(
                        now,
                        task,
                        "this executor runs single tasks, not task groups",
                        effects,
                    );
                }
            }
            Input::Kill { task_id, grace } => self.kill(now, task_id, grace, effects),
            Input::Acknowledged { task_id, uuid } => {
                if self.updates.acknowledge(&task_id, &uuid) {
                    self.unacknowledged.retain(|task| task.task_id.value != task_id);
                }
            }
            Input::Shutdown(reason) => self.shut_down(now, reason, effects),
            Input::SendFailed => self.updates.failed(now),
            work => {
                if let Some(task) = &mut self.task {
                    task.take(now, work, effects);
                }
            }
        }
    }

    fn launch(&mut self, now: Duration, info: TaskInfo, effects: &mut Effects) {
        let id = info.task_id.value.clone();
        if self.launched.contains_key(&id) {
            return;
        }
        if self.task.is_some() {
            return self.refuse(
                now,
                info,
                "this executor runs exactly one task, and has it already",
                effects,
            );
        }
        let killed = self.ending.is_some() || self.killed_before_launch.remove(&id);
        if killed {
            self.note_launch(info);
            self.task = Some(Task::over(now, &id));
            let report =
                Report::new(&id, TaskState::TaskKilled, "killed before it was launched".to_owned());
            effects.reports.push(Report { reason: Some(Reason::TaskKilledDuringLaunch), ..report });
            return;
        }
        match Worker::of(&info) {
            Ok(worker) => {
                self.note_launch(info);
                self.task = Some(Task::launch(now, &id, Arc::new(worker), effects));
            }
            Err(message) => self.refuse(now, info, &message, effects),
        }
    }

    /// Rejects a task that this executor can never run.
    fn refuse(&mut self, now: Duration, info: TaskInfo, message: &str, effects: &mut Effects) {
        let id = info.task_id.value.clone();
        if self.launched.contains_key(&id) {
            return;
        }
        self.note_launch(info);
        self.task.get_or_insert_with(|| Task::over(now, &id));
        let report = Report::new(&id, TaskState::TaskError, message.to_owned());
        effects.reports.push(Report { reason: Some(Reason::TaskInvalid), ..report });
    }

    fn note_launch(&mut self, info: TaskInfo) {
        let grace = info.kill_policy.as_ref().and_then(|policy| policy.grace_period.as_ref());
        let grace =
            grace.map(|grace| Duration::from_nanos(grace.nanoseconds.try_into().unwrap_or(0)));
        self.launched.insert(info.task_id.value.clone(), grace);
        self.unacknowledged.push(info);
    }

    fn kill(
        &mut self,
        now: Duration,
        task_id: String,
        grace: Option<Duration>,
        effects: &mut Effects,
    ) {
        match (&mut self.task, self.launched.get(&task_id)) {
            (Some(task), Some(policy)) if task.id == task_id => {
                let grace = grace.or(*policy).unwrap_or(self.settings.kill_grace);
                task.kill(now, grace, "stopped on request", effects);
            }
            (_, Some(_)) => {}
            (_, None) => {
                if self.killed_before_launch.len() < REMEMBERED_KILLS {
                    self.killed_before_launch.insert(task_id);
                }
            }
        }
    }

    fn shut_down(&mut self, now: Duration, reason: &'static str, effects: &mut Effects) {
        let give_up_at = now + self.settings.shutdown_grace;
        self.ending.get_or_insert(Ending { reason, give_up_at, agent_is_gone: false });
        // The agent kills us after its grace: reserve a little for the last update.
        let last_part = (self.settings.shutdown_grace / 5).min(LAST_PART);
        self.end_task(now, self.settings.shutdown_grace.saturating_sub(last_part), reason, effects);
    }

    fn end_task(
        &mut self,
        now: Duration,
        longest: Duration,
        reason: &'static str,
        effects: &mut Effects,
    ) {
        if let Some(task) = &mut self.task {
            let policy = self.launched.get(&task.id).copied().flatten();
            task.kill(
                now,
                policy.unwrap_or(self.settings.kill_grace).min(longest),
                reason,
                effects,
            );
        }
    }

    fn due(&mut self, now: Duration, effects: &mut Effects) {
        match self.connection.due(now) {
            Due::Nothing => {}
            Due::Subscribe => effects.outputs.push(Output::Subscribe {
                tasks: self.unacknowledged.clone(),
                updates: self.updates.for_subscribe(),
            }),
            Due::GiveUp => {
                let reason = "the agent is gone";
                self.ending = Some(Ending { reason, give_up_at: now, agent_is_gone: true });
                self.end_task(now, Duration::MAX, reason, effects);
            }
        }
        if let Some(task) = &mut self.task {
            task.due(now, effects);
        }
    }

    fn make_updates(&mut self, now: Now, effects: &mut Effects) {
        for report in effects.reports.drain(..) {
            let would_wait =
                self.connection.subscribed_since().is_none() || !self.updates.is_empty();
            let unsupported = report.state == TaskState::TaskKilling && !self.killing_state;
            if unsupported || (report.droppable && would_wait) {
                continue;
            }
            let with_timeline = report.state != TaskState::TaskStarting;
            let started = now.unix - now.elapsed.as_secs_f64();
            let labels = with_timeline.then(|| self.timeline.labels(started, report.blame));
            let update =
                self.updates.add(TaskStatus { labels, ..self.settings.status(now, report) });
            effects.outputs.push(Output::Note(Box::new(update)));
        }
    }

    fn end(&mut self, now: Duration) -> Option<Output> {
        let over = self.task.as_ref().is_none_or(|task| task.terminal_since().is_some());
        let silent = self.last_wait().is_some_and(|until| until <= now);
        let acknowledged = self.updates.is_empty();
        let reason = match &self.ending {
            _ if !over => return None,
            Some(ending) if acknowledged || silent => ending.reason,
            None if acknowledged && self.task.is_some() => "its task is done",
            None if silent && self.task.is_some() => {
                "its task is done, but the agent does not acknowledge it"
            }
            None if silent => "no task was launched",
            _ => return None,
        };
        let agent_is_gone = self.ending.as_ref().is_some_and(|ending| ending.agent_is_gone);
        self.ended = true;
        Some(Output::End { reason, clean: acknowledged && !agent_is_gone })
    }
}

impl Task {
    fn take(&mut self, now: Duration, work: Input, effects: &mut Effects) {
        match work {
            Input::Progress(progress) => self.progress(progress),
            Input::Fetched => self.fetched(now, effects),
            Input::Started { pid, class_data } => self.started(now, pid, class_data, effects),
            Input::Listening => self.listening(effects),
            Input::Registered => self.health(now, Ok(()), effects),
            Input::Unregistered(why) => self.health(now, Err(why), effects),
            Input::Failed(failure) => self.failed(now, failure, effects),
            Input::Cancelled => self.cancelled(now, effects),
            Input::Exited(exit) => self.exited(now, &exit, effects),
            _ => {}
        }
    }
}
