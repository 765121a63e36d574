//! A running cluster: brings the scheduler, the JobManager, the operators and the signals together,
//! and reports to people.

mod agents;
mod ending;
mod events;
mod hand_over;
mod logs;
mod metrics;
mod notices;
mod operator;
mod replacing;
mod restart;
mod scaling;
mod signals;
mod status;

use std::{collections::BTreeSet, path::PathBuf};

use fetcher_server::ArtifactServer;
use scheduler::{
    clock::Clock,
    core::{
        ids::{Moment, WorkerId},
        message::Input,
        state::Ended,
    },
    driver::{self, Driver},
};
use serde_json::json;
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

pub(crate) use self::hand_over::LEASE;
use self::{
    ending::Ending, hand_over::HandOver, logs::Addresses, operator::Promised, replacing::Replacing,
    scaling::Scaling, status::Trouble,
};
pub use self::{restart::FromSavepoint, signals::Signals, status::Identity};
use crate::{
    console::Console,
    control::{ControlServer, status::JobManagerState},
    failure::Failure,
    flink_rest::FlinkRest,
    job_manager::{JobManager, JobManagerEvent, Supervision, logs::USUAL},
    metrics::Metrics,
    replacement::Replacement,
    settings::ScalingSettings,
};

/// After a takeover: how often a JobManager that does not answer is started before the program
/// exits and leaves the workers running.
const STARTS_AFTER_TAKEOVER: u32 = 5;

/// The parts of a running application master.
pub struct Parts {
    /// The scheduler's.
    pub driver: driver::Parts,
    /// How many workers there may be.
    pub scaling: ScalingSettings,
    /// Serves the artifacts.
    pub server: ArtifactServer,
    /// The result of a cluster that is stopped.
    pub stopped: Ended,
    /// What the cluster runs, if it ends with that.
    pub runs: Option<&'static str>,
    /// Flink's JobManager.
    pub job_manager: Supervision,
    /// The URL of its web page, if that is known before it is found.
    pub web: Option<String>,
    /// The operator's API.
    pub control: ControlServer,
    /// The name of this cluster.
    pub identity: Identity,
    /// The folder of the Mesos inside this process.
    pub local_mesos: Option<PathBuf>,
    /// Prepares a JobManager whose job starts from a savepoint, for a cluster with a job of its own.
    pub from_savepoint: Option<FromSavepoint>,
    /// The cluster whose job this one continues.
    pub replacement: Option<Replacement>,
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
    driver: Driver,
    console: &'a Console,
    server: ArtifactServer,
    stopped: Ended,
    runs: Option<&'static str>,
    /// The JobManager's web page, as far as it is known.
    web: Option<String>,
    /// The JobManager's REST API, once it is known.
    rest: Option<FlinkRest>,
    /// The JobManager's log, with any ending; `None` if somebody else runs it.
    logs: Option<PathBuf>,
    addresses: Addresses,
    local_mesos: Option<PathBuf>,
    identity: Identity,
    /// When this application master began to lead.
    since: Moment,
    job_manager: mpsc::Receiver<JobManagerEvent>,
    stop_job_manager: CancellationToken,
    job_manager_task: JoinHandle<()>,
    control: ControlServer,
    metrics: Box<Metrics>,
    promised: Vec<Promised>,
    scaling: Scaling,
    hand_over: HandOver,
    from_savepoint: Option<FromSavepoint>,
    replacing: Option<Replacing>,
    view: View,
    ending: Option<Ending>,
}

/// What was reported so far.
#[derive(Debug, Default)]
struct View {
    /// Workers taken over that have not registered yet.
    adopted: BTreeSet<WorkerId>,
    registered: BTreeSet<WorkerId>,
    /// The jobs that were seen running.
    running_jobs: BTreeSet<String>,
    job_manager_up: bool,
    job_manager: JobManagerState,
    /// The framework's id, once it is registered.
    framework: Option<String>,
    trouble: Trouble,
    told_ready: bool,
    waiting_for_master: bool,
    has_subscribed: bool,
}

enum Next {
    GoOn,
    End(Result<Outcome, Failure>),
}

/// The JobManager's log, with any ending. Reports it if it has an unusual name.
fn own_log(own: &JobManager, console: &Console) -> PathBuf {
    let path = own.log_path();
    if own.log_name != USUAL {
        let log = path.display();
        let text =
            format!("Another cluster has jobmanager.log there: this JobManager's log is {log}");
        console.report("log-name", &text, json!({ "log": path }));
    }
    path
}

