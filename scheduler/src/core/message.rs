//! The core's inputs and outputs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use mesos::v1;

use super::{constraint::Values, evidence::Inspection, origin::Origin, resources::Taken};

/// A point in time: milliseconds since the Unix epoch, never running backwards within one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Time passed since `earlier`; zero if that is in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// The permanent name of one worker: its Mesos task id, its executor id and `taskmanager.resource-id`.
///
/// `taskmanager-<epoch>-<number>`: each leading application master draws an epoch, and the stored number counts up. So
/// an id is never used twice, not even after the store was lost or restored from an older copy. Workers are ordered by
/// number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId {
    /// Compared first: with a hundred thousand workers, most comparisons need not read the text.
    number: u64,
    text: Arc<str>,
}

impl WorkerId {
    /// The id of worker `number`, launched in `epoch`.
    pub fn new(epoch: &str, number: u64) -> Self {
        Self { number, text: format!("taskmanager-{epoch}-{number:05}").into() }
    }

    /// The id as Mesos and Flink see it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<&str> for WorkerId {
    fn from(id: &str) -> Self {
        let number = id.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
        Self { number, text: id.into() }
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An agent as its offers describe it. All messages about a worker on that agent share one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentProfile {
    /// The Mesos agent.
    pub agent: String,
    /// Its host name.
    pub hostname: String,
    /// The values that placement constraints compare.
    pub values: Values,
}

/// A worker as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerRecord {
    /// The worker.
    pub id: WorkerId,
    /// Where it was launched.
    pub place: Arc<AgentProfile>,
    /// When the launch was decided.
    pub launched: Moment,
    /// Whether its TaskManager was ever seen running.
    pub running: bool,
    /// Whether it must end: it is killed wherever it turns up.
    pub released: bool,
    /// The generation it was launched in; see [`State::generation`].
    pub generation: u64,
    /// What its TaskManager was started for; unknown in records of earlier versions.
    pub origin: Option<Arc<Origin>>,
}

/// Limits for replacing running workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Extra workers allowed during the replacement.
    pub surge: usize,
    /// Number of workers below the target that may be missing during the replacement.
    pub max_unavailable: usize,
}

impl Move {
    /// The largest value of either: the largest number of workers.
    pub const MOST: usize = 100_000;

    /// Whether these limits allow any replacement.
    pub fn is_possible(self) -> bool {
        self.check().is_ok()
    }

    /// The error if these limits cannot work, and what is allowed.
    pub fn check(self) -> Result<(), String> {
        for (name, number) in [("surge", self.surge), ("max-unavailable", self.max_unavailable)] {
            if number > Self::MOST {
                return Err(format!("{name} {number} is out of range (0 to {})", Self::MOST));
            }
        }
        if self.surge == 0 && self.max_unavailable == 0 {
            return Err("with surge 0 and max-unavailable 0 no worker can be replaced: one of them must be 1 or more"
                .to_owned());
        }
        Ok(())
    }
}

impl Default for Move {
    fn default() -> Self {
        Self { surge: 1, max_unavailable: 0 }
    }
}

/// Marks a cluster that has ended for good, or is about to: a standby must not start it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The exit code of every application master.
    pub exit_code: u8,
    /// The reason, if it did not end well.
    pub why: String,
}

/// The parts of a framework's registration that Mesos does not let change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// Its user; `None` if unknown. Mesos silently ignores another user.
    pub user: Option<String>,
    /// Its principal, if it has one. Mesos refuses the framework with another principal.
    pub principal: Option<String>,
}

/// One change of the durable state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The framework id assigned by Mesos; `None` when the framework was removed.
    Framework(Option<String>),
    /// The framework's user and principal.
    Registration(Registration),
    /// The number that the next worker gets.
    NextNumber(u64),
    /// A new or changed record of a worker.
    Worker(WorkerRecord),
    /// A worker that is gone.
    Forget(WorkerId),
    /// A drained agent, by id or host name.
    Drain(String),
    /// An agent that may be used again.
    Undrain(String),
    /// Replace workers of earlier generations, within these limits.
    Generation(u64, Move),
    /// The cluster ends.
    End(Ended),
}

