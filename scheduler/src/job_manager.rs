//! Flink's own master, the JobManager, as a supervised child process.

mod ending;
pub(crate) mod logs;
mod reason;

use std::{collections::BTreeSet, io, path::PathBuf, process::ExitStatus, sync::Arc, time::Duration};

use common::backoff::Backoff;
use overlays::{command::CommandLine, config::Configuration};
use tokio::{
    process::Child,
    sync::mpsc,
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{ending::Ending, reason::Words};
use crate::{core::message::WorkerId, flink_rest::FlinkRest, process};

/// What becomes of the JobManager.
#[derive(Debug)]
pub enum JobManagerEvent {
    /// Its REST API answers for the first time.
    Ready,
    /// The TaskManagers that it lists.
    TaskManagers(BTreeSet<WorkerId>),
    /// It ended by itself and in order, as `DELETE /cluster` makes it, or an application that has finished.
    Finished,
    /// Its application was cancelled.
    Cancelled,
    /// Its application has failed.
    ApplicationFailed(String),
    /// It cannot be started, as often as was tried.
    Failed(String),
    /// It ended in disorder and is started again after a while.
    Restarting(String, Duration),
}

/// How to run the JobManager.
#[derive(Debug)]
pub struct JobManager {
    /// Its java command.
    pub command: CommandLine,
    /// It runs one application and ends with it.
    pub runs_application: bool,
    /// Its configuration.
    pub config: Configuration,
    /// Where its logs are.
    pub log: PathBuf,
    /// What its log is called, without an ending.
    pub log_name: String,
    /// Keeps other clusters from that name.
    pub log_lock: Option<fs_err::File>,
    /// Its REST API, as it is reached from here.
    pub rest: FlinkRest,
    /// The address of its web page, as others reach it.
    pub web: String,
}

const START: Duration = Duration::from_secs(120);
const GRACE: Duration = Duration::from_secs(10);
const EAGER: Duration = Duration::from_millis(150);
const CALM: Duration = Duration::from_secs(2);

enum End {
    Told,
    Exited { status: io::Result<ExitStatus>, ready: bool },
    NeverReady,
}

impl JobManager {
    /// Runs it until it has finished, cannot be started, or `stop` is asked for; when this returns no process is left.
    /// Until it has answered for the first time it is started `starts` times at most, after that without end.
    pub async fn supervise(self, starts: u32, events: mpsc::Sender<JobManagerEvent>, stop: CancellationToken) {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
        let mut was_ready = false;
        let mut started: u32 = 0;
        loop {
            let words = self.words().await;
            let mut child = match process::start(&self.command, &self.file("out"), &self.file("err")) {
                Ok(child) => child,
                Err(e) => {
                    let why = format!("cannot start {}: {e}", self.command.program.display());
                    return tell(&events, JobManagerEvent::Failed(why)).await;
                }
            };
            let began = Instant::now();
            let end = self.watch(&mut child, &events, &stop).await;
            process::stop(&mut child, GRACE).await;
            let (ending, end) = match end {
                End::Told => return,
                End::Exited { status, ready } => {
                    was_ready |= ready;
                    (self.ending(status.as_ref().ok().copied(), ready, &words).await, describe(status))
                }
                End::NeverReady => {
                    (Ending::Crashed, format!("its REST API did not answer within {} s", START.as_secs()))
                }
            };
            let why = match ending {
                Ending::Finished => return tell(&events, JobManagerEvent::Finished).await,
                Ending::Cancelled => return tell(&events, JobManagerEvent::Cancelled).await,
                Ending::ApplicationFailed => {
                    let why = self.reason("the application failed", None, words).await;
                    return tell(&events, JobManagerEvent::ApplicationFailed(why)).await;
                }
                Ending::Exited(code) => {
                    let early = if code == 0 { " before the job had finished" } else { "" };
                    let end = format!("its own code ended the JVM by System.exit({code}){early}");
                    let why = self.reason("the application failed", Some(end), words).await;
                    return tell(&events, JobManagerEvent::ApplicationFailed(why)).await;
                }
                Ending::Crashed => self.reason("the JobManager failed", Some(end), words).await,
            };
            started = started.saturating_add(1);
            if !was_ready && started >= starts {
                return tell(&events, JobManagerEvent::Failed(why)).await;
            }
            if began.elapsed() > Duration::from_secs(300) {
                backoff.reset();
            }
            let wait = backoff.next();
            tell(&events, JobManagerEvent::Restarting(why, wait)).await;
            tokio::select! {
                () = sleep(wait) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    async fn watch(&self, child: &mut Child, events: &mpsc::Sender<JobManagerEvent>, stop: &CancellationToken) -> End {
        let ready = async {
            while !self.rest.is_up().await {
                sleep(EAGER).await;
            }
        };
        tokio::select! {
            status = child.wait() => return End::Exited { status, ready: false },
            () = stop.cancelled() => return End::Told,
            up = timeout(START, ready) => if up.is_err() { return End::NeverReady },
        }
        tell(events, JobManagerEvent::Ready).await;
        tokio::select! {
            status = child.wait() => End::Exited { status, ready: true },
            () = stop.cancelled() => End::Told,
            () = self.list_task_managers(events) => End::Told,
        }
    }

    /// Tells of the listed TaskManagers when they have changed; looks often while that happens, rarely when it does not.
    async fn list_task_managers(&self, events: &mpsc::Sender<JobManagerEvent>) {
        let mut last = BTreeSet::new();
        let mut quiet = 0;
        loop {
            if let Ok(listed) = self.rest.task_managers().await
                && listed != last
            {
                last.clone_from(&listed);
                quiet = 0;
                tell(events, JobManagerEvent::TaskManagers(listed)).await;
            }
            quiet += 1;
            sleep(if quiet < 100 { EAGER } else { CALM }).await;
        }
    }

    async fn ending(&self, status: Option<ExitStatus>, ready: bool, words: &Arc<Words>) -> Ending {
        let words = words.clone();
        let log = spawn_blocking(move || words.log()).await.unwrap_or_default();
        if self.runs_application {
            ending::of_application(status, &log)
        } else {
            ending::of_session(status, ready, &log)
        }
    }

    /// One of its files in the folder of logs.
    fn file(&self, ending: &str) -> PathBuf {
        self.log.join(format!("{}.{ending}", self.log_name))
    }

    async fn words(&self) -> Arc<Words> {
        let (log, err) = (self.file("log"), self.file("err"));
        let begun = spawn_blocking(move || Words::begin(log, err)).await;
        Arc::new(begun.unwrap_or_else(|_| Words::begin(self.file("log"), self.file("err"))))
    }

    /// What failed and why, the exception's causes below it.
    async fn reason(&self, what: &str, end: Option<String>, words: Arc<Words>) -> String {
        let by_signal = end.as_ref().is_some_and(|end| end.starts_with(BY_SIGNAL));
        let config = self.config.clone();
        let found = spawn_blocking(move || words.reason(&config, by_signal)).await.ok().flatten();
        let (first, more) = found.map_or((None, Vec::new()), |(first, more)| (Some(first), more));
        let told: Vec<_> = first.into_iter().chain(end).collect();
        let colon = if told.is_empty() { "" } else { ": " };
        let log = self.file("log");
        let first = format!("{what}{colon}{}; the JobManager's log is {}", told.join("; "), log.display());
        [vec![first], more].concat().join("\n  ")
    }
}

async fn tell(events: &mpsc::Sender<JobManagerEvent>, event: JobManagerEvent) {
    // Nobody listens any more when everything is ending.
    _ = events.send(event).await;
}

const BY_SIGNAL: &str = "it was ended by signal ";

fn describe(status: io::Result<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("it ended with exit code {code}"),
            (None, Some(signal)) => format!("{BY_SIGNAL}{signal}"),
            (None, None) => "it ended".to_owned(),
        },
        Err(e) => format!("its end could not be awaited: {e}"),
    }
}
