//! The thin shell around the core: carries out what it asks for, tells it what happened, and shows people.

mod notices;

use std::{collections::BTreeSet, time::Duration};

use anyhow::anyhow;
use fetcher::ArtifactServer;
use mesos::{
    scheduler::{
        SchedulerConnection, SchedulerEvent, SchedulerHandle, SchedulerOptions, calls, is_failed_over,
        is_framework_removed,
    },
    v1::{self, scheduler::event},
};
use serde_json::json;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::{debug, warn};

use crate::{
    clock::Clock,
    console::Console,
    core::{
        self, Core,
        message::{Input, Launch, Output, WorkerId},
    },
    election::Leadership,
    failure::Failure,
    job_manager::{JobManager, JobManagerEvent},
    launch::Template,
    store::{self, Batch},
};

/// What a running application master is made of.
pub struct Parts {
    /// How to reach the master.
    pub options: SchedulerOptions,
    /// Who we are there.
    pub framework: v1::FrameworkInfo,
    /// What the core goes by.
    pub core: core::Settings,
    /// How many workers are wanted.
    pub workers: usize,
    /// The right to act, with the store and what it had.
    pub leadership: Leadership,
    /// Serves the artifacts.
    pub server: ArtifactServer,
    /// What workers have in common.
    pub template: Template,
    /// Flink's master.
    pub job_manager: JobManager,
}

/// How a good run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The cluster has ended, or was left to the next application master as asked.
    Ended,
    /// Another application master may lead now.
    Deposed,
}

/// A running application master.
pub struct Shell<'a> {
    core: Core,
    clock: Clock,
    console: &'a Console,
    deposed: CancellationToken,
    _watch: Option<AbortOnDropHandle<()>>,
    options: SchedulerOptions,
    framework: v1::FrameworkInfo,
    mesos: SchedulerHandle,
    events: mpsc::Receiver<SchedulerEvent>,
    connected: bool,
    batches: mpsc::UnboundedSender<Batch>,
    stored: mpsc::UnboundedReceiver<u64>,
    durable: bool,
    server: ArtifactServer,
    template: Template,
    web: String,
    job_manager: mpsc::Receiver<JobManagerEvent>,
    stop_job_manager: CancellationToken,
    keeper: AbortOnDropHandle<()>,
    job_manager_task: JoinHandle<()>,
    view: View,
    ending: Option<Ending>,
}

/// What people have been told so far.
#[derive(Debug, Default)]
struct View {
    wanted: usize,
    registered: BTreeSet<WorkerId>,
    job_manager_up: bool,
    told_ready: bool,
    waiting_for_master: bool,
}

/// On the way out.
#[derive(Debug)]
struct Ending {
    deadline: Instant,
    failure: Option<Failure>,
}

enum Next {
    GoOn,
    End(Result<Outcome, Failure>),
}

/// How long the workers' ends are awaited before the framework is torn down regardless.
const LONGEST_END: Duration = Duration::from_secs(20);
const LAST_CALL: Duration = Duration::from_secs(5);

impl<'a> Shell<'a> {
    /// Starts everything that goes on beside the shell.
    pub async fn start(parts: Parts, console: &'a Console) -> Result<Self, Failure> {
        let Leadership { store, state, deposed, watch } = parts.leadership;
        let durable = store.is_durable();
        if state.framework.is_none() && !state.workers.is_empty() {
            return Err(Failure::other(anyhow!(
                "the state has {} workers but no framework id; they would be orphaned. Remove the state if they are gone",
                state.workers.len()
            )));
        }
        let mut framework = parts.framework;
        framework.id = state.framework.clone().map(|value| v1::FrameworkId { value });
        let opened = SchedulerConnection::open(parts.options.clone(), framework.clone(), Vec::new()).await;
        let (mesos, events) = opened.map_err(Failure::usage)?;
        let (batches, batches_in) = mpsc::unbounded_channel();
        let (stored_out, stored) = mpsc::unbounded_channel();
        let (job_manager_out, job_manager) = mpsc::channel(16);
        let stop_job_manager = CancellationToken::new();
        let web = parts.job_manager.rest.address().to_owned();
        let keeper = AbortOnDropHandle::new(tokio::spawn(store::keep(store, batches_in, stored_out)));
        let job_manager_task = tokio::spawn(parts.job_manager.supervise(job_manager_out, stop_job_manager.clone()));
        let clock = Clock::start();
        Ok(Self {
            core: Core::new(parts.core, state, clock.now()),
            clock,
            console,
            deposed,
            _watch: watch,
            options: parts.options,
            framework,
            mesos,
            events,
            connected: true,
            batches,
            stored,
            durable,
            server: parts.server,
            template: parts.template,
            web,
            job_manager,
            stop_job_manager,
            keeper,
            job_manager_task,
            view: View { wanted: parts.workers, ..View::default() },
            ending: None,
        })
    }

