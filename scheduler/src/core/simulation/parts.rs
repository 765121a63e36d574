//! What a world consists of: its agents with their tasks, the store, the Mesos master and the
//! application masters. What they do is in files of their names.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mesos::v1::{self, TaskState};

use super::resources::Amounts;
use crate::core::{
    Core,
    ids::Moment,
    state::{Change, State},
};

#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) framework: String,
    pub(crate) state: TaskState,
    pub(crate) taken: Amounts,
    /// Whether the JobManager lists it.
    pub(crate) registered: bool,
    /// Whether its executor receives nothing.
    pub(crate) deaf: bool,
    /// The port on which it could not listen, if it reports that.
    pub(crate) clash: Option<u64>,
    /// Whether anything other than the scheduler's kill ended it.
    pub(crate) misfortune: bool,
    /// Unacknowledged updates.
    pub(crate) unacknowledged: VecDeque<(u64, TaskState)>,
}

impl Task {
    pub(crate) fn is_alive(&self) -> bool {
        is_alive(self.state)
    }
}

pub(crate) fn is_alive(state: TaskState) -> bool {
    use TaskState::{TaskKilling, TaskRunning, TaskStaging, TaskStarting};
    matches!(state, TaskStaging | TaskStarting | TaskRunning | TaskKilling)
}

#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) host: usize,
    /// Whether the agent process runs.
    pub(crate) up: bool,
    /// Whether master and agent can talk.
    pub(crate) cut: bool,
    pub(crate) capacity: Amounts,
    /// Ports on which other processes listen, although they are offered.
    pub(crate) foreign_ports: BTreeSet<u64>,
    /// How often it has registered; messages sent before the last registration are lost.
    pub(crate) registration: u64,
    pub(crate) tasks: BTreeMap<String, Task>,
}

impl Agent {
    pub(crate) fn reachable(&self) -> bool {
        self.up && !self.cut
    }

    pub(crate) fn free(&self) -> Amounts {
        let mut free = self.capacity.clone();
        for task in self.tasks.values().filter(|task| task.is_alive()) {
            assert!(free.take(&task.taken), "{} has more tasks than room", self.id);
        }
        free
    }
}

/// A write that was sent.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) master: usize,
    pub(crate) session: u64,
    pub(crate) number: u64,
    pub(crate) changes: Vec<Change>,
}

#[derive(Debug)]
pub(crate) struct Keeper {
    /// The durable state.
    pub(crate) state: State,
    /// The candidates' sessions in the order of arrival; the first one leads.
    pub(crate) queue: Vec<(u64, usize)>,
    pub(crate) up: bool,
    /// A copy of the state that an operator may restore.
    pub(crate) copy: Option<State>,
    /// Writes that wait for the store to return.
    pub(super) waiting: Vec<Write>,
}

impl Keeper {
    pub(crate) fn new(epoch: String) -> Self {
        Self {
            state: State::fresh(epoch),
            queue: Vec::new(),
            up: true,
            copy: None,
            waiting: Vec::new(),
        }
    }

    pub(crate) fn leads(&self, session: u64) -> bool {
        self.queue.first().is_some_and(|(first, _)| *first == session)
    }

    /// Replaces the state by another one; nobody remembers the old one.
    pub(crate) fn forgets(&mut self, state: State) {
        self.state = state;
        self.queue.clear();
        self.waiting.clear();
    }
}

#[derive(Debug, Default)]
pub(crate) struct Master {
    pub(crate) up: bool,
    /// The registered framework, if any, and the link of its subscription.
    pub(crate) framework: Option<String>,
    pub(crate) link: Option<u64>,
    /// Removed frameworks: the registry does not store them, but no id is assigned twice.
    pub(crate) removed: BTreeSet<String>,
    /// The known tasks, by agent id.
    pub(crate) agents: BTreeMap<String, BTreeMap<String, TaskState>>,
    /// Registry agents that have not registered again since the failover.
    pub(super) recovering: BTreeSet<String>,
    pub(crate) unreachable: BTreeMap<String, BTreeSet<String>>,
    pub(crate) offers: BTreeMap<String, Offered>,
    pub(super) suppressed: bool,
    /// Agents with scheduled maintenance.
    pub(crate) maintenance: BTreeMap<String, Maintenance>,
    pub(super) filters: BTreeMap<usize, Moment>,
    pub(super) next: u64,
}

/// The resources offered of one agent.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(super) agent: usize,
    pub(super) amounts: Amounts,
    /// Whether the offer announces maintenance of the agent.
    pub(super) unavailable: bool,
}

/// The master's view of an agent with scheduled maintenance.
#[derive(Debug)]
pub(crate) struct Maintenance {
    pub(super) start: Moment,
    /// The unanswered inverse offer.
    pub(super) outstanding: Option<String>,
    /// The earliest time of the next inverse offer.
    pub(super) again: Moment,
}

impl Maintenance {
    pub(super) fn unavailability(&self) -> v1::Unavailability {
        let nanoseconds = i64::try_from(self.start.0).unwrap() * 1_000_000;
        v1::Unavailability { start: v1::TimeInfo { nanoseconds }, duration: None }
    }

    /// A framework that subscribes or revives offers gets inverse offers as if it had never
    /// answered.
    pub(super) fn reset(&mut self) {
        (self.outstanding, self.again) = (None, Moment(0));
    }
}

#[derive(Debug)]
pub(crate) struct ApplicationMaster {
    /// Counts up with every start of the process and every attempt to lead.
    pub(crate) session: u64,
    pub(crate) core: Option<Core>,
    pub(crate) framework: Option<String>,
    pub(crate) link: Option<u64>,
    /// Until then, the process does nothing.
    pub(crate) stalled_until: Moment,
    /// When the core needs its next tick; this replaces earlier requests.
    pub(crate) wake: Option<Moment>,
    pub(crate) job_manager: bool,
    pub(crate) offers_wanted: bool,
    /// Unanswered offers of the current link, and since when.
    pub(crate) unanswered: BTreeMap<String, Moment>,
    /// Offers that the master has rescinded, as far as this process has received that.
    pub(crate) rescinded: BTreeSet<String>,
    /// The launches of the last minute.
    pub(crate) launches: VecDeque<Moment>,
    pub(crate) stopping: bool,
    /// Ports named by a failure, by agent, and when.
    pub(crate) unusable: BTreeMap<(String, u64), Moment>,
}

impl ApplicationMaster {
    pub(crate) fn new() -> Self {
        Self {
            session: 0,
            core: None,
            framework: None,
            link: None,
            stalled_until: Moment(0),
            wake: None,
            job_manager: false,
            offers_wanted: false,
            unanswered: BTreeMap::new(),
            rescinded: BTreeSet::new(),
            launches: VecDeque::new(),
            stopping: false,
            unusable: BTreeMap::new(),
        }
    }
}
