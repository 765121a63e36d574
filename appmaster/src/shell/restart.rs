//! Starts the JobManager once more, from a savepoint.

use std::{mem::replace, sync::Arc};

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::Shell;
use crate::{
    failure::Failure,
    job_manager::{JobManager, JobManagerEvent},
};

/// Prepares a JobManager whose job starts from this savepoint.
pub type FromSavepoint =
    Arc<dyn Fn(String) -> BoxFuture<'static, Result<JobManager, Failure>> + Send + Sync>;

impl Shell<'_> {
    /// Starts a JobManager whose job continues from this savepoint, `starts` times at most until it
    /// has answered, once the one before has ended.
    pub(super) fn start_from(&mut self, savepoint: String, starts: u32) {
        let Some(prepare) = self.from_savepoint.clone() else { return };
        let before = self.stop_own_job_manager();
        let (events, received) = mpsc::channel(16);
        let stop = CancellationToken::new();
        self.job_manager = received;
        self.stop_job_manager = stop.clone();
        self.job_manager_task = tokio::spawn(async move {
            // It has ended if the sender is gone.
            _ = before.await;
            match prepare(savepoint.clone()).await {
                Ok(own) => {
                    // During shutdown, there may be no receiver.
                    _ = events.send(JobManagerEvent::Logs(own.log_path())).await;
                    own.supervise(starts, events, stop).await;
                }
                Err(error) => {
                    let why = format!("the job cannot start from savepoint {savepoint}: {error}");
                    _ = events.send(JobManagerEvent::Failed(why)).await;
                }
            }
        });
    }

    /// Ends the JobManager, if one runs. What this returns is sent a message once no process is
    /// left.
    pub(super) fn stop_own_job_manager(&mut self) -> oneshot::Receiver<()> {
        self.stop_job_manager.cancel();
        let (ended, has_ended) = oneshot::channel();
        let task = replace(&mut self.job_manager_task, tokio::spawn(async {}));
        self.job_manager_task = tokio::spawn(async move {
            _ = task.await;
            // Nobody may wait for it.
            _ = ended.send(());
        });
        has_ended
    }
}