impl<'a> Shell<'a> {
    /// Starts all parts.
    pub async fn start(parts: Parts, console: &'a Console) -> Result<Self, Failure> {
        let driver = Driver::start(parts.driver).await?;
        let (job_manager_out, job_manager) = mpsc::channel(16);
        let stop_job_manager = CancellationToken::new();
        let (rest, logs) = match &parts.job_manager {
            Supervision::Own(own) => (Some(own.rest.clone()), Some(own_log(own, console))),
            Supervision::External(_) => (None, None),
        };
        let replacing = rest.as_ref().zip(parts.replacement).map(|(rest, replacement)| {
            Replacing::begin(replacement, rest.clone(), parts.scaling.slots)
        });
        let scaling = Scaling::new(parts.scaling, driver.core().scale(), rest.clone());
        // A JobManager that fails at its first start would fail again. With workers that were taken
        // over, more attempts are worthwhile, unless a standby can take over at once.
        let starts =
            if driver.took_over() && !driver.is_elected() { STARTS_AFTER_TAKEOVER } else { 1 };
        let stop = stop_job_manager.clone();
        let job_manager_task = match parts.job_manager {
            // It is prepared again, with the savepoint.
            Supervision::Own(_) if replacing.is_some() => tokio::spawn(async {}),
            Supervision::Own(own) => tokio::spawn(own.supervise(starts, job_manager_out, stop)),
            Supervision::External(other) => tokio::spawn(other.follow(job_manager_out, stop)),
        };
        if let Some(text) = scaling::overridden(driver.core()) {
            console.report("scale", &text, json!({}));
        }
        let control = parts.control.url();
        let text = format!("Control API: {control} (flink-mesos status --at {control})");
        console.report("control", &text, json!({ "address": control }));
        let adopted = driver.core().workers().keys().cloned().collect();
        let since = Clock::start().now();
        let metrics = Box::new(Metrics::new(&parts.identity.flink));
        metrics.leads_since(since);
        Ok(Self {
            driver,
            scaling,
            hand_over: HandOver::new(),
            from_savepoint: parts.from_savepoint,
            replacing,
            view: View { adopted, ..View::default() },
            console,
            server: parts.server,
            control: parts.control,
            stopped: parts.stopped,
            runs: parts.runs,
            web: parts.web,
            rest,
            logs,
            addresses: Addresses::default(),
            local_mesos: parts.local_mesos,
            identity: parts.identity,
            since,
            metrics,
            job_manager,
            stop_job_manager,
            job_manager_task,
            promised: Vec::new(),
            ending: None,
        })
    }

    /// Runs until the cluster ends.
    pub async fn run(mut self, signals: &mut Signals) -> Result<Outcome, Failure> {
        self.console.waiting("Waiting for Mesos and the JobManager");
        let first = self.replacing.as_ref().map_or(0, Replacing::workers);
        let wanted = self.scaling.at_start(self.driver.core(), first);
        let ended = match self.feed(Input::Target(wanted)).await {
            Next::End(ended) => ended,
            Next::GoOn => self.go_on(signals).await,
        };
        let ended = self.deposed(ended);
        self.console.settled();
        self.stop_job_manager.cancel();
        self.driver.disconnect().await;
        _ = self.job_manager_task.await;
        // The next leader may need the same ports.
        drop(self.control);
        self.server.shutdown().await;
        self.driver.release().await;
        ended
    }

    async fn go_on(&mut self, signals: &mut Signals) -> Result<Outcome, Failure> {
        loop {
            let deadline = self.ending.as_ref().map(|ending| ending.deadline);
            let lease = self.hand_over.lease();
            let next = tokio::select! {
                wake = self.driver.wait() => {
                    self.driver.handle(wake).await;
                    self.report()
                }
                Some(asked) = self.control.next() => self.asked(asked).await,
                Some(event) = self.job_manager.recv() => self.job_manager_event(event).await,
                Some(unused) = self.scaling.confirmed() => self.confirmed(unused).await,
                Some(saved) = self.hand_over.saved() => self.saved(saved).await,
                () = sleep_until(lease.unwrap_or_else(Instant::now)), if lease.is_some() => {
                    self.take_back("because the new cluster is silent");
                    Next::GoOn
                }
                Some(report) = Replacing::report(&mut self.replacing) => self.replacement_reported(report).await,
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => self.give_up().await,
                _ = signals.interrupt.recv() => self.interrupted().await,
                _ = signals.terminate.recv() => self.terminated().await,
            };
            if let Next::End(ended) = next {
                return ended;
            }
            self.announce_workers();
        }
    }

    /// Passes an input to the scheduler, and reports what follows.
    async fn feed(&mut self, input: Input) -> Next {
        self.driver.feed(input).await;
        self.report()
    }
}
