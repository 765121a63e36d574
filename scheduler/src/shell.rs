//! The thin shell around the core: feeds it events, carries out its outputs, and reports to people.

mod agents;
mod ending;
mod events;
mod notices;
mod operator;
mod outputs;
mod signals;

use std::collections::BTreeSet;

use anyhow::anyhow;
use fetcher_server::ArtifactServer;
use mesos::{
    scheduler::{SchedulerConnection, SchedulerEvent, SchedulerHandle, SchedulerOptions},
    v1,
};
use serde_json::json;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::warn;

pub use self::signals::Signals;
use self::{
    agents::Agents,
    ending::{Ending, LAST_CALL},
    operator::Promised,
};
use crate::{
    clock::Clock,
    console::Console,
    control::ControlServer,
    core::{
        self, Core,
        evidence::Inspection,
        ids::{Moment, WorkerId},
        message::Input,
        state::Ended,
    },
    election::Leadership,
    executors::Executors,
    failure::Failure,
    job_manager::{JobManager, JobManagerEvent, logs},
    launch::Template,
    store::{self, Batch},
    takeover,
};

/// After a takeover: how often a JobManager that does not answer is started before the program exits and leaves the
/// workers running.
const STARTS_AFTER_TAKEOVER: u32 = 5;

/// The parts of a running application master.
pub struct Parts {
    /// How to reach the master.
    pub options: SchedulerOptions,
    /// Our framework, as registered with the master.
    pub framework: v1::FrameworkInfo,
    /// The core's settings.
    pub core: core::Settings,
    /// The smallest usable offer, if the master supports such a filter.
    pub least_offer: Option<v1::OfferFilters>,
    /// How many workers are wanted.
    pub workers: usize,
    /// The leadership, with the store and its state.
    pub leadership: Leadership,
    /// The framework to forget, if it is the stored one.
    pub forget_framework: Option<String>,
    /// Serves the artifacts.
    pub server: ArtifactServer,
    /// What all workers have in common.
    pub template: Template,
    /// The result of a cluster that is stopped.
    pub stopped: Ended,
    /// Flink's JobManager.
    pub job_manager: JobManager,
    /// The operator's API.
    pub control: ControlServer,
}

/// How a run without error ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The JobManager ended regularly, and the cluster with it.
    Ended,
    /// The cluster was stopped, or left to the next application master, as requested.
    Stopped,
    /// Another application master may lead now.
    Deposed,
}

/// A running application master.
pub struct Shell<'a> {
    core: Core,
    clock: Clock,
    /// When this application master started.
    since: Moment,
    console: &'a Console,
    deposed: CancellationToken,
    /// Watches the leadership; `None` if there is no election.
    watch: Option<AbortOnDropHandle<()>>,
    options: SchedulerOptions,
    framework: v1::FrameworkInfo,
    /// The user of frameworks registered from now on.
    user: String,
    least_offer: Option<v1::OfferFilters>,
    mesos: SchedulerHandle,
    events: mpsc::Receiver<SchedulerEvent>,
    connected: bool,
    batches: mpsc::UnboundedSender<Batch>,
    stored: mpsc::UnboundedReceiver<u64>,
    durable: bool,
    /// Whether an earlier application master's state was taken over.
    took_over: bool,
    /// Whether its framework must be forgotten.
    forgets: bool,
    server: ArtifactServer,
    template: Template,
    stopped: Ended,
    web: String,
    job_manager: mpsc::Receiver<JobManagerEvent>,
    stop_job_manager: CancellationToken,
    looks: (mpsc::UnboundedSender<Inspection>, mpsc::UnboundedReceiver<Inspection>),
    keeper: AbortOnDropHandle<()>,
    job_manager_task: JoinHandle<()>,
    control: ControlServer,
    promised: Vec<Promised>,
    view: View,
    ending: Option<Ending>,
}

/// What was reported so far.
#[derive(Debug, Default)]
struct View {
    wanted: usize,
    /// Workers taken over that have not registered yet.
    adopted: BTreeSet<WorkerId>,
    registered: BTreeSet<WorkerId>,
    job_manager_up: bool,
    told_ready: bool,
    waiting_for_master: bool,
    has_subscribed: bool,
    executors: Executors,
    agents: Agents,
}

enum Next {
    GoOn,
    End(Result<Outcome, Failure>),
}