    /// Goes on until the cluster has ended.
    pub async fn run(mut self, signals: &mut Signals) -> Result<Outcome, Failure> {
        self.console.waiting("Waiting for Mesos and the JobManager");
        let ended = match self.tell(Input::Target(self.view.wanted)).await {
            Next::End(ended) => ended,
            Next::GoOn => self.go_on(signals).await,
        };
        self.console.settled();
        self.stop_job_manager.cancel();
        self.mesos.clone().close().await;
        drop(self.batches);
        _ = self.job_manager_task.await;
        // A store that cannot be written now would be tried for ever.
        if timeout(LAST_CALL, &mut self.keeper).await.is_err() {
            warn!("The last changes of the state could not be stored.");
        }
        self.server.shutdown().await;
        ended
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
                    Some(number) => self.tell(Input::Stored(number)).await,
                    None => Next::End(Ok(Outcome::Deposed)),
                },
                Some(event) = self.job_manager.recv() => self.job_manager_event(event).await,
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => self.tell(Input::Tick).await,
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => self.give_up().await,
                _ = signals.interrupt.recv() => self.interrupted().await,
                _ = signals.terminate.recv() => self.terminated().await,
            };
            if let Next::End(ended) = next {
                return ended;
            }
        }
    }

    async fn mesos_event(&mut self, event: Option<SchedulerEvent>) -> Next {
        match event {
            Some(SchedulerEvent::Connecting { master, attempt }) => {
                debug!("Connecting to the Mesos master {master}, attempt {attempt}.");
                Next::GoOn
            }
            Some(SchedulerEvent::Subscribed { framework_id, .. }) => {
                self.view.waiting_for_master = false;
                let text = format!("Registered with Mesos as framework {}", framework_id.value);
                self.console.tell("registered", &text, json!({ "framework": framework_id.value }));
                self.framework.id = Some(framework_id.clone());
                self.tell(Input::Subscribed(framework_id.value)).await
            }
            Some(SchedulerEvent::Event(event)) => self.framework_event(event).await,
            Some(SchedulerEvent::Disconnected { reason, retry_in }) => {
                // Said once, not at every attempt.
                if !std::mem::replace(&mut self.view.waiting_for_master, true) {
                    let text = format!("No connection to Mesos: {reason}. Trying on.");
                    self.console.tell("disconnected", &text, json!({ "reason": reason }));
                }
                self.console.waiting(&format!("Trying to reach Mesos again in {retry_in:.1?}: {reason}"));
                self.tell(Input::Disconnected).await
            }
            Some(SchedulerEvent::Rejected { reason }) if is_framework_removed(&reason) => self.start_anew().await,
            Some(SchedulerEvent::Rejected { reason }) => {
                let hint = if is_failed_over(&reason) { "; another application master has taken over" } else { "" };
                Next::End(Err(Failure::other(anyhow!("Mesos rejects this framework: {reason}{hint}"))))
            }
            // Mesos ends the connection when it has removed the framework as asked.
            None if self.ending.is_some() => {
                self.connected = false;
                Next::GoOn
            }
            None => Next::End(Err(Failure::other(anyhow!("the connection to Mesos has ended")))),
        }
    }

    async fn framework_event(&mut self, event: v1::scheduler::Event) -> Next {
        match event.r#type() {
            event::Type::Offers => {
                let offers = event.offers.map(|event| event.offers).unwrap_or_default();
                self.tell(Input::Offers(offers)).await
            }
            event::Type::Update => match event.update {
                Some(update) => self.tell(Input::Status(Box::new(update.status))).await,
                None => Next::GoOn,
            },
            other => {
                debug!("Mesos sent {}.", other.as_str_name());
                Next::GoOn
            }
        }
    }

    /// The master has removed our framework: a new one takes its place, once.
    async fn start_anew(&mut self) -> Next {
        if let Next::End(ended) = self.tell(Input::FrameworkRemoved).await {
            return Next::End(ended);
        }
        self.framework.id = None;
        match SchedulerConnection::open(self.options.clone(), self.framework.clone(), Vec::new()).await {
            Ok((mesos, events)) => {
                (self.mesos, self.events) = (mesos, events);
                Next::GoOn
            }
            Err(e) => Next::End(Err(Failure::other(e))),
        }
    }

    async fn job_manager_event(&mut self, event: JobManagerEvent) -> Next {
        match event {
            JobManagerEvent::Ready => {
                self.view.job_manager_up = true;
                let text = format!("JobManager is up: {}", self.web);
                self.console.tell("jobmanager-up", &text, json!({ "web": self.web }));
                self.tell_if_ready();
                Next::GoOn
            }
            JobManagerEvent::TaskManagers(listed) => self.tell(Input::Registered(listed)).await,
            JobManagerEvent::Finished => {
                let text = "The JobManager has ended in order; ending the cluster.";
                self.console.tell("jobmanager-ended", text, json!({}));
                self.stop(None).await
            }
            JobManagerEvent::Failed(why) => self.stop(Some(Failure::other(anyhow!(why)))).await,
            JobManagerEvent::Restarting(why, wait) => {
                let text = format!("{why}\nIt is started again in {wait:.1?}.");
                self.console.tell("jobmanager-restarting", &text, json!({ "reason": why }));
                Next::GoOn
            }
        }
    }

    /// Ctrl-C ends everything in order; a second one at once.
    async fn interrupted(&mut self) -> Next {
        if self.ending.is_some() { self.give_up().await } else { self.stop(None).await }
    }

    /// SIGTERM leaves the workers to the next application master if there is a state that it can go by.
    async fn terminated(&mut self) -> Next {
        if !self.durable {
            return self.interrupted().await;
        }
        let text = "Leaving the TaskManagers to the next application master.";
        self.console.tell("leaving", text, json!({}));
        Next::End(Ok(Outcome::Ended))
    }

    async fn stop(&mut self, failure: Option<Failure>) -> Next {
        self.stop_job_manager.cancel();
        if self.ending.is_some() {
            return Next::GoOn;
        }
        self.ending = Some(Ending { deadline: Instant::now() + LONGEST_END, failure });
        self.console.tell("stopping", "Stopping the TaskManagers and the JobManager.", json!({}));
        self.console.waiting("Stopping");
        self.tell(Input::Stop).await
    }

    /// The workers' ends are not awaited any longer: the master ends them with the framework.
    async fn give_up(&mut self) -> Next {
        self.tear_down().await;
        Next::End(self.ended())
    }

    fn ended(&mut self) -> Result<Outcome, Failure> {
        self.ending.take().and_then(|ending| ending.failure).map_or(Ok(Outcome::Ended), Err)
    }

    async fn tear_down(&self) {
        match timeout(LAST_CALL, self.mesos.call(calls::teardown())).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => warn!("The framework could not be removed from Mesos: {e}"),
            Err(_) => warn!("The framework could not be removed from Mesos in time."),
        }
    }

    /// Tells the core and carries out what it asks for.
    async fn tell(&mut self, input: Input) -> Next {
        for output in self.core.handle(self.clock.now(), input) {
            match output {
                Output::Store(number, changes) => {
                    // The keeper ends only after this sender.
                    _ = self.batches.send((number, changes));
                }
                Output::Accept { offers, launches } => self.accept(offers, &launches),
                Output::Decline(offers, refuse) => self.mesos.send(calls::decline(offers, refuse.as_secs_f64())),
                Output::Suppress => self.mesos.send(calls::suppress(Vec::new())),
                Output::Revive => self.mesos.send(calls::revive(Vec::new())),
                Output::Kill { worker, agent } => {
                    let agent = agent.map(|value| v1::AgentId { value });
                    self.mesos.send(calls::kill(task_id(&worker), agent, None));
                }
                Output::Acknowledge { agent, task, uuid } => self.mesos.send(calls::acknowledge(agent, task, uuid)),
                Output::Reconcile(workers) => {
                    let tasks = workers
                        .iter()
                        .map(|(worker, agent)| (task_id(worker), Some(v1::AgentId { value: agent.clone() })));
                    self.mesos.send(calls::reconcile(tasks));
                }
                Output::Notice(notice) => self.notice(notice),
                Output::Teardown => self.tear_down().await,
                Output::Stopped => return Next::End(self.ended()),
            }
        }
        Next::GoOn
    }

    fn accept(&mut self, offers: Vec<v1::OfferId>, launches: &[Launch]) {
        let Some(framework) = &self.framework.id else { return };
        let tasks = launches.iter().map(|launch| {
            let token = self.server.issue_token(launch.worker.as_str());
            self.template.task(launch, framework, token.expose())
        });
        self.mesos.send(calls::accept(offers, vec![calls::launch(tasks.collect())], 0.0));
    }
}

fn task_id(worker: &WorkerId) -> v1::TaskId {
    v1::TaskId { value: worker.as_str().to_owned() }
}

/// The signals that end the program.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on signals no longer end the process by themselves.
    pub fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|e| Failure::other(anyhow!("cannot listen for signals: {e}")));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for any of them.
    pub async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
