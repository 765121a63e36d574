//! How a run comes to its end: asked for, awaited, forced.
//!
//! The framework is torn down, and its workers are killed, after an explicit end only. These are all of them:
//!
//! | what | by |
//! | --- | --- |
//! | an operator's `stop`, Ctrl-C | `end` |
//! | the JobManager shut down as asked (`DELETE /cluster`), or its application finished, failed or was cancelled | `end` |
//! | SIGTERM without a durable state: nobody could take over | `end` |
//! | the state says that the cluster has ended, and its leader died on the way | `application::finish` |
//! | the JobManager of a cluster that this very process has begun never answers: nothing was up yet | `stop` |
//!
//! Whatever else ends the program leaves workers, framework and state to the next application master.

use std::time::Duration;

use mesos::scheduler::calls;
use serde_json::json;
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::{Next, Outcome, Shell};
use crate::{
    core::message::{Change, Ended, Input},
    failure::Failure,
};

/// On the way out.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) deadline: Instant,
    end: Result<Outcome, Failure>,
}

/// How long the workers' ends are awaited before the framework is torn down regardless.
const LONGEST_END: Duration = Duration::from_secs(20);
/// How long what must be said last may take.
pub(super) const LAST_CALL: Duration = Duration::from_secs(5);

impl Shell<'_> {
    /// Ends the cluster for good: the state says so first, so that whoever leads next, after a crash of ours even, goes on
    /// with that and does not begin anew.
    pub(super) async fn end(&mut self, end: Result<Outcome, Failure>) -> Next {
        let ended = match &end {
            Ok(Outcome::Stopped) => self.stopped.clone(),
            Ok(_) => Ended::default(),
            Err(failure) => Ended { exit_code: failure.exit_code(), why: failure.to_string() },
        };
        // The keeper ends only after this sender.
        _ = self.batches.send((None, vec![Change::End(ended)]));
        self.stop(end).await
    }

    pub(super) async fn stop(&mut self, end: Result<Outcome, Failure>) -> Next {
        self.stop_job_manager.cancel();
        if self.ending.is_some() {
            return Next::GoOn;
        }
        self.ending = Some(Ending { deadline: Instant::now() + LONGEST_END, end });
        self.console.tell("stopping", "Stopping the TaskManagers and the JobManager.", json!({}));
        self.console.waiting("Stopping");
        self.tell(Input::Stop).await
    }

    /// The workers' ends are not awaited any longer: the master ends them with the framework.
    pub(super) async fn give_up(&mut self) -> Next {
        if self.deposed.is_cancelled() {
            return Next::End(Ok(Outcome::Deposed));
        }
        self.tear_down().await;
        Next::End(self.ended())
    }

    pub(super) fn ended(&mut self) -> Result<Outcome, Failure> {
        self.ending.take().map_or(Ok(Outcome::Stopped), |ending| ending.end)
    }

    /// Whether the master has removed the framework.
    pub(super) async fn tear_down(&self) -> bool {
        match timeout(LAST_CALL, self.mesos.call(calls::teardown())).await {
            Ok(Ok(())) => return true,
            Ok(Err(e)) => warn!("Cannot remove the framework from Mesos: {e}"),
            Err(_) => warn!("Cannot remove the framework from Mesos in time"),
        }
        false
    }
}
