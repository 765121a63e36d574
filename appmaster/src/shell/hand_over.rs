//! Gives the job to a cluster that replaces this one, at its request (`job --replace`).
//!
//! ```text
//!                begin             savepoint            done
//!   (job runs) ────────▶ Saving ─────────────▶ Saved ──────────▶ Done: the cluster ends
//!        ▲                  │ no savepoint       │ the new cluster gives up, or is silent
//!        └──────────────────┴────────────────────┘ for longer than the lease
//! ```
//!
//! In `Saved`, the JobManager has ended with its job, and the TaskManagers wait for the next one.

use std::time::Duration;

use serde_json::json;
use tokio::{sync::mpsc, time::Instant};

use super::{Next, Outcome, Shell};
use crate::{
    control::{
        Answer, Refusal,
        hand_over::{HandOverRequest, HandOverState, Step},
        status::JobManagerState,
    },
    demand::Slots,
    flink_rest::{FlinkRest, SavepointOptions},
};

/// How long the new cluster may be silent before this one continues its job. The new one stops
/// earlier if it gets no answer (`replacement::SILENCE`), so that both never run the job.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// The hand-over, if there is one.
#[derive(Debug)]
pub(super) struct HandOver {
    current: Option<Current>,
    saved: (mpsc::UnboundedSender<Saved>, mpsc::UnboundedReceiver<Saved>),
}

/// Where the savepoint is, or why there is none.
type Saved = Result<String, String>;

#[derive(Debug)]
struct Current {
    to: String,
    stage: Stage,
    lease: Instant,
    /// Whether the JobManager has ended with its job.
    has_stopped: bool,
}

#[derive(Debug)]
enum Stage {
    Saving,
    Saved(String),
    Failed(String),
    Done,
}

impl HandOver {
    pub(super) fn new() -> Self {
        Self { current: None, saved: mpsc::unbounded_channel() }
    }

    /// When the job is taken back.
    pub(super) fn lease(&self) -> Option<Instant> {
        let current = self.current.as_ref()?;
        matches!(current.stage, Stage::Saved(_)).then_some(current.lease)
    }

    /// The next savepoint, or why there is none.
    pub(super) async fn saved(&mut self) -> Option<Saved> {
        self.saved.1.recv().await
    }

    /// What the cluster waits for.
    pub(super) fn waiting(&self) -> Option<String> {
        let Current { to, stage, .. } = self.current.as_ref()?;
        match stage {
            Stage::Saving => Some(format!("a savepoint of the job for cluster {to}")),
            Stage::Saved(savepoint) => {
                Some(format!("cluster {to}, which starts the job from savepoint {savepoint}"))
            }
            Stage::Failed(_) | Stage::Done => None,
        }
    }

    fn state(&self) -> HandOverState {
        match self.current.as_ref().map(|current| &current.stage) {
            Some(Stage::Saving) => HandOverState::Saving,
            Some(Stage::Saved(savepoint)) => HandOverState::Saved { savepoint: savepoint.clone() },
            Some(Stage::Failed(reason)) => HandOverState::Failed { reason: reason.clone() },
            Some(Stage::Done) => HandOverState::Done,
            None => HandOverState::None,
        }
    }
}

