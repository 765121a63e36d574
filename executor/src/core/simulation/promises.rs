//! What must hold after every step, seen from outside the core.

use std::{collections::BTreeSet, time::Duration};

use mesos::v1::{TaskState, TaskStatus};

/// A connected agent gets the progress of a fetch at least this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// A restarted agent waits two seconds for its executors, which leaves time for several attempts.
const NEXT_ATTEMPT: Duration = Duration::from_millis(500);

/// How long the executor may live after SHUTDOWN and the end of the task.
const LAST_WORD: Duration = Duration::from_secs(1);

/// As in the settings of the tests.
pub(super) const KILL_GRACE: Duration = Duration::from_secs(3);
pub(super) const SHUTDOWN_GRACE: Duration = Duration::from_secs(5);
const RECOVERY: Duration = Duration::from_secs(900);
const FIRST_SUBSCRIPTION: Duration = Duration::from_secs(60);

/// The state of the world that the promises depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) elapsed: Duration,
    /// The agent receives our updates.
    pub(super) up: bool,
    /// Not connected, and no attempt to subscribe is under way.
    pub(super) down: bool,
    /// A fetch is under way and not cancelled.
    pub(super) fetching: bool,
    /// A fetch, a start or a process exists.
    pub(super) busy: bool,
    pub(super) process: Option<Process>,
    pub(super) ended: bool,
}

/// The TaskManager.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Process {
    pub(super) listens: bool,
    pub(super) terminated: Option<Duration>,
    pub(super) destroyed: bool,
}

/// Remembers what was requested and what was reported.
#[derive(Debug, Default)]
pub(super) struct Promises {
    checkpoint: bool,
    patient: bool,
    /// The grace in the tasks' own kill policy.
    policy: Option<Duration>,
    /// The task whose artifacts are being fetched or whose process runs.
    current: Option<String>,
    killed: BTreeSet<String>,
    /// When its end was requested, and with which grace.
    requests: Vec<(Duration, Duration)>,
    shutdown: Option<Duration>,
    was_up: bool,
    /// When the agent is given up unless it answers before.
    give_up_at: Option<Duration>,
    given_up: bool,
    down_since: Option<Duration>,
    /// Whether progress must be reported; `silent_since` is when it last was.
    expects_progress: bool,
    silent_since: Duration,
    idle_since: Duration,
    /// Every update in the order in which they were made, and those that were acknowledged.
    made: Vec<TaskStatus>,
    acknowledged: Vec<(String, Vec<u8>)>,
    /// The updates that were sent on the current connection.
    offered: BTreeSet<usize>,
}

impl Promises {
    pub(super) fn new(checkpoint: bool, patient: bool, policy: Option<Duration>) -> Self {
        let give_up_at = Some(if checkpoint { RECOVERY } else { FIRST_SUBSCRIPTION });
        Self { checkpoint, patient, policy, give_up_at, ..Self::default() }
    }

    pub(super) fn made(&self) -> impl Iterator<Item = &TaskStatus> {
        self.made.iter()
    }

    pub(super) fn acknowledged(&self) -> &[(String, Vec<u8>)] {
        &self.acknowledged
    }

    pub(super) fn subscribed(&mut self) {
        if !self.given_up {
            (self.was_up, self.give_up_at) = (true, None);
        }
    }

    pub(super) fn disconnected(&mut self, now: Duration) {
        let recovery = if self.checkpoint { RECOVERY } else { Duration::ZERO };
        if self.was_up && !self.given_up {
            self.give_up_at.get_or_insert(now + recovery);
        }
    }

    pub(super) fn kill(&mut self, now: Duration, id: &str, grace: Option<Duration>) {
        self.killed.insert(id.to_owned());
        if self.current.as_deref() == Some(id) {
            self.requests.push((now, grace.or(self.policy).unwrap_or(KILL_GRACE)));
        }
    }

    /// Four fifths of the grace are the task's.
    pub(super) fn shut_down(&mut self, now: Duration, tasks: &[&str]) {
        self.killed.extend(tasks.iter().map(|id| (*id).to_owned()));
        self.requests.push((now, self.policy.unwrap_or(KILL_GRACE).min(SHUTDOWN_GRACE * 4 / 5)));
        self.shutdown.get_or_insert(now);
    }

    /// The agent may also be waiting for this task's end.
    pub(super) fn launched(&mut self, now: Duration) {
        self.idle_since = now;
    }

    pub(super) fn acknowledge(&mut self, key: (String, Vec<u8>)) {
        self.acknowledged.push(key);
    }

    /// Time has advanced to `now`, and the core is called next.
    pub(super) fn reach(&mut self, now: Duration) {
        assert!(
            !self.expects_progress || now <= self.silent_since + PROGRESS_EVERY,
            "progress came too late"
        );
        if !self.given_up && self.give_up_at.is_some_and(|at| at <= now) {
            self.given_up = true;
            self.requests.push((now, self.policy.unwrap_or(KILL_GRACE)));
        }
    }

