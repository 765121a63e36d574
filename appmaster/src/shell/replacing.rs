//! This cluster replaces another one (`job --replace`).

use anyhow::anyhow;
use scheduler::core::worker::Phase;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::{Next, Outcome, Shell};
use crate::{
    failure::Failure,
    flink_rest::FlinkRest,
    job_manager::JobManagerEvent,
    replacement::{Channels, Order, Replacement, Report},
};

/// A replacement on its way.
#[derive(Debug)]
pub(super) struct Replacing {
    old: String,
    /// How many TaskManagers the job needs.
    workers: usize,
    /// Sent a message once they run.
    ready: Option<oneshot::Sender<()>>,
    orders: mpsc::UnboundedSender<Order>,
    reports: mpsc::Receiver<Report>,
    /// Whether a person wants it to end.
    is_interrupted: bool,
    /// Whether the job has finished here.
    has_finished: bool,
}

impl Replacing {
    /// Begins. Each TaskManager has `slots` slots.
    pub(super) fn begin(replacement: Replacement, rest: FlinkRest, slots: u64) -> Self {
        let (old, workers) = (replacement.old().to_owned(), replacement.workers(slots));
        let Channels { ready, orders, reports } = replacement.begin(rest);
        let (is_interrupted, has_finished) = (false, false);
        Self { old, workers, ready: Some(ready), orders, reports, is_interrupted, has_finished }
    }

    /// How many TaskManagers to start before the job.
    pub(super) fn workers(&self) -> usize {
        self.workers
    }

    /// The next report.
    pub(super) async fn report(of: &mut Option<Self>) -> Option<Report> {
        of.as_mut()?.reports.recv().await
    }
}

impl Shell<'_> {
    /// Lets the replacement continue once the TaskManagers run.
    pub(super) fn announce_workers(&mut self) {
        let Some(Replacing { ready, workers, .. }) = &mut self.replacing else { return };
        let core = self.driver.core();
        let wanted = core.target().min(*workers);
        let running = core.workers().values();
        let running = running.filter(|it| it.counts() && it.phase == Phase::Running).count();
        if core.is_subscribed()
            && running >= wanted
            && let Some(ready) = ready.take()
        {
            // It may have given up.
            _ = ready.send(());
        }
    }

    /// Carries out what the replacement asks for.
    pub(super) async fn replacement_reported(&mut self, report: Report) -> Next {
        let Some(replacing) = &mut self.replacing else { return Next::GoOn };
        let old = replacing.old.clone();
        match report {
            Report::Start(savepoint) => {
                let text = format!("The job of {old} has stopped. Starting it from {savepoint}");
                self.console.report("savepoint", &text, json!({ "savepoint": savepoint }));
                self.console.waiting("Waiting for the job to run");
                self.start_from(savepoint, 1);
                Next::GoOn
            }
            Report::StopJobManager(answer) => {
                let ended = self.stop_own_job_manager();
                tokio::spawn(async move {
                    // It has ended if the sender is gone.
                    _ = ended.await;
                    // The replacement may have ended.
                    _ = answer.send(());
                });
                Next::GoOn
            }
            Report::Replaced => {
                let has_finished = replacing.has_finished;
                self.replacing = None;
                let text = format!("The job runs here; cluster {old} ends");
                self.console.report("replaced", &text, json!({ "old": old }));
                self.console.settled();
                if has_finished {
                    return Box::pin(self.job_manager_event(JobManagerEvent::Finished)).await;
                }
                Next::GoOn
            }
            Report::GivenUp(why) => {
                let is_interrupted = replacing.is_interrupted;
                self.replacing = None;
                let error = anyhow!(why);
                let failure =
                    if is_interrupted { Failure::Cancelled(error) } else { Failure::Other(error) };
                self.end(Err(failure)).await
            }
        }
    }

    /// Gives the replacement up, at the request of a person. Whether there was one to give up.
    pub(super) fn interrupt_replacement(&mut self) -> bool {
        let Some(replacing) = &mut self.replacing else { return false };
        if std::mem::replace(&mut replacing.is_interrupted, true) {
            return false;
        }
        self.console.report("giving-up", "Stopping before the job has moved here.", json!({}));
        let why = "it was stopped before its job ran here".to_owned();
        replacing.orders.send(Order::GiveUp(why)).is_ok()
    }

    /// Whether an end of the JobManager is the replacement's affair.
    pub(super) fn ends_replacement(&mut self, event: &JobManagerEvent) -> bool {
        let Some(replacing) = &mut self.replacing else { return false };
        let order = match event {
            JobManagerEvent::Finished => {
                replacing.has_finished = true;
                Order::Finished
            }
            JobManagerEvent::Cancelled => Order::GiveUp("the job was cancelled here".to_owned()),
            JobManagerEvent::ApplicationFailed(why) | JobManagerEvent::Failed(why) => {
                Order::GiveUp(why.clone())
            }
            _ => return false,
        };
        // It may be giving up already.
        _ = replacing.orders.send(order);
        true
    }

    /// The result of a run that lost its leadership: without it, nobody knows whether the job may
    /// start here.
    pub(super) fn deposed(&self, ended: Result<Outcome, Failure>) -> Result<Outcome, Failure> {
        match (&self.replacing, ended) {
            (Some(replacing), Ok(Outcome::Deposed)) => Err(Failure::other(anyhow!(
                "this cluster lost its leadership before the job of {old:?} ran here; {old:?} continues it by itself \
                 within a minute: see `flink-mesos status --cluster {old}`",
                old = replacing.old
            ))),
            (_, ended) => ended,
        }
    }
}
