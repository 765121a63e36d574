//! How a run ends: on request, after waiting, or forced.
//!
//! Only an explicit end kills the workers and tears the framework down. The explicit ends are:
//!
//! | what | by |
//! | --- | --- |
//! | an operator's `stop`, Ctrl-C | `end` |
//! | the JobManager shut down as asked (`DELETE /cluster`), or its application finished, failed or was cancelled | `end` |
//! | SIGTERM without durable state: there is nothing to take over | `end` |
//! | the state says that the cluster has ended, but its leader died before it had finished | `scheduler::finish` |
//! | the JobManager of a cluster that this process has started never answers: no job can run yet | `stop` |
//!
//! Any other end of the program leaves workers, framework and state to the next application master.

use std::time::Duration;

use scheduler::core::{message::Input, state::Ended};
use serde_json::json;
use tokio::{sync::oneshot, time::Instant};

use super::{Next, Outcome, Shell};
use crate::failure::Failure;

/// The progress of an end.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) deadline: Instant,
    end: Result<Outcome, Failure>,
}

/// How long to wait for the workers to end before the framework is torn down anyway.
const LONGEST_END: Duration = Duration::from_secs(20);

impl Shell<'_> {
    /// Ends the cluster for good. The state records this first, so that the next leader, even after
    /// a crash, completes the end instead of starting the cluster again.
    pub(super) async fn end(&mut self, end: Result<Outcome, Failure>) -> Next {
        drop(self.record_end(&end));
        self.stop(end).await
    }

    /// Records the end in the state. What this returns is sent a message once the end is durable.
    pub(super) fn record_end(&self, end: &Result<Outcome, Failure>) -> oneshot::Receiver<()> {
        self.driver.record_end(match end {
            Ok(Outcome::Stopped) => self.stopped.clone(),
            Ok(_) => Ended::default(),
            Err(failure) => Ended { exit_code: failure.exit_code(), why: failure.to_string() },
        })
    }

    pub(super) async fn stop(&mut self, end: Result<Outcome, Failure>) -> Next {
        self.stop_job_manager.cancel();
        if self.ending.is_some() {
            return Next::GoOn;
        }
        self.ending = Some(Ending { deadline: Instant::now() + LONGEST_END, end });
        self.console.report("stopping", "Stopping the TaskManagers and the JobManager.", json!({}));
        self.console.waiting("Stopping");
        self.feed(Input::Stop).await
    }

    /// Stops waiting for the workers: the master ends them with the framework.
    pub(super) async fn give_up(&mut self) -> Next {
        if self.driver.is_deposed() {
            return Next::End(Ok(Outcome::Deposed));
        }
        self.driver.tear_down().await;
        Next::End(self.ended())
    }

    pub(super) fn ended(&mut self) -> Result<Outcome, Failure> {
        self.ending.take().map_or(Ok(Outcome::Stopped), |ending| ending.end)
    }
}
