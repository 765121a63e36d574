//! The steps of a replacement.

use std::time::Duration;

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, timeout},
};

use super::{
    Order, Replacement, Report,
    old::{PERIOD, Said},
};
use crate::{
    control::hand_over::{HandOverState, Step},
    demand::answers::JobsOverview,
    flink_rest::FlinkRest,
};

/// How long the job must run before the old cluster ends, unless it completes a checkpoint earlier.
/// Nothing that an exactly-once sink has written is committed before that.
const SETTLED: Duration = Duration::from_secs(10);
/// How long to wait for the end of a job that is cancelled.
const CANCELLED: Duration = Duration::from_secs(10);
/// How long to wait until the old cluster runs its job again. Its TaskManagers may look for the next
/// JobManager only after `heartbeat.timeout`, 50 s by default.
const AGAIN: Duration = Duration::from_secs(120);

/// The replacement on its way.
struct Steps {
    it: Replacement,
    rest: FlinkRest,
    reports: mpsc::Sender<Report>,
    /// Whether the old cluster was asked to stop its job.
    has_begun: bool,
    savepoint: Option<String>,
    /// When the old cluster has last answered.
    heard: Instant,
    old_has_ended: bool,
}

/// Runs the replacement to its end, and reports that.
pub(super) async fn run(
    it: Replacement,
    rest: FlinkRest,
    ready: oneshot::Receiver<()>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    reports: mpsc::Sender<Report>,
) {
    let (heard, longest) = (Instant::now(), it.timeout);
    let mut steps = Steps {
        it,
        rest,
        reports: reports.clone(),
        has_begun: false,
        savepoint: None,
        heard,
        old_has_ended: false,
    };
    let runs = tokio::select! {
        moved = timeout(longest, steps.until_it_runs(ready)) => moved.unwrap_or_else(|_| {
            Err(format!("the job did not run here within {} s (--replace-timeout)", longest.as_secs()))
        }),
        order = orders.recv() => match order {
            Some(Order::Finished) => Ok(()),
            Some(Order::GiveUp(why)) => Err(why),
            None => return,
        },
    };
    // What the old cluster has agreed to is not taken back by an order.
    let done = match runs {
        Ok(()) => steps.done().await,
        Err(why) => Err(why),
    };
    let last = match done {
        Ok(()) => Report::Replaced,
        Err(why) => Report::GivenUp(steps.give_up(&why).await),
    };
    // The application master may have ended.
    _ = reports.send(last).await;
}

impl Steps {
    async fn until_it_runs(&mut self, ready: oneshot::Receiver<()>) -> Result<(), String> {
        _ = ready.await;
        let savepoint = self.savepoint().await?;
        self.savepoint = Some(savepoint.clone());
        _ = self.reports.send(Report::Start(savepoint)).await;
        let mut since = None;
        loop {
            self.hold().await?;
            if self.runs(&mut since).await {
                return Ok(());
            }
            sleep(PERIOD).await;
        }
    }

    /// Has the old cluster stop its job with a savepoint.
    async fn savepoint(&mut self) -> Result<String, String> {
        let folder = self.it.folder.clone();
        self.has_begun = true;
        let begun = self.it.old.ask(Step::Begin, folder).await;
        let mut state = begun.map_err(|error| error.to_string())?;
        self.heard = Instant::now();
        loop {
            match state {
                HandOverState::Saved { savepoint } => return Ok(savepoint),
                HandOverState::Failed { reason } => {
                    // Its job keeps running.
                    self.has_begun = false;
                    return Err(reason);
                }
                HandOverState::Saving => sleep(PERIOD).await,
                HandOverState::None | HandOverState::Done | HandOverState::Possible { .. } => {
                    return Err("the old cluster has taken its job back".to_owned());
                }
            }
            state = match self.it.old.say(Step::Wait, &mut self.heard).await? {
                Said::State(state) => state,
                Said::Ended => {
                    return Err("the old cluster has ended without a savepoint".to_owned());
                }
            };
        }
    }