/// The durable state as found at the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Drawn by each leader; part of the ids of the workers that it launches. The store has the first leader's.
    pub epoch: String,
    /// The framework id, once registered.
    pub framework: Option<String>,
    /// The framework's user and principal; unknown in states of earlier versions.
    pub registration: Option<Registration>,
    /// The number that the next worker gets, counted from 1.
    pub next_number: u64,
    /// All workers that may exist.
    pub workers: BTreeMap<WorkerId, WorkerRecord>,
    /// Drained agents, by id or host name.
    pub draining: BTreeSet<String>,
    /// Number of restarts of all workers. Workers of earlier generations are replaced.
    pub generation: u64,
    /// Limits for replacing them.
    pub restart: Move,
    /// Set if the cluster ended while this application master was a standby. Only set where standbys are possible.
    pub ended: Option<Ended>,
}

impl State {
    /// The state of a cluster that never ran.
    pub fn fresh(epoch: String) -> Self {
        Self { epoch, next_number: 1, ..Self::default() }
    }

    /// The state with which a new leader starts. The store may have been restored from an older copy, so its numbers
    /// alone cannot keep ids unique: each leader has a new epoch.
    #[must_use]
    pub fn led_again(self, epoch: String) -> Self {
        Self { epoch, ..self }
    }

    /// The next worker's number, at least 1. Ids do not depend on it alone ([`WorkerId`]). So a number too large to
    /// count up, which only a manipulated state has, starts again at 1.
    pub fn first_number(&self) -> u64 {
        if (1..u64::MAX / 2).contains(&self.next_number) { self.next_number } else { 1 }
    }

    /// Applies one change.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Framework(id) => {
                self.framework.clone_from(id);
                self.registration = None;
            }
            Change::Registration(registration) => self.registration = Some(registration.clone()),
            Change::NextNumber(number) => self.next_number = *number,
            Change::Worker(record) => {
                self.workers.insert(record.id.clone(), record.clone());
            }
            Change::Forget(id) => {
                self.workers.remove(id);
            }
            Change::Drain(agent) => {
                self.draining.insert(agent.clone());
            }
            Change::Undrain(agent) => {
                self.draining.remove(agent);
            }
            Change::Generation(generation, pace) => (self.generation, self.restart) = (*generation, *pace),
            Change::End(ended) => self.ended = Some(ended.clone()),
        }
    }
}

/// An event.
#[derive(Clone, Debug)]
pub enum Input {
    /// The number of workers wanted from now on.
    Target(usize),
    /// The master accepted the subscription under this framework id.
    Subscribed(String),
    /// The connection to the master is lost and being retried.
    Disconnected,
    /// The master has removed our framework: its tasks are gone and its id is invalid.
    FrameworkRemoved,
    /// Give up the current framework, whatever becomes of its tasks, and start over with a new one.
    ForgetFramework,
    /// Offers.
    Offers(Vec<v1::Offer>),
    /// An offer is no longer valid.
    Rescinded(String),
    /// A task's status.
    Status(Box<v1::TaskStatus>),
    /// The changes of [`Output::Store`] with this number are durable.
    Stored(u64),
    /// Whether the JobManager is up.
    JobManager(bool),
    /// The TaskManagers that the JobManager lists now.
    Registered(BTreeSet<WorkerId>),
    /// Mesos wants agents back.
    InverseOffers(Vec<v1::InverseOffer>),
    /// An inverse offer is no longer valid.
    InverseRescinded(String),
    /// Move workers off this agent, given by id or host name.
    Drain(String),
    /// Allow launches on this agent again.
    Undrain(String),
    /// Replace all workers, one after the other.
    Restart(Move),
    /// Forget failures on this agent, or on all.
    ClearAgent(Option<String>),
    /// Kill every worker, then tear the framework down.
    Stop,
    /// The teardown requested by [`Output::Teardown`] is done.
    TornDown,
    /// The master's state, as requested by [`Output::InspectMaster`].
    MasterInspected(Box<Inspection>),
    /// Time passed; see [`super::Core::wake_at`].
    Tick,
}

