//! Events from the scheduler, the JobManager and signals, and the reactions to them.

use anyhow::anyhow;
use scheduler::{
    core::{
        message::Input,
        worker::{Phase, Worker},
    },
    driver::Event,
};
use serde_json::json;

use super::{Next, Outcome, Shell};
use crate::{control::status::JobManagerState, failure::Failure, job_manager::JobManagerEvent};

impl Shell<'_> {
    /// Reports what has happened in the scheduler.
    pub(super) fn report(&mut self) -> Next {
        while let Some(event) = self.driver.event() {
            if let Next::End(ended) = self.scheduler_event(event) {
                return Next::End(ended);
            }
        }
        Next::GoOn
    }

    fn scheduler_event(&mut self, event: Event) -> Next {
        let console = self.console;
        match event {
            Event::FrameworkForgotten => {
                let text = "Forgetting the previous framework and its TaskManagers, as configured";
                console.report("framework-forgotten", text, json!({}));
            }
            Event::Registered(framework) => {
                (self.view.waiting_for_master, self.view.has_subscribed) = (false, true);
                self.view.framework = Some(framework.clone());
                self.view.trouble.mesos = None;
                let text = format!("Registered with Mesos as framework {framework}");
                console.report("registered", &text, json!({ "framework": framework }));
            }
            Event::Disconnected { reason, retry_in } => {
                self.view.trouble.mesos = Some(reason.clone());
                // Reported once, not for every attempt.
                if !std::mem::replace(&mut self.view.waiting_for_master, true) {
                    let what = if self.view.has_subscribed {
                        "Lost connection to"
                    } else {
                        "Cannot reach"
                    };
                    let text = format!("{what} Mesos: {reason}. Retrying.");
                    console.report("disconnected", &text, json!({ "reason": reason }));
                    self.metrics.disconnections.inc();
                }
                console.waiting(&format!("Retrying Mesos in {retry_in:.1?}: {reason}"));
            }
            Event::Notice(notice) => self.notice(&notice),
            Event::Stored(number) => self.keep_promises(number),
            Event::CameUp { worker, steps, timeline } => {
                let text = format!("{worker} came up: {steps}");
                console.detail(
                    "up",
                    &text,
                    json!({ "worker": worker.as_str(), "steps": timeline }),
                );
            }
            Event::MemoryWarning(worker, percent) => {
                let text = format!(
                    "{worker} uses {percent} % of its memory limit: above it the kernel kills it"
                );
                console.report(
                    "memory",
                    &text,
                    json!({ "worker": worker.as_str(), "percent": percent }),
                );
            }
            Event::Stopped => return Next::End(self.ended()),
            Event::Deposed => return Next::End(Ok(Outcome::Deposed)),
            Event::Failed(error) => return Next::End(Err(error.into())),
        }
        Next::GoOn
    }

    pub(super) async fn job_manager_event(&mut self, event: JobManagerEvent) -> Next {
        if self.ends_replacement(&event) {
            return Next::GoOn;
        }
        match event {
            JobManagerEvent::Ready => {
                self.view.job_manager_up = true;
                self.view.job_manager = JobManagerState::Running;
                let text = format!("JobManager is up: {}", self.web());
                self.console.report("jobmanager-up", &text, json!({ "web": self.web }));
                self.report_if_ready();
                self.report_adopted();
                self.feed(Input::JobManager(true)).await
            }
            JobManagerEvent::Submitted(job) => {
                let text = format!("Submitting job {} ({})", job.name, job.id);
                self.console.report(
                    "submitting",
                    &text,
                    json!({ "job": job.id, "name": job.name }),
                );
                Next::GoOn
            }
            JobManagerEvent::Demand(seen) => self.observed(seen).await,
            JobManagerEvent::TaskManagers(listed) => self.feed(Input::Registered(listed)).await,
            JobManagerEvent::Finished => {
                if let Some(next) = self.has_stopped_for_hand_over().await {
                    return next;
                }
                let what = self
                    .runs
                    .map_or("JobManager ended".to_owned(), |runs| format!("{runs} finished"));
                let text = format!("The {what}; shutting down the cluster.");
                self.console.report("jobmanager-ended", &text, json!({}));
                self.end(Ok(Outcome::Ended)).await
            }
            JobManagerEvent::Cancelled => {
                let what = self.runs.unwrap_or("cluster");
                self.end(Err(Failure::Cancelled(anyhow!("the {what} was cancelled")))).await
            }
            JobManagerEvent::ApplicationFailed(why) => {
                self.end(Err(Failure::other(anyhow!(why)))).await
            }
            // Leave workers that were taken over: elsewhere, or with other options, the JobManager
            // may start.
            JobManagerEvent::Failed(why) if self.driver.took_over() => {
                self.leave(Err(Failure::other(anyhow!(why))))
            }
            // Nothing was running before, so end what this process has started.
            JobManagerEvent::Failed(why) => self.stop(Err(Failure::other(anyhow!(why)))).await,
            JobManagerEvent::Restarting(why, wait) => {
                self.view.job_manager = JobManagerState::Restarting;
                self.metrics.job_manager_failures.inc();
                self.view.running_jobs.clear();
                self.view.trouble.job_manager = Some((self.driver.core().now(), why.clone()));
                let text = format!("{why}\nRestarting it in {wait:.1?}.");
                self.console.report("jobmanager-restarting", &text, json!({ "reason": why }));
                self.scaling.job_manager_down();
                self.feed(Input::JobManager(false)).await
            }
            JobManagerEvent::Logs(path) => {
                self.logs = Some(path);
                Next::GoOn
            }
            JobManagerEvent::Found(rest) => {
                self.web = Some(rest.address().to_owned());
                self.scaling.found(rest.clone());
                self.rest = Some(rest);
                Next::GoOn
            }
            JobManagerEvent::Advice(text) => {
                let fields = json!({ "warning": text });
                self.console.report("warning", &format!("Warning: {text}"), fields);
                Next::GoOn
            }
            JobManagerEvent::Unreachable(why) => self.unreachable(why).await,
        }
    }

    /// The JobManager that somebody else runs is not there. Its workers wait for it.
    async fn unreachable(&mut self, why: String) -> Next {
        self.view.job_manager = JobManagerState::Unreachable;
        self.metrics.job_manager_failures.inc();
        self.view.trouble.job_manager = Some((self.driver.core().now(), why.clone()));
        let text = format!(
            "Waiting for the JobManager, which somebody else runs: {why}. TaskManagers keep running."
        );
        self.console.report("jobmanager-unreachable", &text, json!({ "reason": why }));
        self.scaling.job_manager_down();
        self.feed(Input::JobManager(false)).await
    }

    /// The web page, for people.
    pub(super) fn web(&self) -> &str {
        self.web.as_deref().unwrap_or("not known yet")
    }

    /// Reports which TaskManagers the JobManager is waiting for.
    fn report_adopted(&self) {
        let waits = |worker: &Worker| {
            worker.counts() && worker.phase == Phase::Running && !worker.registered
        };
        let adopted =
            self.view.adopted.iter().filter_map(|id| self.driver.core().workers().get(id));
        let count = adopted.filter(|worker| waits(worker)).count();
        if count > 0 {
            let which = if count == 1 {
                "the earlier TaskManager".to_owned()
            } else {
                format!("the {count} earlier TaskManagers")
            };
            let text = format!("Waiting for {which} to find this JobManager");
            self.console.report("waiting-for-task-managers", &text, json!({ "workers": count }));
        }
    }

    /// Ctrl-C stops the cluster; a second one skips the waiting.
    pub(super) async fn interrupted(&mut self) -> Next {
        if self.interrupt_replacement() {
            Next::GoOn
        } else if self.ending.is_some() {
            self.give_up().await
        } else {
            self.end(Ok(Outcome::Stopped)).await
        }
    }

    /// SIGTERM leaves the workers to the next application master if the state is durable.
    pub(super) async fn terminated(&mut self) -> Next {
        if !self.driver.is_durable() || self.replacing.is_some() {
            return self.interrupted().await;
        }
        self.leave(Ok(Outcome::Stopped))
    }

    /// Ends this program and nothing else.
    fn leave(&self, end: Result<Outcome, Failure>) -> Next {
        let text = "Leaving the TaskManagers to the next application master.";
        self.console.report("leaving", text, json!({}));
        Next::End(end)
    }
}
