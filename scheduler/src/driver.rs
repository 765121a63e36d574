//! Drives the core of one leadership: feeds it what Mesos and the store say, and carries out its
//! outputs.
//!
//! What others decide comes in through [`Driver::feed`]: how many workers are wanted, what the
//! JobManager lists, an operator's commands, the end. What happens comes out as [`Event`]s.

mod agents;
mod event;
mod from_mesos;
mod outputs;

use std::{collections::VecDeque, fmt, time::Duration};

use mesos::{
    scheduler::{SchedulerConnection, SchedulerEvent, SchedulerHandle, SchedulerOptions, calls},
    v1,
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::warn;

use self::agents::Agents;
pub use self::event::{DriverError, Event};
use crate::{
    clock::Clock,
    core::{
        self, Core,
        evidence::Inspection,
        ids::{Moment, WorkerId},
        message::Input,
        state::{Change, Ended, State},
    },
    election::Leadership,
    executors::Executors,
    launch::Template,
    store::{self, Batch},
    takeover,
};

/// How long the last requests may take.
const LAST_CALL: Duration = Duration::from_secs(5);

/// Issues the token that a worker's executor presents to the artifact server.
pub type IssueToken = Box<dyn Fn(&WorkerId) -> String + Send>;

/// What a driver needs.
pub struct Parts {
    /// How to reach the master.
    pub options: SchedulerOptions,
    /// Our framework, as registered with the master.
    pub framework: v1::FrameworkInfo,
    /// The core's settings.
    pub core: core::Settings,
    /// The smallest usable offer, if the master supports such a filter.
    pub least_offer: Option<v1::OfferFilters>,
    /// The leadership, with the store and its state.
    pub leadership: Leadership,
    /// The framework to forget, if it is the stored one.
    pub forget_framework: Option<String>,
    /// What all workers have in common.
    pub template: Template,
    /// What a worker may fetch with.
    pub issue_token: IssueToken,
}

/// The core of one leadership, connected to Mesos and to its store.
pub struct Driver {
    core: Core,
    clock: Clock,
    /// When this driver started.
    since: Moment,
    deposed: CancellationToken,
    /// Watches the leadership; `None` if there is no election.
    watch: Option<AbortOnDropHandle<()>>,
    options: SchedulerOptions,
    framework: v1::FrameworkInfo,
    /// The user of frameworks registered from now on.
    user: String,
    least_offer: Option<v1::OfferFilters>,
    mesos: SchedulerHandle,
    from_mesos: mpsc::Receiver<SchedulerEvent>,
    connected: bool,
    batches: mpsc::UnboundedSender<Batch>,
    stored: mpsc::UnboundedReceiver<u64>,
    keeper: AbortOnDropHandle<()>,
    durable: bool,
    took_over: bool,
    inspections: (mpsc::UnboundedSender<Inspection>, mpsc::UnboundedReceiver<Inspection>),
    template: Template,
    issue_token: IssueToken,
    executors: Executors,
    agents: Agents,
    events: VecDeque<Event>,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("core", &self.core).finish_non_exhaustive()
    }
}

/// What a driver must handle next; see [`Driver::wait`].
#[derive(Debug)]
pub struct Wake(Reason);

#[derive(Debug)]
enum Reason {
    Mesos(Option<Box<SchedulerEvent>>),
    Deposed,
    Stored(Option<u64>),
    Inspected(Inspection),
    Deadline,
}

/// The framework as it is registered. Mesos keeps its user, and refuses an update with another one.
fn registered(framework: v1::FrameworkInfo, state: &State) -> v1::FrameworkInfo {
    let id = state.framework.clone().map(|value| v1::FrameworkId { value });
    let user = state.registration.as_ref().and_then(|registration| registration.user.clone());
    v1::FrameworkInfo { id, user: user.unwrap_or(framework.user), ..framework }
}