/// An action. Actions are carried out in the given order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Make these changes durable, then answer [`Input::Stored`].
    Store(u64, Vec<Change>),
    /// Launch workers on one agent.
    Accept {
        /// The offers used; all of one agent and one role.
        offers: Vec<v1::OfferId>,
        /// The workers to launch with them.
        launches: Vec<Launch>,
    },
    /// Decline offers, with a filter of this length.
    Decline(Vec<v1::OfferId>, Duration),
    /// Accept an inverse offer.
    AcceptInverse(Vec<v1::OfferId>),
    /// Decline an inverse offer, with a filter of this length.
    DeclineInverse(Vec<v1::OfferId>, Duration),
    /// Ask the master to leave out offers with less than a worker needs. Sent only after one such offer has shown how
    /// much there is.
    Narrow,
    /// Ask the master to drop our constraints: the offers then show why none fits.
    Widen,
    /// Read the master's operator API, then answer with [`Input::MasterInspected`].
    InspectMaster,
    /// Suppress offers.
    Suppress,
    /// Revive offers and clear all filters.
    Revive,
    /// End a worker's task.
    Kill {
        /// The worker, which the store may not know.
        worker: WorkerId,
        /// Its agent, if known.
        agent: Option<String>,
    },
    /// End the executor of a worker that does not obey the kill, after its grace period.
    Shutdown {
        /// The worker; its executor has the same id.
        worker: WorkerId,
        /// Its agent.
        agent: String,
    },
    /// Acknowledge a status.
    Acknowledge {
        /// The agent that sent it.
        agent: v1::AgentId,
        /// The task.
        task: v1::TaskId,
        /// The status's uuid.
        uuid: Bytes,
    },
    /// Ask Mesos for the state of these workers; of all tasks of the framework when empty.
    Reconcile(Vec<(WorkerId, String)>),
    /// Report something to people.
    Notice(Notice),
    /// Remove the framework from the master, then answer [`Input::TornDown`].
    Teardown,
    /// Nothing is left to do after [`Input::Stop`].
    Stopped,
}

/// One worker to launch.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// The worker.
    pub worker: WorkerId,
    /// Where.
    pub place: Arc<AgentProfile>,
    /// What TaskManager and executor take of the offers.
    pub taken: Taken,
    /// Where the agent says that our executor is installed, if it does.
    pub installed_executor: Option<Arc<str>>,
}

/// Something to report to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A worker was launched.
    Launched(WorkerId, Arc<AgentProfile>),
    /// A worker's executor is preparing; the text says what it does.
    Progress(WorkerId, String),
    /// A worker's TaskManager runs.
    Running(WorkerId),
    /// A worker's TaskManager is listed by the JobManager.
    Registered(WorkerId),
    /// A worker is out of reach; its agent may be partitioned.
    Unreachable(WorkerId),
    /// A worker is gone, and why.
    Gone(WorkerId, String),
    /// A worker is being killed, and why.
    Killing(WorkerId, String),
    /// No offer fits, and why not.
    Starved(String),
    /// Launches wait because workers keep failing.
    Waiting(Duration, String),
    /// The store has not answered for so long that nothing new is started.
    StoreAway,
    /// It answers again.
    StoreBack,
    /// A task that nobody knows was found and is being killed.
    Unknown(WorkerId),
    /// Mesos removed our framework; everything starts over.
    FrameworkLost,
    /// The worker numbers are used up and start again under this epoch.
    NewEpoch(String),
    /// Number of workers that keep other files than the current ones and can work with them.
    OtherFiles(usize),
}

#[cfg(test)]
mod tests {
    use super::WorkerId;

    #[test]
    fn an_id_read_back_is_the_same_and_ids_are_in_the_order_of_their_numbers() {
        let ids = [7, 99_999, 100_000].map(|number| WorkerId::new("0badcafe", number));
        for id in &ids {
            assert_eq!(WorkerId::from(id.as_str()), *id);
        }
        assert!(ids.is_sorted());
        assert_ne!(WorkerId::from("another-00007"), ids[0], "the number alone is no name");
    }
}
