//! Flink's JobManager as a supervised child process.

mod ending;
mod external;
mod graph;
mod leader;
pub(crate) mod logs;
mod reason;
mod reports;

use std::{
    collections::BTreeSet, io, ops::ControlFlow, os::unix::process::ExitStatusExt as _,
    path::PathBuf, process::ExitStatus, sync::Arc, time::Duration,
};

use common::backoff::Backoff;
use flink::{command::CommandLine, config::Configuration};
use scheduler::core::ids::WorkerId;
use tokio::{
    process::Child,
    sync::mpsc,
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{
    ending::{Ending, Evidence},
    graph::JobEnd,
    reason::Output,
    reports::{list_task_managers, observe_demand},
};
pub use self::{external::ExternalJobManager, graph::Submission};
use crate::{demand::Observation, flink_rest::FlinkRest, job_file::JobGraph, process};

/// An event in the life of the JobManager.
#[derive(Debug)]
pub enum JobManagerEvent {
    /// Its REST API answers for the first time.
    Ready,
    /// The job of the cluster was submitted.
    Submitted(JobGraph),
    /// The TaskManagers that it lists have changed.
    TaskManagers(BTreeSet<WorkerId>),
    /// What its jobs need, and which TaskManagers are idle.
    Demand(Observation),
    /// It ended regularly: after `DELETE /cluster`, or because its application or job finished.
    Finished,
    /// Its application or job was cancelled.
    Cancelled,
    /// Its application or job failed.
    ApplicationFailed(String),
    /// It could not be started in the allowed number of attempts.
    Failed(String),
    /// It crashed and is restarted after this delay.
    Restarting(String, Duration),
    /// Its log, with any ending.
    Logs(PathBuf),
    /// The one that somebody else runs is here.
    Found(FlinkRest),
    /// What its operator should know.
    Advice(String),
    /// It does not answer, for this reason.
    Unreachable(String),
}

/// Who runs the JobManager.
#[derive(Debug)]
pub enum Supervision {
    /// We do.
    Own(Box<JobManager>),
    /// Somebody else does.
    External(Box<ExternalJobManager>),
}

/// How to run the JobManager.
#[derive(Debug)]
pub struct JobManager {
    /// Its java command.
    pub command: CommandLine,
    /// It runs one application and ends with it.
    pub runs_application: bool,
    /// The job graph for which the cluster exists.
    pub graph: Option<Submission>,
    /// The next JobManager resumes the jobs of one that has crashed, instead of running the
    /// application from the beginning.
    pub resumes: bool,
    /// Its configuration.
    pub config: Configuration,
    /// The folder of its logs.
    pub log: PathBuf,
    /// The name of its log, without extension.
    pub log_name: String,
    /// Lock that keeps other clusters from that name.
    pub log_lock: Option<fs_err::File>,
    /// Lock that keeps its working folder from being removed as a leftover.
    pub work_lock: Option<Arc<fs_err::File>>,
    /// Its REST API, as reached from this machine.
    pub rest: FlinkRest,
    /// Whether the adaptive scheduler runs its streaming jobs.
    pub adaptive: bool,
    /// The URL of its web page for others.
    pub web: String,
}

/// How long its REST API may take to answer for the first time.
const START: Duration = Duration::from_secs(120);
const GRACE: Duration = Duration::from_secs(10);
const FAST_POLL: Duration = Duration::from_millis(150);

enum End {
    Requested,
    Exited { status: io::Result<ExitStatus>, ready: bool },
    NeverReady,
    Job(JobEnd),
}

impl End {
    /// Whether something other than the JVM itself ended it: a signal, ours included.
    fn is_from_outside(&self) -> bool {
        match self {
            Self::Requested | Self::NeverReady | Self::Job(_) => true,
            Self::Exited { status, .. } => {
                status.as_ref().is_ok_and(|status| status.signal().is_some())
            }
        }
    }
}

impl JobManager {
    /// Runs it until it has finished, cannot be started, or `stop` is cancelled; no process is left
    /// when this returns. Until it has answered for the first time, it is started `starts` times at
    /// most; after that without limit.
    pub async fn supervise(
        self,
        starts: u32,
        events: mpsc::Sender<JobManagerEvent>,
        stop: CancellationToken,
    ) {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        let mut was_ready = false;
        let mut started: u32 = 0;
        loop {
            let output = self.output().await;
            let mut child = match process::start(
                &self.command,
                &self.file("out"),
                &self.file("err"),
                self.work_lock.clone(),
            ) {
                Ok(child) => child,
                Err(e) => {
                    let why = format!("cannot start {}: {e}", self.command.program.display());
                    return send(&events, JobManagerEvent::Failed(why)).await;
                }
            };
            let began = Instant::now();
            let end = self.watch(&mut child, &events, &stop).await;
            process::stop(&mut child, GRACE).await;
            let from_outside = end.is_from_outside();
            let (ending, end) = match end {
                End::Requested => return,
                End::Job(end) => return send(&events, self.after_job(end)).await,
                End::Exited { status, ready } => {
                    was_ready |= ready;
                    (
                        self.ending(status.as_ref().ok().copied(), ready, &output).await,
                        describe(status),
                    )
                }
                End::NeverReady => (
                    Ending::Crashed,
                    format!("its REST API did not answer within {} s", START.as_secs()),
                ),
            };
            let why = match self.after(ending, end, output, from_outside).await {
                ControlFlow::Continue(why) => why,
                ControlFlow::Break(last) => return send(&events, last).await,
            };
            started = started.saturating_add(1);
            if !was_ready && started >= starts {
                return send(&events, JobManagerEvent::Failed(why)).await;
            }
            if began.elapsed() > Duration::from_secs(300) {
                backoff.reset();
            }
            let wait = backoff.next();
            send(&events, JobManagerEvent::Restarting(why, wait)).await;
            tokio::select! {
                () = sleep(wait) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Why it is started again after this ending, or the last event.
    async fn after(
        &self,
        ending: Ending,
        end: String,
        output: Arc<Output>,
        from_outside: bool,
    ) -> ControlFlow<JobManagerEvent, String> {
        use ControlFlow::{Break, Continue};
        let failed = |why| Break(JobManagerEvent::ApplicationFailed(why));
        match ending {
            Ending::Finished => Break(JobManagerEvent::Finished),
            Ending::Cancelled => Break(JobManagerEvent::Cancelled),
            Ending::ApplicationFailed => {
                failed(self.reason("the application failed", None, output, from_outside).await)
            }
            Ending::Exited(code) => {
                failed(self.ended_by_itself(&format!("System.exit({code})"), code, output).await)
            }
            Ending::Halted(code) if !self.resumes => {
                failed(self.ended_by_itself(&format!("Runtime.halt({code})"), code, output).await)
            }
            Ending::Crashed | Ending::Halted(_) => Continue(
                self.reason("the JobManager failed", Some(end), output, from_outside).await,
            ),
        }
    }

    async fn watch(
        &self,
        child: &mut Child,
        events: &mpsc::Sender<JobManagerEvent>,
        stop: &CancellationToken,
    ) -> End {
        let ready = async {
            while !self.rest.is_up().await {
                sleep(FAST_POLL).await;
            }
        };
        tokio::select! {
            status = child.wait() => return End::Exited { status, ready: false },
            () = stop.cancelled() => return End::Requested,
            up = timeout(START, ready) => if up.is_err() { return End::NeverReady },
        }
        send(events, JobManagerEvent::Ready).await;
        tokio::select! {
            status = child.wait() => End::Exited { status, ready: true },
            () = stop.cancelled() => End::Requested,
            () = list_task_managers(&self.rest, events) => End::Requested,
            () = observe_demand(&self.rest, self.adaptive, events) => End::Requested,
            end = self.run_graph(events) => {
                // With high availability, a JobManager that is asked to end removes its data.
                if self.rest.shut_down().await.is_ok() {
                    _ = timeout(GRACE, child.wait()).await;
                }
                End::Job(end)
            }
        }
    }

    async fn ending(
        &self,
        status: Option<ExitStatus>,
        ready: bool,
        output: &Arc<Output>,
    ) -> Ending {
        let output = output.clone();
        let (log, printed) =
            spawn_blocking(move || (output.log(), output.printed())).await.unwrap_or_default();
        let evidence = Evidence { status, was_up: ready, log, printed };
        if self.runs_application {
            ending::of_application(&evidence)
        } else {
            ending::of_session(&evidence)
        }
    }

    /// Its log, with any ending.
    pub(crate) fn log_path(&self) -> PathBuf {
        self.file("log")
    }

    /// A file with this extension in the folder of logs.
    fn file(&self, ending: &str) -> PathBuf {
        self.log.join(format!("{}.{ending}", self.log_name))
    }

    async fn output(&self) -> Arc<Output> {
        let [log, out, err] = ["log", "out", "err"].map(|ending| self.file(ending));
        let begin = move || Output::begin(log, out, err);
        Arc::new(spawn_blocking(begin.clone()).await.unwrap_or_else(|_| begin()))
    }

    /// Why an application failed whose own code ended the JVM with this call.
    async fn ended_by_itself(&self, call: &str, code: i32, output: Arc<Output>) -> String {
        let early = if code == 0 { " before the job had finished" } else { "" };
        let end = format!("its own code ended the JVM by {call}{early}");
        self.reason("the application failed", Some(end), output, false).await
    }

    /// What failed and why, followed by the exception's causes.
    async fn reason(
        &self,
        what: &str,
        end: Option<String>,
        output: Arc<Output>,
        from_outside: bool,
    ) -> String {
        let config = self.config.clone();
        let reason =
            spawn_blocking(move || output.reason(&config, from_outside)).await.ok().flatten();
        let (first, more) = reason.map_or((None, Vec::new()), |(first, more)| (Some(first), more));
        let causes: Vec<_> = first.into_iter().chain(end).collect();
        let colon = if causes.is_empty() { "" } else { ": " };
        let log = self.file("log");
        let first = format!(
            "{what}{colon}{}; the JobManager's log is {}",
            causes.join("; "),
            log.display()
        );
        [vec![first], more].concat().join("\n  ")
    }
}

async fn send(events: &mpsc::Sender<JobManagerEvent>, event: JobManagerEvent) {
    // During shutdown, there may be no receiver.
    _ = events.send(event).await;
}

fn describe(status: io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("it ended with exit code {code}"),
            (None, Some(signal)) => format!("it was ended by signal {signal}"),
            (None, None) => "it ended".to_owned(),
        },
        Err(e) => format!("waiting for its end failed: {e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exited(raw: i32) -> End {
        End::Exited { status: Ok(ExitStatus::from_raw(raw)), ready: false }
    }

    #[test]
    fn an_exception_that_flink_handled_does_not_explain_an_end_that_a_signal_or_our_own_limit_made()
    {
        assert!(End::NeverReady.is_from_outside());
        assert!(exited(9).is_from_outside());
        assert!(!exited(1 << 8).is_from_outside());
        assert!(!exited(0).is_from_outside());
    }
}