    /// Keeps the old cluster from taking its job back.
    async fn hold(&mut self) -> Result<(), String> {
        if self.old_has_ended {
            return Ok(());
        }
        match self.it.old.say(Step::Wait, &mut self.heard).await? {
            Said::State(HandOverState::Saved { .. }) => Ok(()),
            Said::State(_) => Err("the old cluster has taken its job back".to_owned()),
            Said::Ended => {
                self.old_has_ended = true;
                Ok(())
            }
        }
    }

    /// Whether the job runs here for good: since `since` without a pause, or with a checkpoint.
    async fn runs(&self, since: &mut Option<Instant>) -> bool {
        let Ok(JobsOverview { jobs }) = self.rest.get("jobs/overview").await else {
            *since = None;
            return false;
        };
        if jobs.is_empty() || !jobs.iter().all(|job| job.runs() || job.state == "FINISHED") {
            *since = None;
            return false;
        }
        if since.get_or_insert_with(Instant::now).elapsed() >= SETTLED {
            return true;
        }
        for job in &jobs {
            if self.rest.completed_checkpoints(&job.jid).await.is_ok_and(|count| count > 0) {
                return true;
            }
        }
        false
    }

    /// Lets the old cluster end.
    async fn done(&mut self) -> Result<(), String> {
        if self.old_has_ended {
            return Ok(());
        }
        match self.it.old.say(Step::Done, &mut self.heard).await? {
            Said::State(HandOverState::Done) | Said::Ended => Ok(()),
            Said::State(_) => Err("the old cluster has taken its job back".to_owned()),
        }
    }

    /// Ends the job here, if there is one, and has the old cluster continue it. What happened.
    async fn give_up(&mut self, why: &str) -> String {
        let name = &self.it.old.name;
        let what = format!("cluster {name:?} is not replaced: {why}");
        if !self.has_begun {
            return format!("{what}\nThe job of {name:?} keeps running there.");
        }
        self.cancel().await;
        let (stopped, has_stopped) = oneshot::channel();
        if self.reports.send(Report::StopJobManager(stopped)).await.is_ok() {
            _ = has_stopped.await;
        }
        let by_hand = match &self.savepoint {
            Some(savepoint) => format!("start the job again with --from-savepoint {savepoint}"),
            None => "look for its savepoint in the folder for savepoints".to_owned(),
        };
        let said = if self.old_has_ended {
            Ok(Said::Ended)
        } else {
            self.it.old.say(Step::TakeBack, &mut self.heard).await
        };
        let now = match said {
            Ok(Said::State(HandOverState::Done) | Said::Ended) => {
                format!("Cluster {name:?} has ended, so nothing runs: {by_hand}.")
            }
            Err(error) => format!(
                "{error}\nIt continues its job by itself, if it can; if `flink-mesos list` does not show it, {by_hand}."
            ),
            Ok(Said::State(_)) if self.it.old.runs_again(AGAIN).await => match &self.savepoint {
                Some(savepoint) => format!("Its job runs there again, from savepoint {savepoint}."),
                None => "Its job runs there.".to_owned(),
            },
            Ok(Said::State(_)) => format!(
                "Its job is starting there again: see `flink-mesos status --cluster {name}`."
            ),
        };
        format!("{what}\n{now}")
    }

    /// Cancels what runs here, and waits a moment for its end.
    async fn cancel(&self) {
        let cancelled = timeout(CANCELLED, async {
            while let Ok(jobs) = self.rest.jobs().await
                && !jobs.is_empty()
            {
                for job in &jobs {
                    // It may have ended.
                    _ = self.rest.cancel(&job.id).await;
                }
                sleep(PERIOD).await;
            }
        });
        // The JobManager is ended in any case.
        _ = cancelled.await;
    }
}
