//! The executor's loop: passes every event to the [`Core`] and carries out the outputs.
//!
//! ```text
//!   agent's events ──┐                       ┌──▶ subscription, updates      (shell/agent.rs)
//!   fetch, start  ───┼──▶ Core::handle ──────┼──▶ fetch, start               (shell/worker.rs)
//!   process's end ───┤                       └──▶ SIGTERM, SIGKILL           (process)
//!   signals, time ───┘
//! ```
//!
//! Everything runs on one thread; blocking work runs on others. The shell owns every task, and each
//! ends with it.

mod agent;
mod worker;
mod workspace;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use mesos::{
    executor::{ExecutorConnection, ExecutorEnvironment},
    v1::{TaskInfo, TaskStatus},
};
use nix::sys::{prctl, signal::SigSet};
use overlays::worker::Sandbox;
use tokio::{
    select,
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use crate::{
    artifacts::Delivered,
    class_data::{ArchiveJob, ClassData},
    core::{Core, Exit, Input, Now, Output, Settings, Worker},
    journal::Journal,
    process::{Control, Forked, Guard},
    usage,
};
use agent::{Sender, Subscription};
use worker::{Outcome, Shared, Started, Watch, Work};
use workspace::Workspace;

/// From SIGTERM to SIGKILL unless the KILL or the task sets a grace. A TaskManager that obeys needs
/// a fraction of a second.
const KILL_GRACE: Duration = Duration::from_secs(5);

/// Time limit for the last updates to be sent, and for the journal to be written, once the executor
/// is done.
const FLUSH: Duration = Duration::from_millis(500);

/// What the shell needs to start.
#[derive(Debug)]
pub struct Options {
    /// The agent's settings for this executor.
    pub agent: ExecutorEnvironment,
    /// The executor's environment variables.
    pub variables: Vec<(String, String)>,
    /// Path of this binary, to start guards with.
    pub binary: PathBuf,
    /// The first guard, if one was forked.
    pub guard: Option<Forked>,
}

/// Runs the executor to its end. Returns true if the agent has acknowledged everything about the
/// task.
pub async fn run(options: Options) -> anyhow::Result<bool> {
    prctl::set_child_subreaper(true).context("cannot become a sub-reaper")?;
    // The agent's launcher leaves SIGCHLD blocked, which reports the end of the guard.
    SigSet::all().thread_unblock().context("cannot unblock signals")?;
    let (inbox, inputs) = unbounded_channel();
    let flink = Sandbox { path: options.agent.sandbox.clone() }.flink();
    let journal = Journal::begin(&options.agent.sandbox, &flink).await?;
    let shell = Shell::new(options, inbox, journal)?;
    Ok(shell.run(inputs).await)
}

struct Shell {
    core: Core,
    started: Instant,
    connection: Arc<ExecutorConnection>,
    workspace: Arc<Workspace>,
    inbox: UnboundedSender<Input>,
    journal: Journal,
    interrupt: Signal,
    terminate: Signal,
    subscription: Option<Subscription>,
    sender: Option<Sender>,
    /// The guard for the first TaskManager.
    guard: Option<Guard>,
    /// The fetch or start under way.
    work: Option<Work>,
    /// The fetched artifacts. Holding this keeps them in the host's cache for as long as they are
    /// used.
    delivered: Option<Box<Delivered>>,
    process: Option<Process>,
    /// The class data that the process was started with, or the plan to leave some.
    class_data: Option<ClassData>,
    archive_job: Option<ArchiveJob>,
}

/// The running TaskManager.
struct Process {
    control: Control,
    watch: Watch,
    pid: u32,
    worker: Arc<Worker>,
    #[expect(dead_code, reason = "held for their drop")]
    watchers: Vec<AbortOnDropHandle<()>>,
}

impl Shell {
    fn new(
        options: Options,
        inbox: UnboundedSender<Input>,
        journal: Journal,
    ) -> anyhow::Result<Self> {
        let Options { agent, variables, binary, guard } = options;
        let settings = Settings {
            executor_id: agent.executor_id.value.clone(),
            recovery_timeout: agent.checkpoint.then_some(agent.recovery_timeout),
            subscription_backoff_max: agent.subscription_backoff_max,
            shutdown_grace: agent.shutdown_grace_period,
            kill_grace: KILL_GRACE,
        };
        let workspace = Arc::new(Workspace::new(agent.sandbox.clone(), variables, binary));
        Ok(Self {
            core: Core::new(settings, Box::new(mesos::status::new_uuid)),
            started: Instant::now(),
            guard: guard.map(Guard::of).transpose()?,
            workspace,
            connection: Arc::new(
                ExecutorConnection::new(agent).context("cannot connect to the agent")?,
            ),
            inbox,
            journal,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            subscription: None,
            sender: None,
            work: None,
            delivered: None,
            process: None,
            class_data: None,
            archive_job: None,
        })
    }

    async fn run(mut self, mut inputs: UnboundedReceiver<Input>) -> bool {
        let mut input = Input::Begin;
        loop {
            if let Some(clean) = self.step(input).await {
                if let Some(archive_job) = self.archive_job.take() {
                    archive_job.end().await;
                }
                if let Some(guard) = self.guard.take() {
                    guard.dismiss().await;
                }
                if let Some(sender) = self.sender.take() {
                    tokio::time::timeout(FLUSH, sender.flush()).await.ok();
                }
                tokio::time::timeout(FLUSH, self.journal.finish()).await.ok();
                return clean;
            }
            input = self.next(&mut inputs).await;
        }
    }

    /// Waits for the next event.
    async fn next(&mut self, inputs: &mut UnboundedReceiver<Input>) -> Input {
        let deadline = self.core.deadline().map(|deadline| self.started + deadline);
        select! {
            Some(input) = inputs.recv() => {
                if matches!(input, Input::Registered) {
                    self.prepare_class_data();
                }
                input
            }
            outcome = ended(self.work.as_mut()) => self.worked(outcome),
            exit = died(self.process.as_mut()) => {
                (self.process, self.archive_job) = (None, None);
                self.journal.ended();
                Input::Exited(exit)
            }
            _ = self.terminate.recv() => Input::Shutdown("ended by SIGTERM to the executor"),
            _ = self.interrupt.recv() => Input::Shutdown("ended by SIGINT to the executor"),
            () = until(deadline) => Input::Tick,
        }
    }

    /// Takes the outcome of the fetch or start.
    fn worked(&mut self, outcome: Outcome) -> Input {
        self.work = None;
        match outcome {
            Outcome::Fetched(delivered) => {
                self.delivered = Some(delivered);
                Input::Fetched
            }
            Outcome::Failed(failure) => Input::Failed(failure),
            Outcome::Cancelled => Input::Cancelled,
            Outcome::Started(started) => {
                let Started { control, watch, startup, about, class_data } = *started;
                let pid = startup.pid;
                let worker = startup.worker.spec.worker_id.clone();
                self.journal.started(&worker, watch.guard(), pid, about);
                let sandbox = self.workspace.sandbox.path.clone();
                let sidecar = self.workspace.sidecar(&startup.worker);
                let listeners =
                    usage::Listeners { connection: Arc::clone(&self.connection), sidecar };
                let usage =
                    watch.guard().map(|guard| usage::report(listeners, worker, guard, sandbox));
                let described = Arc::clone(&startup.worker);
                let watchers =
                    [startup.watch(self.inbox.clone())].into_iter().chain(usage).collect();
                self.process = Some(Process { control, watch, pid, worker: described, watchers });
                let is_warm = class_data.as_ref().is_some_and(ClassData::is_used);
                self.class_data = class_data;
                Input::Started { pid, class_data: is_warm }
            }
        }
    }

    /// Prepares class data for later TaskManagers, once this one has registered.
    fn prepare_class_data(&mut self) {
        let Some(process) = &self.process else { return };
        if let (None, Some(trainer)) = (&self.archive_job, self.workspace.trainer(&process.worker))
        {
            self.archive_job = self
                .class_data
                .clone()
                .map(|class_data| class_data.prepare_next(process.pid, trainer));
        }
    }

    async fn step(&mut self, input: Input) -> Option<bool> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Now { elapsed: self.started.elapsed(), unix: since_1970.as_secs_f64() };
        for output in self.core.handle(now, input) {
            if let Output::End { reason, clean } = output {
                info!("Executor is exiting: {reason}");
                return Some(clean);
            }
            self.carry_out(output).await;
        }
        None
    }

    async fn carry_out(&mut self, output: Output) {
        match output {
            Output::Subscribe { tasks, updates } => self.subscribe(tasks, updates),
            Output::Note(status) => {
                info!(
                    task_id = status.task_id.value,
                    "{}: {}",
                    status.state().as_str_name(),
                    status.message()
                );
                self.journal.note(&status);
            }
            Output::Send(status) => {
                if let Some(sender) = &self.sender {
                    sender.send(*status);
                }
            }
            Output::Fetch(worker) => {
                self.work =
                    Some(Work::fetch(&self.workspace, Arc::clone(&worker), self.inbox.clone()));
                self.journal.launched(&worker);
            }
            Output::Start { worker, quarantine } => self.start(worker, quarantine).await,
            Output::Cancel => {
                if let Some(work) = &self.work {
                    work.cancel();
                }
            }
            Output::Terminate => {
                info!("Sent SIGTERM to the TaskManager and all its child processes");
                if let Some(process) = &mut self.process {
                    process.control.terminate().await;
                }
                self.archive_job = self.archive_job.take().inspect(ArchiveJob::cancel);
            }
            Output::Destroy => {
                info!("Sent SIGKILL to the TaskManager and all its child processes");
                if let Some(process) = &mut self.process {
                    process.control.destroy().await;
                }
            }
            Output::End { .. } => {}
        }
    }

    fn subscribe(&mut self, tasks: Vec<TaskInfo>, updates: Vec<TaskStatus>) {
        let (connection, inbox) = (Arc::clone(&self.connection), self.inbox.clone());
        let workspace = Arc::clone(&self.workspace);
        self.sender = Some(Sender::start(Arc::clone(&connection), inbox.clone()));
        self.subscription =
            Some(Subscription::start(connection, tasks, updates, inbox, move || {
                workspace.prepare_once();
            }));
    }

    async fn start(&mut self, worker: Arc<Worker>, quarantine: bool) {
        if let Some(class_data) = self.class_data.take().filter(|_| quarantine) {
            warn!("TaskManager died early with archived class data; starting it again without");
            class_data.quarantine().await;
        }
        let delivery = self.delivered.as_ref().map(|delivered| delivered.delivery.clone());
        let shared = Shared { delivery, class_data: worker.class_data_sharing && !quarantine };
        self.work = Some(Work::start(&self.workspace, worker, shared, self.guard.take()));
    }
}

async fn ended(work: Option<&mut Work>) -> Outcome {
    match work {
        Some(work) => work.outcome().await,
        None => std::future::pending().await,
    }
}

async fn died(process: Option<&mut Process>) -> Exit {
    match process {
        Some(process) => process.watch.exit().await,
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
