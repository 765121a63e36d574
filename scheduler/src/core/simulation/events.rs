//! Events, and the messages between application masters and the Mesos master.

use std::time::Duration;

use mesos::v1::{self, TaskState, TaskStatus};

use super::{parts::Write, resources::Amounts};
use crate::core::ids::Moment;

/// A call to the Mesos master.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Subscribe(Option<String>),
    Accept {
        offers: Vec<String>,
        launches: Vec<(String, String, Amounts)>,
    },
    Decline(Vec<String>, Duration),
    AcceptInverse(Vec<String>),
    DeclineInverse(Vec<String>, Duration),
    Suppress,
    Revive,
    Kill {
        task: String,
        agent: Option<String>,
    },
    Shutdown {
        executor: String,
        agent: String,
    },
    Acknowledge {
        agent: String,
        task: String,
        uuid: u64,
    },
    Reconcile(Vec<(String, String)>),
    Teardown,
    /// The connection has ended; the master notices after all earlier messages.
    HangUp,
}

/// A message from the Mesos master.
#[derive(Clone, Debug)]
pub(crate) enum FromMaster {
    Subscribed(String),
    Offers(Vec<v1::Offer>),
    Rescind(String),
    InverseOffer(Box<v1::InverseOffer>),
    InverseRescinded(String),
    Update(Box<TaskStatus>),
    Removed,
    FailedOver,
    Broken,
}

#[derive(Clone, Debug)]
pub(crate) enum Event {
    ToMaster {
        link: u64,
        call: Call,
    },
    FromMaster {
        link: u64,
        what: FromMaster,
    },
    Write(Write),
    Written {
        master: usize,
        session: u64,
        number: u64,
    },
    Starts {
        master: usize,
    },
    Lead {
        master: usize,
        session: u64,
    },
    Connect {
        master: usize,
        session: u64,
    },
    Deposed {
        master: usize,
        session: u64,
    },
    SessionEnds {
        session: u64,
    },
    Tick {
        master: usize,
        session: u64,
    },
    /// The JobManager of this application master has come up.
    JobManagerUp {
        master: usize,
        session: u64,
    },
    Lists,
    Launch {
        agent: usize,
        registration: u64,
        task: (String, String, Amounts),
    },
    Kill {
        agent: usize,
        id: String,
    },
    Shutdown {
        agent: usize,
        id: String,
    },
    Acknowledged {
        agent: usize,
        id: String,
        uuid: u64,
    },
    Task {
        agent: usize,
        id: String,
        to: TaskState,
    },
    Registers {
        agent: usize,
        id: String,
    },
    Update {
        agent: usize,
        status: Box<TaskStatus>,
    },
    Resend {
        agent: usize,
        id: String,
        uuid: u64,
    },
    AgentRegisters {
        agent: usize,
    },
    AgentTimeout {
        agent: usize,
        id: String,
    },
    AgentReturns {
        agent: usize,
    },
    /// A connection on which nothing arrives any longer is considered broken.
    LinkDies {
        link: u64,
    },
    /// The master sends an inverse offer for an agent with scheduled maintenance, if needed.
    AskBack {
        id: String,
    },
    /// Its maintenance is called off.
    CalledOff {
        id: String,
    },
    MarkedGone {
        id: String,
    },
    Forgotten {
        id: String,
    },
    MasterReturns,
    KeeperReturns,
    Allocate,
    Misfortune,
    Healed,
    Undrained,
}

/// An event and its time.
pub(super) struct Due {
    pub(super) at: Moment,
    pub(super) number: u64,
    pub(super) event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}