impl<'a> Shell<'a> {
    /// Starts all parts.
    pub async fn start(parts: Parts, console: &'a Console) -> Result<Self, Failure> {
        let Leadership { store, state, deposed, watch } = parts.leadership;
        let durable = store.is_durable();
        if state.framework.is_none() && !state.workers.is_empty() {
            return Err(Failure::other(anyhow!(
                "the state has {} workers but no framework id; they would be orphaned. Remove the state if they are gone",
                state.workers.len()
            )));
        }
        let state = state.led_again(store::fresh_epoch());
        let mut framework = parts.framework;
        let forgets = state.framework.is_some() && state.framework == parts.forget_framework;
        let took_over = state.framework.is_some() && !forgets;
        framework.id = state.framework.clone().filter(|_| took_over).map(|value| v1::FrameworkId { value });
        let user = framework.user.clone();
        // Mesos keeps the user of a registered framework, and refuses an update with another one.
        if let Some(before) = state.registration.as_ref().and_then(|registration| registration.user.clone())
            && took_over
        {
            framework.user = before;
        }
        let mut options = parts.options;
        options.known_agents = Some(takeover::agents_of(&state));
        let opened = SchedulerConnection::open(options.clone(), framework.clone(), Vec::new()).await;
        let (mesos, events) = opened.map_err(Failure::usage)?;
        let (batches, batches_in) = mpsc::unbounded_channel();
        let (stored_out, stored) = mpsc::unbounded_channel();
        let (job_manager_out, job_manager) = mpsc::channel(16);
        let stop_job_manager = CancellationToken::new();
        let web = parts.job_manager.web.clone();
        if parts.job_manager.log_name != logs::USUAL {
            let log = parts.job_manager.log.join(format!("{}.log", parts.job_manager.log_name)).display().to_string();
            let text = format!("Another cluster has jobmanager.log there: this JobManager's log is {log}");
            console.report("log-name", &text, json!({ "log": log }));
        }
        // A JobManager that fails at its first start would fail again. With workers that were taken over, more attempts
        // are worthwhile, unless a standby can take over at once.
        let starts = if took_over && watch.is_none() { STARTS_AFTER_TAKEOVER } else { 1 };
        let keeper = AbortOnDropHandle::new(tokio::spawn(store::keep(store, batches_in, stored_out)));
        let job_manager_task =
            tokio::spawn(parts.job_manager.supervise(starts, job_manager_out, stop_job_manager.clone()));
        let clock = Clock::start();
        let control = parts.control.url();
        let text = format!("Control API: {control} (flink-mesos workers list --at {control})");
        console.report("control", &text, json!({ "address": control }));
        Ok(Self {
            since: clock.now(),
            view: View { wanted: parts.workers, adopted: state.workers.keys().cloned().collect(), ..View::default() },
            core: Core::new(parts.core, state, clock.now(), rand::random()),
            clock,
            console,
            deposed,
            watch,
            options,
            framework,
            user,
            least_offer: parts.least_offer,
            mesos,
            events,
            connected: true,
            batches,
            stored,
            durable,
            took_over,
            forgets,
            server: parts.server,
            control: parts.control,
            template: parts.template,
            stopped: parts.stopped,
            web,
            job_manager,
            stop_job_manager,
            looks: mpsc::unbounded_channel(),
            keeper,
            job_manager_task,
            promised: Vec::new(),
            ending: None,
        })
    }

    /// Runs until the cluster ends.
    pub async fn run(mut self, signals: &mut Signals) -> Result<Outcome, Failure> {
        self.console.waiting("Waiting for Mesos and the JobManager");
        let ended = match self.begin().await {
            Next::End(ended) => ended,
            Next::GoOn => self.go_on(signals).await,
        };
        self.console.settled();
        self.stop_job_manager.cancel();
        self.mesos.clone().close().await;
        _ = self.job_manager_task.await;
        // The next leader may need the same ports, and leads as soon as the keeper has ended.
        drop(self.control);
        self.server.shutdown().await;
        drop(self.batches);
        // The keeper would retry forever.
        if timeout(LAST_CALL, &mut self.keeper).await.is_err() {
            warn!("Cannot persist the last changes of the state");
        }
        ended
    }

    async fn begin(&mut self) -> Next {
        if self.forgets {
            let text = "Forgetting the previous framework and its TaskManagers, as configured";
            self.console.report("framework-forgotten", text, json!({}));
            if let Next::End(ended) = self.feed(Input::ForgetFramework).await {
                return Next::End(ended);
            }
        }
        self.feed(Input::Target(self.view.wanted)).await
    }

    async fn go_on(&mut self, signals: &mut Signals) -> Result<Outcome, Failure> {
        let deposed = self.deposed.clone();
        loop {
            let wake = self.core.wake_at().map(|at| self.clock.instant(at));
            let deadline = self.ending.as_ref().map(|ending| ending.deadline);
            let next = tokio::select! {
                event = self.events.recv(), if self.connected => self.mesos_event(event).await,
                () = deposed.cancelled() => Next::End(Ok(Outcome::Deposed)),
                number = self.stored.recv() => match number {
                    Some(number) => self.stored(number).await,
                    None => Next::End(Ok(Outcome::Deposed)),
                },
                Some(asked) = self.control.next() => self.asked(asked).await,
                Some(look) = self.looks.1.recv() => self.feed(Input::MasterInspected(Box::new(look))).await,
                Some(event) = self.job_manager.recv() => self.job_manager_event(event).await,
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.feed(Input::Tick).await,
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => self.give_up().await,
                _ = signals.interrupt.recv() => self.interrupted().await,
                _ = signals.terminate.recv() => self.terminated().await,
            };
            if let Next::End(ended) = next {
                return ended;
            }
        }
    }

    async fn stored(&mut self, number: u64) -> Next {
        let next = self.feed(Input::Stored(number)).await;
        self.keep_promises(number);
        next
    }
}
