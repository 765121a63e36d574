//! The core's inputs and outputs.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use mesos::v1;
use overlays::blame::Blame;

use super::{
    cause::Cause,
    evidence::Inspection,
    ids::WorkerId,
    resources::Taken,
    scale::Scale,
    state::{AgentProfile, Change, Move},
};

/// An event.
#[derive(Clone, Debug)]
pub enum Input {
    /// The number of workers wanted from now on.
    Target(usize),
    /// Only this number of workers is needed from now on, and these are not used: end them as far
    /// as they are too many. Every other worker stays, and stays wanted.
    Release(usize, BTreeSet<WorkerId>),
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
    /// Store the number of workers that an operator has set; `None`: the configured one.
    Scale(Option<Scale>),
    /// Forget failures on this agent, given by id or host name, or on all.
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
    /// Ask the master to leave out offers with less than a worker needs. Sent only after one such
    /// offer has shown how much there is.
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
    Gone(WorkerId, Cause),
    /// A worker is being killed, and why.
    Killing(WorkerId, Cause),
    /// No offer fits, and why not.
    Starved(String),
    /// Launches wait because workers keep failing: how long, the last failure, and what it counts
    /// against.
    Waiting(Duration, Cause, Blame),
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
