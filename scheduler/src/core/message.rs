//! What the core is told and what it asks for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use mesos::v1;

use super::{constraint::Values, evidence::Look, origin::Origin, resources::Taken};

/// A point in time: milliseconds since the Unix epoch, never running backwards within one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// The moment `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Time passed since `earlier`; zero if that lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Names one worker for ever: equal to its Mesos task id, its executor id and `taskmanager.resource-id`.
///
/// `taskmanager-<epoch>-<number>`: each application master that leads draws an epoch, the number counts up in the store, so
/// that an id is never used twice, not even after the store was lost or put back from an older copy. Workers come in the order
/// of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId {
    /// Compared first: among a hundred thousand workers, most comparisons need not look at the text.
    number: u64,
    text: Arc<str>,
}

impl WorkerId {
    /// The id of worker `number`, launched under `epoch`.
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

/// An agent as its offers told it. Whatever is said of a worker there shares it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The Mesos agent.
    pub agent: String,
    /// Its host name.
    pub hostname: String,
    /// What it is, as far as placement constraints look at it.
    pub values: Values,
}

/// What the store keeps of one worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerRecord {
    /// The worker.
    pub id: WorkerId,
    /// Where it was launched.
    pub place: Arc<Place>,
    /// When the launch was decided.
    pub launched: Moment,
    /// Whether its TaskManager was ever seen running.
    pub running: bool,
    /// Whether it is to go: it is killed wherever it turns up.
    pub released: bool,
    /// The generation it was launched in; see [`State::generation`].
    pub generation: u64,
    /// What its TaskManager was started for; unknown in records from before this was kept.
    pub origin: Option<Arc<Origin>>,
}

/// How gently workers are replaced that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// So many more than wanted may be alive meanwhile.
    pub surge: usize,
    /// So many fewer than wanted may be ready meanwhile.
    pub max_unavailable: usize,
}

impl Move {
    /// The most that either may be: as many as there may be workers.
    pub const MOST: usize = 100_000;

    /// Whether anything can be replaced at all.
    pub fn is_possible(self) -> bool {
        self.check().is_ok()
    }

    /// What keeps it from working, and what is allowed.
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

/// That a cluster has ended for good, or is about to: whoever stands by must not begin it anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The exit code of every application master.
    pub exit_code: u8,
    /// Why, if that is not a good end.
    pub why: String,
}

/// As whom a framework is registered, as far as Mesos does not let that change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registration {
    /// Its user; `None` when that is not known. Mesos ignores another one without saying so.
    pub user: Option<String>,
    /// Its principal, if it has one. Mesos refuses the framework with another one.
    pub principal: Option<String>,
}

/// One change of the durable state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The framework id that Mesos gave us; `None` when it was removed.
    Framework(Option<String>),
    /// As whom the framework is registered.
    Registration(Registration),
    /// The number that the next worker gets.
    NextNumber(u64),
    /// A worker's record, new or changed.
    Worker(WorkerRecord),
    /// A worker that is gone.
    Forget(WorkerId),
    /// An agent, by id or host name, that workers are to leave.
    Drain(String),
    /// An agent that may be used again.
    Undrain(String),
    /// Workers of earlier generations are to be replaced, this gently.
    Generation(u64, Move),
    /// The cluster ends.
    End(Ended),
}

/// The durable state as found at start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Drawn by whoever leads; part of the ids of the workers that it launches. The store has that of the first one.
    pub epoch: String,
    /// The framework id, once registered.
    pub framework: Option<String>,
    /// As whom it is registered; unknown in states from before this was kept.
    pub registration: Option<Registration>,
    /// The number that the next worker gets, counted from 1.
    pub next_number: u64,
    /// All workers that may exist.
    pub workers: BTreeMap<WorkerId, WorkerRecord>,
    /// Agents, by id or host name, that workers are to leave.
    pub draining: BTreeSet<String>,
    /// Counts the restarts of all workers. Workers of earlier generations are to be replaced.
    pub generation: u64,
    /// How gently they are.
    pub restart: Move,
    /// That the cluster has ended while we stood by. It is there only where somebody can stand by.
    pub ended: Option<Ended>,
}

impl State {
    /// The state of a cluster that never ran.
    pub fn fresh(epoch: String) -> Self {
        Self { epoch, next_number: 1, ..Self::default() }
    }

