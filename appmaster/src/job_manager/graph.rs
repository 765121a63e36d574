//! Runs a job graph on the JobManager of a cluster that exists for it.

use std::{path::PathBuf, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::{JobManager, JobManagerEvent};
use crate::{
    flink_rest::{FlinkRest, JobState},
    job_file::JobGraph,
};

/// What to submit.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The file with the job graph.
    pub file: PathBuf,
    /// The jars of its classes.
    pub jars: Vec<PathBuf>,
    /// The job.
    pub job: JobGraph,
}

/// How the job ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JobEnd {
    Finished,
    Cancelled,
    /// Why, in at most five lines.
    Failed(Vec<String>),
}

/// How often the job's state is looked at. The JobManager answers out of its memory.
const POLL: Duration = Duration::from_millis(500);

/// How long the JobManager may not know a job that it has accepted: with high availability, it
/// recovers it first.
const UNKNOWN: Duration = Duration::from_secs(60);

impl JobManager {
    /// Runs the job graph to its end, if there is one.
    pub(super) async fn run_graph(&self, events: &mpsc::Sender<JobManagerEvent>) -> JobEnd {
        let Some(graph) = &self.graph else { return std::future::pending().await };
        super::send(events, JobManagerEvent::Submitted(graph.job.clone())).await;
        graph.run(&self.rest).await
    }

    /// The last event of a cluster whose job has ended.
    pub(super) fn after_job(&self, end: JobEnd) -> JobManagerEvent {
        match end {
            JobEnd::Finished => JobManagerEvent::Finished,
            JobEnd::Cancelled => JobManagerEvent::Cancelled,
            JobEnd::Failed(why) => {
                let log = self.file("log");
                let (root, more) =
                    why.split_first().map_or(("", &[][..]), |(root, more)| (root, more));
                let first =
                    format!("the job failed: {root}; the JobManager's log is {}", log.display());
                JobManagerEvent::ApplicationFailed([&[first], more].concat().join("\n  "))
            }
        }
    }
}

impl Submission {
    /// Submits the job unless the JobManager has it already, and waits for its end.
    pub(super) async fn run(&self, rest: &FlinkRest) -> JobEnd {
        loop {
            match rest.submit_graph(&self.file, &self.jars, &self.job.artifacts).await {
                Ok(()) => break,
                // Before a restart of the JobManager or of this program.
                Err(error) if error.is_duplicate() => break,
                // It may be ending, which others see.
                Err(error) if error.is_temporary() => sleep(POLL).await,
                Err(error) => return JobEnd::Failed(vec![error.to_string()]),
            }
        }
        let mut unknown_since: Option<Instant> = None;
        loop {
            match rest.job_state(&self.job.id).await {
                Ok(JobState::Finished) => return JobEnd::Finished,
                Ok(JobState::Cancelled) => return JobEnd::Cancelled,
                Ok(JobState::Failed) => return JobEnd::Failed(rest.why_failed(&self.job.id).await),
                Ok(JobState::Going) => unknown_since = None,
                Err(error) if error.is_not_found() => {
                    let since = *unknown_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > UNKNOWN {
                        let text = format!("the JobManager no longer knows job {}", self.job.id);
                        return JobEnd::Failed(vec![text]);
                    }
                }
                Err(_) => {}
            }
            sleep(POLL).await;
        }
    }
}