impl Shell<'_> {
    /// Carries out a step of the cluster that replaces this one.
    pub(super) async fn hand_over(&mut self, request: HandOverRequest) -> (Answer, Next) {
        let HandOverRequest { to, step, folder } = request;
        let mut next = Next::GoOn;
        let state = match (&mut self.hand_over.current, step) {
            (_, Step::Check) => self.handed_job(),
            (Some(current), _) if current.to != to => match step {
                Step::Begin => Err(Refusal::Mistake(format!(
                    "its job is being given to cluster {} already",
                    current.to
                ))),
                _ => Ok(HandOverState::None),
            },
            (Some(current), Step::Begin | Step::Wait) => {
                current.lease = Instant::now() + LEASE;
                let state = self.hand_over.state();
                if matches!(state, HandOverState::Failed { .. }) {
                    self.hand_over.current = None;
                }
                Ok(state)
            }
            (None, Step::Begin) => self.begin_hand_over(to, folder),
            (Some(current), Step::Done) if matches!(current.stage, Stage::Saved(_)) => {
                current.stage = Stage::Done;
                let text = format!("The job runs in cluster {to}; shutting down the cluster.");
                self.console.report("handed-over", &text, json!({ "to": to }));
                next = self.end(Ok(Outcome::Ended)).await;
                Ok(HandOverState::Done)
            }
            (Some(current), Step::TakeBack) if matches!(current.stage, Stage::Saving) => {
                // As soon as the savepoint is there.
                current.lease = Instant::now();
                Ok(HandOverState::None)
            }
            (Some(_), Step::TakeBack) => {
                self.take_back("because the new cluster gives up");
                Ok(HandOverState::None)
            }
            (Some(_) | None, _) => Ok(self.hand_over.state()),
        };
        (state.map(|state| serde_json::to_value(state).unwrap_or_default()), next)
    }

    /// The only job of the cluster, if it can be handed over.
    fn handed_job(&self) -> Result<HandOverState, Refusal> {
        let seen = self.scaling.seen();
        let jobs = seen.map(|seen| &seen.jobs[..]).unwrap_or_default();
        if self.runs.is_none() {
            let count = match jobs.len() {
                1 => "1 job".to_owned(),
                count => format!("{count} jobs"),
            };
            return Err(Refusal::Mistake(format!(
                "it is a session with {count}, and only a cluster with a job of its own can be replaced: stop a job with \
                 `flink-mesos jobs savepoint JOB --stop`, then start it with `flink-mesos job --from-savepoint`"
            )));
        }
        if self.ending.is_some() {
            return Err(Refusal::Unavailable("it is stopping".to_owned()));
        }
        match (seen, jobs) {
            (Some(seen), [job]) if job.runs => Ok(HandOverState::Possible {
                job: job.id.clone(),
                name: job.name.clone(),
                slots: seen.task_managers.values().map(Slots::used).sum(),
                workers: seen.task_managers.len(),
            }),
            (_, [] | [_]) => Err(Refusal::Unavailable(
                "its job does not run: wait until `flink-mesos jobs` shows all its tasks running"
                    .to_owned(),
            )),
            (_, several) => Err(Refusal::Mistake(format!(
                "it runs {} jobs, and only a cluster with one can be replaced",
                several.len()
            ))),
        }
    }

    fn begin_hand_over(
        &mut self,
        to: String,
        folder: Option<String>,
    ) -> Result<HandOverState, Refusal> {
        let HandOverState::Possible { job, .. } = self.handed_job()? else {
            return Ok(HandOverState::None);
        };
        let Some(rest) = self.rest.clone() else { return Ok(HandOverState::None) };
        let text = format!("Stopping job {job} with a savepoint, for cluster {to}");
        self.console.report("handing-over", &text, json!({ "job": job, "to": to }));
        let answer = self.hand_over.saved.0.clone();
        tokio::spawn(async move {
            // During shutdown, there may be no receiver.
            _ = answer.send(savepoint(&rest, &job, folder).await);
        });
        let lease = Instant::now() + LEASE;
        self.hand_over.current =
            Some(Current { to, stage: Stage::Saving, lease, has_stopped: false });
        Ok(HandOverState::Saving)
    }

    /// The job has stopped with a savepoint, or keeps running.
    pub(super) async fn saved(&mut self, saved: Saved) -> Next {
        let Some(current) = &mut self.hand_over.current else { return Next::GoOn };
        match saved {
            Ok(savepoint) => {
                let text = format!("The job has stopped with savepoint {savepoint}");
                current.stage = Stage::Saved(savepoint.clone());
                self.console.report("savepoint", &text, json!({ "savepoint": savepoint }));
            }
            Err(reason) => {
                let text = format!("The job is not handed over: {reason}");
                let has_stopped = current.has_stopped;
                current.stage = Stage::Failed(reason.clone());
                self.console.report("hand-over-failed", &text, json!({ "reason": reason }));
                if has_stopped {
                    return self.end(Ok(Outcome::Ended)).await;
                }
            }
        }
        Next::GoOn
    }

    /// Whether the JobManager's regular end belongs to a hand-over, and does not end the cluster.
    pub(super) async fn has_stopped_for_hand_over(&mut self) -> Option<Next> {
        let current = self.hand_over.current.as_mut()?;
        if !matches!(current.stage, Stage::Saving | Stage::Saved(_)) {
            return None;
        }
        current.has_stopped = true;
        Some(self.without_job_manager().await)
    }

    /// The TaskManagers wait for the next JobManager.
    async fn without_job_manager(&mut self) -> Next {
        self.view.job_manager = JobManagerState::Restarting;
        self.view.running_jobs.clear();
        self.scaling.job_manager_down();
        self.feed(scheduler::core::message::Input::JobManager(false)).await
    }

    /// Continues the job from its savepoint.
    pub(super) fn take_back(&mut self, why: &str) {
        let Some(Current { to, stage: Stage::Saved(savepoint), .. }) =
            self.hand_over.current.take()
        else {
            return;
        };
        let text = format!("Continuing the job from savepoint {savepoint}, {why}");
        let fields = json!({ "savepoint": savepoint, "to": to });
        self.console.report("taken-back", &text, fields);
        self.start_from(savepoint, u32::MAX);
    }
}

/// Stops the job with a savepoint. Where that is, or why there is none.
async fn savepoint(rest: &FlinkRest, job: &str, folder: Option<String>) -> Saved {
    let options = SavepointOptions { folder, stops: true, drains: false };
    let made = rest.savepoint(job, &options).await;
    made.unwrap_or_else(|error| Err(error.to_string())).map_err(|why| {
        let is_nowhere = why.contains("savepoints.dir") || why.contains("savepoint-dir");
        let advice = if is_nowhere { ": pass --savepoint-folder" } else { "" };
        format!("no savepoint of its job {job}: {why}{advice}")
    })
}