    /// Nothing may begin after its end was requested.
    pub(super) fn begun(&mut self, id: &str) {
        assert!(
            !self.killed.contains(id) && !self.given_up,
            "work began after its end was requested"
        );
        self.current = Some(id.to_owned());
    }

    /// No process is ended unrequested, whether or not the agent is away.
    pub(super) fn asked_to_end(&self) {
        assert!(!self.requests.is_empty(), "its end was not requested");
    }

    /// The grace is the shortest one requested, counted from SIGTERM where that came later.
    pub(super) fn destroyed(&self, now: Duration, process: Process) {
        if !process.destroyed {
            assert_eq!(
                Some(now),
                self.destroy_at(process),
                "SIGKILL came at another time than after the grace"
            );
        }
    }

    fn destroy_at(&self, process: Process) -> Option<Duration> {
        let terminated = process.terminated?;
        self.requests.iter().map(|(asked, grace)| *asked.max(&terminated) + *grace).min()
    }

    /// Each task gets one terminal update and none after it; states only go forward, and are true.
    pub(super) fn make(&mut self, now: Now, update: TaskStatus) {
        let id = &update.task_id.value;
        let earlier = self.made.iter().filter(|made| made.task_id == update.task_id);
        let rank = earlier.map(|made| rank(made.state())).max().unwrap_or(0);
        assert!(rank <= self::rank(update.state()) && rank < 4, "{update:?} after something later");
        assert!(
            self.made.iter().all(|made| made.uuid != update.uuid),
            "its uuid belongs to another update"
        );
        let is_wanted =
            self.killed.contains(id) || (self.given_up && self.current.as_ref() == Some(id));
        match update.state() {
            TaskState::TaskRunning => {
                let process = now.process.expect("RUNNING without a process");
                assert!(process.listens || !self.patient, "RUNNING before it listens");
            }
            TaskState::TaskKilled => assert!(is_wanted, "KILLED without a request"),
            TaskState::TaskFinished | TaskState::TaskFailed => {
                assert!(!is_wanted, "{update:?} although its end was requested");
            }
            _ => {}
        }
        assert!(
            self::rank(update.state()) < 4 || !now.busy || self.current.as_ref() != Some(id),
            "over, but alive"
        );
        self.silent_since = now.elapsed;
        self.made.push(update);
    }

    /// An update is sent as it was made, and none before it is left out.
    pub(super) fn send(&mut self, update: &TaskStatus) {
        let at = self
            .made
            .iter()
            .position(|made| made == update)
            .expect("one that was made, and as it was made");
        let left_out =
            (0..at).find(|before| !self.offered.contains(before) && !self.is_acknowledged(*before));
        assert_eq!(left_out, None, "{update:?} is sent out of order");
        self.offered.insert(at);
    }

    /// A SUBSCRIBE lists exactly the unacknowledged updates in the order of their making.
    pub(super) fn subscribe(&mut self, now: Duration, updates: &[TaskStatus]) {
        assert!(
            self.down_since.is_none_or(|since| now <= since + NEXT_ATTEMPT),
            "the agent no longer waits"
        );
        let unacknowledged: Vec<usize> =
            (0..self.made.len()).filter(|at| !self.is_acknowledged(*at)).collect();
        let expected: Vec<_> = unacknowledged.iter().map(|at| &self.made[*at]).collect();
        assert_eq!(updates.iter().collect::<Vec<_>>(), expected);
        self.offered = unacknowledged.into_iter().collect();
    }

    fn is_acknowledged(&self, at: usize) -> bool {
        self.acknowledged.contains(&key(&self.made[at]))
    }

    /// Checks what no single output could show.
    pub(super) fn check(&mut self, now: Now) {
        let at = now.elapsed;
        if now.ended {
            return;
        }
        self.down_since = now.down.then(|| self.down_since.unwrap_or(at));
        if let Some(since) = self.down_since.filter(|_| !self.given_up) {
            assert!(at <= since + NEXT_ATTEMPT, "no attempt to subscribe");
        }
        if let Some(process) = now.process.filter(|process| !process.destroyed) {
            assert!(
                self.destroy_at(process).is_none_or(|by| by > at),
                "a process outlived its grace"
            );
        }
        let heard = (0..self.made.len()).all(|made| self.is_acknowledged(made));
        self.expects_progress = now.fetching && now.up && !self.given_up && heard;
        if !self.expects_progress {
            self.silent_since = at;
        }
        if now.busy {
            self.idle_since = at;
        }
        if let Some(shutdown) = self.shutdown {
            let last = (shutdown + SHUTDOWN_GRACE).max(self.idle_since + LAST_WORD);
            assert!(at < last || now.busy, "the executor outlived its shutdown");
        }
    }
}

pub(super) fn key(status: &TaskStatus) -> (String, Vec<u8>) {
    (status.task_id.value.clone(), status.uuid.as_ref().expect("every update has a uuid").to_vec())
}

pub(super) fn rank(state: TaskState) -> u8 {
    match state {
        TaskState::TaskStarting => 1,
        TaskState::TaskRunning => 2,
        TaskState::TaskKilling => 3,
        _ => 4,
    }
}
