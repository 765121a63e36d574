//! The cluster at a glance, for operators.

use std::time::Duration;

use scheduler::core::{
    cause::Cause,
    history::{Step, Transition},
    ids::Moment,
    worker::{Phase, Worker},
};
use tokio::{sync::oneshot, time::timeout};

use super::Shell;
use crate::{
    control::{
        Answer,
        status::{Disconnected, Facts, JobManager, LastFailure, Status, WorkerCounts, waiting_for},
    },
    table::rfc3339,
};

/// How long the JobManager may take to list its jobs.
const PATIENCE: Duration = Duration::from_secs(3);

/// The name of this cluster, for people.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The framework's name.
    pub name: String,
    /// The user of this process.
    pub user: String,
    /// Flink's version.
    pub flink: String,
}

/// What has gone wrong, for the status.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Why there is no connection to Mesos.
    pub(super) mesos: Option<String>,
    /// Until when launches are delayed, and why.
    pub(super) delayed: Option<(Moment, String)>,
    pub(super) store_away: bool,
    /// When and why the JobManager last failed.
    pub(super) job_manager: Option<(Moment, String)>,
}

impl Shell<'_> {
    /// Answers with the status. The JobManager is asked for its jobs meanwhile, and delays nothing.
    pub(super) fn answer_status(&self, answer: oneshot::Sender<Answer>) {
        let (mut status, rest) = (self.status(), self.rest.clone());
        tokio::spawn(async move {
            if let Some(rest) = rest {
                let jobs = timeout(PATIENCE, rest.jobs()).await;
                status.jobs = jobs.ok().and_then(Result::ok);
            }
            // The client may have disconnected.
            _ = answer.send(Ok(serde_json::to_value(&status).unwrap_or_default()));
        });
    }

    fn status(&self) -> Status {
        let facts = self.facts();
        let slots = self.scaling.waiting().map(|why| format!("slots: {why}"));
        Status {
            cluster: self.identity.name.clone(),
            framework: self.view.framework.clone(),
            user: self.identity.user.clone(),
            flink: self.identity.flink.clone(),
            since: rfc3339(self.since.0),
            conditions: facts.conditions(),
            job_manager: JobManager { state: facts.job_manager, web: self.web.clone() },
            workers: facts.workers,
            jobs: None,
            last_failure: self.last_failure(),
            waiting_for: waiting_for(&facts)
                .into_iter()
                .chain(slots)
                .chain(self.hand_over.waiting())
                .collect(),
        }
    }

    pub(super) fn facts(&self) -> Facts {
        let (core, trouble) = (self.driver.core(), &self.view.trouble);
        let delayed = trouble.delayed.as_ref().filter(|(until, _)| *until > core.now());
        Facts {
            stopping: self.ending.is_some() || core.is_stopping(),
            mesos: (!core.is_subscribed()).then(|| Disconnected(trouble.mesos.clone())),
            job_manager: self.view.job_manager,
            workers: self.counts(),
            starved: core.starved(),
            delayed: delayed.map(|(_, why)| why.clone()),
            store_away: trouble.store_away,
        }
    }

    fn counts(&self) -> WorkerCounts {
        let core = self.driver.core();
        let count = |is: &dyn Fn(&Worker) -> bool| {
            core.workers().values().filter(|worker| is(worker)).count()
        };
        WorkerCounts {
            wanted: core.target(),
            registered: count(&|worker| worker.counts() && worker.registered),
            starting: count(&|worker| {
                worker.counts() && !worker.registered && worker.phase != Phase::Unreachable
            }),
            stopping: count(&|worker| matches!(worker.phase, Phase::Killing(_))),
            unreachable: count(&|worker| worker.phase == Phase::Unreachable),
            moving: count(&|worker| worker.counts() && core.leaves(worker).is_some()),
        }
    }

    /// The last failure of a worker or the JobManager, whichever was later.
    fn last_failure(&self) -> Option<LastFailure> {
        let steps = self.driver.core().history().iter();
        let worker = steps
            .filter(|step| is_failure(step))
            .last()
            .map(|step| (step.at, step.worker.as_str().to_owned(), step.cause.to_string()));
        let job_manager = self.view.trouble.job_manager.clone();
        let job_manager = job_manager.map(|(at, why)| (at, "jobmanager".to_owned(), why));
        let (at, what, reason) =
            worker.into_iter().chain(job_manager).max_by_key(|(at, ..)| *at)?;
        Some(LastFailure { at: rfc3339(at.0), what, reason })
    }
}

/// Whether a worker has ended by itself, or was given up.
fn is_failure(step: &Transition) -> bool {
    match (step.from, step.to) {
        (Step::Killing | Step::ShuttingDown | Step::Storing, Step::Gone) => false,
        (_, Step::Gone) => matches!(step.cause, Cause::Status(_)),
        _ => matches!(
            step.cause,
            Cause::Silent(_) | Cause::Unregistered(_) | Cause::Unreachable | Cause::Disobeys(_)
        ),
    }
}

#[cfg(test)]
mod tests {
    use scheduler::core::{cause::Initiator, ids::WorkerId};

    use super::*;

    #[test]
    fn an_end_that_was_wanted_is_no_failure() {
        let failed = |from, to, cause| {
            let (worker, by) = (WorkerId::new("1", 1), Initiator::Mesos);
            is_failure(&Transition { at: Moment(1), worker, from, to, cause, by })
        };
        let status = || Cause::Status("TASK_FAILED: disk full".to_owned());
        assert!(failed(Step::Running, Step::Gone, status()));
        assert!(failed(Step::Staging, Step::Killing, Cause::Silent(Duration::from_secs(1))));
        assert!(!failed(Step::Killing, Step::Gone, status()), "it was killed before");
        assert!(!failed(Step::Running, Step::Killing, Cause::Surplus));
        assert!(!failed(Step::Running, Step::Registered, Cause::Listed));
        assert!(!failed(Step::Storing, Step::Gone, Cause::OfferDeclined));
    }
}