    /// As whoever leads now begins with it. The store may have been put back from an older copy: what it counts does not keep
    /// ids apart on its own, so that each leader has an epoch that was never there before.
    #[must_use]
    pub fn led_again(self, epoch: String) -> Self {
        Self { epoch, ..self }
    }

    /// The number that the next worker gets, from 1 on. Ids do not depend on it alone ([`WorkerId`]), so that one that could
    /// not be counted up for ever, which only a state that was tampered with has, begins again.
    pub fn first_number(&self) -> u64 {
        if (1..u64::MAX / 2).contains(&self.next_number) { self.next_number } else { 1 }
    }

    /// Carries out one change.
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

/// What happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// So many workers are wanted from now on.
    Target(usize),
    /// The master accepted the subscription under this framework id.
    Subscribed(String),
    /// The connection to the master is lost; it is being tried again.
    Disconnected,
    /// The master has removed our framework id: its tasks are gone and the id is dead.
    FrameworkRemoved,
    /// Our framework is no longer wanted, whatever has become of its tasks: all starts again with another one.
    ForgetFramework,
    /// Offers.
    Offers(Vec<v1::Offer>),
    /// An offer is void.
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
    /// An inverse offer is void.
    InverseRescinded(String),
    /// Workers are to leave this agent, given by id or host name.
    Drain(String),
    /// It may be used again.
    Undrain(String),
    /// Replace all workers, one after the other.
    Restart(Move),
    /// Forget what failed on this agent, or on all.
    ClearAgent(Option<String>),
    /// Kill every worker, then tear the framework down.
    Stop,
    /// The master has done what [`Output::Teardown`] asks for.
    TornDown,
    /// What the master tells its operators, as [`Output::Look`] asks.
    Looked(Box<Look>),
    /// Time passed; see [`super::Core::wake_at`].
    Tick,
}

/// What is to be done, in this order.
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
    /// Give offers back, and do not want them again for a while.
    Decline(Vec<v1::OfferId>, Duration),
    /// Agree that an agent is taken away.
    AcceptInverse(Vec<v1::OfferId>),
    /// Do not agree, and be asked again after a while.
    DeclineInverse(Vec<v1::OfferId>, Duration),
    /// Let Mesos know that offers of less than a worker needs are of no use. They are wanted until one has shown how little
    /// there is.
    Narrow,
    /// Let Mesos know that offers are wanted whatever our constraints are: they show why none came.
    Widen,
    /// Ask the master what it tells its operators, then answer [`Input::Looked`].
    Look,
    /// Want no offers for now.
    Suppress,
    /// Want offers (again), and forget all filters.
    Revive,
    /// End a worker's task.
    Kill {
        /// The worker, which the store may not know.
        worker: WorkerId,
        /// Its agent, if known.
        agent: Option<String>,
    },
    /// End a worker's executor by force, after its grace: it does not obey.
    Shutdown {
        /// The worker; its executor has the same id.
        worker: WorkerId,
        /// Its agent.
        agent: String,
    },
    /// Tell Mesos that a status is safe with us.
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
    /// Tell people.
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
    pub place: Arc<Place>,
    /// What TaskManager and executor take of the offers.
    pub taken: Taken,
    /// Where the agent says that our executor is installed, if it does.
    pub installed_executor: Option<Arc<str>>,
}

/// Something that people want to know about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A worker was launched.
    Launched(WorkerId, Arc<Place>),
    /// A worker's executor is at work, with what it says of it.
    Progress(WorkerId, String),
    /// A worker's TaskManager runs.
    Running(WorkerId),
    /// A worker's TaskManager is listed by the JobManager.
    Registered(WorkerId),
    /// A worker is not heard of; its agent may be partitioned away.
    Unreachable(WorkerId),
    /// A worker is gone, and why.
    Gone(WorkerId, String),
    /// A worker is being killed, and why.
    Killing(WorkerId, String),
    /// No offer fits, and why not.
    Starved(String),
    /// Launches wait because workers keep failing.
    Waiting(Duration, String),
    /// The store has not answered for so long that nothing is begun.
    StoreAway,
    /// It answers again.
    StoreBack,
    /// A task that nobody knows was found and is being killed.
    Unknown(WorkerId),
    /// Mesos forgot our framework; all starts anew.
    FrameworkLost,
    /// The numbers of workers are used up: they begin again under this epoch.
    NewEpoch(String),
    /// So many workers keep files that are not those of now, and can work with them.
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