impl Driver {
    /// Starts to subscribe.
    pub async fn start(parts: Parts) -> Result<Self, DriverError> {
        let Leadership { store, state, deposed, watch } = parts.leadership;
        let durable = store.is_durable();
        if state.framework.is_none() && !state.workers.is_empty() {
            return Err(DriverError::Orphans(state.workers.len()));
        }
        let state = state.led_again(store::fresh_epoch());
        let user = parts.framework.user.clone();
        let forgets = state.framework.is_some() && state.framework == parts.forget_framework;
        let took_over = state.framework.is_some() && !forgets;
        let framework = if took_over {
            registered(parts.framework, &state)
        } else {
            v1::FrameworkInfo { id: None, ..parts.framework }
        };
        let mut options = parts.options;
        options.known_agents = Some(takeover::agents_of(&state));
        let opened =
            SchedulerConnection::open(options.clone(), framework.clone(), Vec::new()).await;
        let (mesos, from_mesos) = opened.map_err(DriverError::Options)?;
        let (batches, batches_in) = mpsc::unbounded_channel();
        let (stored_out, stored) = mpsc::unbounded_channel();
        let clock = Clock::start();
        let mut driver = Self {
            since: clock.now(),
            core: Core::new(parts.core, state, clock.now(), rand::random()),
            clock,
            deposed,
            watch,
            options,
            framework,
            user,
            least_offer: parts.least_offer,
            mesos,
            from_mesos,
            connected: true,
            batches,
            stored,
            keeper: AbortOnDropHandle::new(tokio::spawn(store::keep(
                store, batches_in, stored_out,
            ))),
            durable,
            took_over,
            inspections: mpsc::unbounded_channel(),
            template: parts.template,
            issue_token: parts.issue_token,
            executors: Executors::default(),
            agents: Agents::default(),
            events: VecDeque::new(),
        };
        if forgets {
            driver.events.push_back(Event::FrameworkForgotten);
            driver.feed(Input::ForgetFramework).await;
        }
        Ok(driver)
    }

    /// Waits for what must be handled next. Nothing is lost if this is cancelled.
    pub async fn wait(&mut self) -> Wake {
        let deadline = self.core.wake_at().map(|at| self.clock.instant(at));
        Wake(tokio::select! {
            event = self.from_mesos.recv(), if self.connected => Reason::Mesos(event.map(Box::new)),
            () = self.deposed.cancelled() => Reason::Deposed,
            number = self.stored.recv() => Reason::Stored(number),
            Some(inspection) = self.inspections.1.recv() => Reason::Inspected(inspection),
            () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => Reason::Deadline,
        })
    }

    /// Handles what [`Self::wait`] has returned. Then [`Self::event`] has the events.
    pub async fn handle(&mut self, Wake(reason): Wake) {
        match reason {
            Reason::Mesos(event) => self.mesos_event(event.map(|event| *event)).await,
            // The keeper ends early only when leadership is lost.
            Reason::Deposed | Reason::Stored(None) => self.events.push_back(Event::Deposed),
            Reason::Stored(Some(number)) => {
                self.events.push_back(Event::Stored(number));
                self.feed(Input::Stored(number)).await;
            }
            Reason::Inspected(inspection) => {
                self.feed(Input::MasterInspected(Box::new(inspection))).await;
            }
            Reason::Deadline => self.feed(Input::Tick).await,
        }
    }

    /// The next event, if there is one.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The core, to look at.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// What executors have reported about themselves.
    pub fn executors(&self) -> &Executors {
        &self.executors
    }

    /// The ids and host names of the agents that have made an offer.
    pub fn agents(&self) -> impl Iterator<Item = &str> {
        self.agents.names()
    }

    /// Whether an agent with this id or host name has made an offer.
    pub fn has_seen(&self, agent: &str) -> bool {
        self.agents.has(agent)
    }

    /// Whether the state outlives this process.
    pub fn is_durable(&self) -> bool {
        self.durable
    }

    /// Whether an earlier application master's framework goes on.
    pub fn took_over(&self) -> bool {
        self.took_over
    }

    /// Whether others may lead when this one does not.
    pub fn is_elected(&self) -> bool {
        self.watch.is_some()
    }

    /// Whether another application master may lead now.
    pub fn is_deposed(&self) -> bool {
        self.deposed.is_cancelled()
    }

    /// Records the end of the cluster in the state. What this returns is sent a message once the
    /// end is durable.
    pub fn record_end(&self, ended: Ended) -> oneshot::Receiver<()> {
        let (written, is_written) = oneshot::channel();
        let batch =
            Batch { number: None, changes: vec![Change::End(ended)], written: Some(written) };
        // The keeper ends only after this sender is dropped.
        _ = self.batches.send(batch);
        is_written
    }

    /// Tears the framework down. Returns whether the master has removed it.
    pub async fn tear_down(&self) -> bool {
        match timeout(LAST_CALL, self.mesos.call(calls::teardown())).await {
            Ok(Ok(())) => return true,
            Ok(Err(e)) => warn!("Cannot remove the framework from Mesos: {e}"),
            Err(_) => warn!("Cannot remove the framework from Mesos in time"),
        }
        false
    }

    /// Ends the connection to Mesos. Workers and framework stay.
    pub async fn disconnect(&mut self) {
        self.connected = false;
        self.mesos.clone().close().await;
    }

    /// Writes what is left to write and gives the leadership up: the next one leads as soon as this
    /// returns.
    pub async fn release(self) {
        let Self { batches, mut keeper, .. } = self;
        drop(batches);
        // The keeper would retry forever.
        if timeout(LAST_CALL, &mut keeper).await.is_err() {
            warn!("Cannot persist the last changes of the state");
        }
    }
}
