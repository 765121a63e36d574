//! Master and agents as one state machine: no I/O, no clock, no randomness of its own.
//!
//! The verbs are the calls that come in over HTTP, the ends of streams, what containers report, and
//! the passing of time; whatever has to happen outside is collected as [`Output`]s. The life of an
//! executor:
//!
//! ```text
//!            first task                SUBSCRIBE                 SHUTDOWN, TEARDOWN, no task left
//!   (none) ────────────▶ Registering ────────────▶ Running ──────────────────────────▶ Terminating
//!                             │ never subscribes      │ process ends                        │ ends, or is killed
//!                             ▼                       ▼                                     ▼ after the grace
//!                           kill ───────────────▶ FAILURE + TASK_FAILED for each task that had not ended
//! ```
//!
//! What always holds: an agent never gives away more than it has (offers, tasks and executors
//! together); a status update with a uuid is sent again until the scheduler acknowledges it, and
//! its successor waits that long; an executor that ended leaves no task behind in a state that is
//! not terminal.

mod calls;
mod endings;
mod executor;
mod executors;
mod framework;
mod ids;
mod kill;
mod launch;
mod offers;
mod reconcile;
mod resources;
mod roles;
mod subscribe;
mod updates;
mod validate;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use mesos::v1::{AgentInfo, MasterInfo, executor as from_agent, scheduler as from_master};
use uuid::Uuid;

use self::{executor::Executor, framework::Framework, ids::Ids, offers::Offer};
pub(crate) use self::{
    executor::{Container, Ending, ExecutorKey},
    resources::Amount,
};
use crate::options::LocalOptions;

/// The version of Mesos whose behaviour this is.
pub(crate) const VERSION: &str = "1.11.0";

/// The moment at which something happens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    /// Since the cluster's start; all timers count in it.
    pub(crate) uptime: Duration,
    /// Seconds since 1970, only for people and time stamps.
    pub(crate) unix: f64,
}

/// What has to be done outside.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    /// Send this to a scheduler.
    Scheduler(Uuid, Box<from_master::Event>),
    /// Send this to an executor.
    Executor(Uuid, Box<from_agent::Event>),
    /// End this stream after what was sent to it.
    Close(Uuid),
    /// Start this executor and report how it goes.
    Launch(Box<Container>),
    /// End this container's whole process tree, now.
    Kill(Uuid),
}

/// Why a call is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 400: the call makes no sense.
    BadRequest(String),
    /// 403: not before SUBSCRIBE.
    Forbidden(&'static str),
    /// 501: the real Mesos does it, this one does not.
    NotImplemented(String),
}

/// The whole cluster.
#[derive(Debug)]
pub(crate) struct Core {
    options: LocalOptions,
    address: SocketAddr,
    now: Now,
    ids: Ids,
    agents: Vec<Agent>,
    frameworks: BTreeMap<String, Framework>,
    /// Frameworks that are gone for good; their ids are never accepted again.
    removed: BTreeSet<String>,
    offers: BTreeMap<String, Offer>,
    executors: BTreeMap<ExecutorKey, Executor>,
    next_allocation: Duration,
    outputs: Vec<Output>,
}

#[derive(Debug)]
struct Agent {
    id: String,
    total: Amount,
}

impl Core {
    /// `master` becomes the master's id, `address` is where all of it listens.
    pub(crate) fn new(options: LocalOptions, address: SocketAddr, master: Uuid, now: Now) -> Self {
        let ids = Ids::new(master);
        let agents = (0..options.agents)
            .map(|index| Agent {
                id: ids.agent(index),
                total: Amount::of_agent(
                    options.cpus,
                    options.mem_mb,
                    options.disk_mb,
                    options.ports_of(index),
                ),
            })
            .collect();
        let next_allocation = now.uptime + options.offer_interval;
        Self {
            options,
            address,
            now,
            ids,
            agents,
            frameworks: BTreeMap::new(),
            removed: BTreeSet::new(),
            offers: BTreeMap::new(),
            executors: BTreeMap::new(),
            next_allocation,
            outputs: Vec::new(),
        }
    }

    /// Whatever is called next happens at this moment.
    pub(crate) fn at(&mut self, now: Now) -> &mut Self {
        self.now = now;
        self
    }

    /// What has to be done by now, in order.
    pub(crate) fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// When [`Core::tick`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Duration {
        let frameworks = self.frameworks.values().filter_map(Framework::next_deadline);
        let executors = self.executors.values().filter_map(Executor::deadline);
        frameworks.chain(executors).fold(self.next_allocation, Duration::min)
    }

    /// Does what time alone makes due.
    pub(crate) fn tick(&mut self) {
        let now = self.now.uptime;
        let ids: Vec<String> = self.frameworks.keys().cloned().collect();
        for id in &ids {
            self.heartbeat(id);
            self.resend_due_updates(id);
        }
        for id in ids {
            if self
                .frameworks
                .get(&id)
                .and_then(|framework| framework.removal_at)
                .is_some_and(|at| at <= now)
            {
                self.remove_framework(&id);
            }
        }
        self.end_overdue_executors();
        if self.next_allocation <= now {
            self.next_allocation = now + self.options.offer_interval;
            self.allocate();
        }
    }

    /// The master as SUBSCRIBED describes it.
    pub(crate) fn master_info(&self) -> MasterInfo {
        let host = self.address.ip().to_string();
        MasterInfo {
            id: self.ids.master(),
            ip: u32::from_le_bytes([127, 0, 0, 1]),
            port: self.address.port().into(),
            pid: Some(format!("master@{}", self.address)),
            hostname: Some(host.clone()),
            version: Some(VERSION.into()),
            address: Some(mesos::v1::Address {
                hostname: Some(host.clone()),
                ip: Some(host),
                port: self.address.port().into(),
            }),
            ..MasterInfo::default()
        }
    }

    fn agent_info(&self, agent: usize) -> AgentInfo {
        AgentInfo {
            hostname: self.address.ip().to_string(),
            port: Some(self.address.port().into()),
            resources: self.agents[agent].total.to_list(None),
            id: Some(self.agents[agent].id.as_str().into()),
            ..AgentInfo::default()
        }
    }

    fn agent_index(&self, id: &str) -> Option<usize> {
        self.agents.iter().position(|agent| agent.id == id)
    }

    fn send(&mut self, stream: Uuid, event: from_master::Event) {
        self.outputs.push(Output::Scheduler(stream, Box::new(event)));
    }
}
