//! Flink's own master, the JobManager, as a supervised child process.

mod ending;

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use fs_err as fs;
use mesos::backoff::Backoff;
use overlays::command::CommandLine;
use tokio::{
    process::Child,
    sync::mpsc,
    task::spawn_blocking,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::ending::Ending;
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
    /// Where its logs are.
    pub log: PathBuf,
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
            let (out, err) = (self.log.join("jobmanager.out"), self.log.join("jobmanager.err"));
            let mut child = match process::start(&self.command, &out, &err) {
                Ok(child) => child,
                Err(e) => {
                    let why = format!("cannot start {}: {e}", self.command.program.display());
                    return tell(&events, JobManagerEvent::Failed(why)).await;
                }
            };
            let began = Instant::now();
            let end = self.watch(&mut child, &events, &stop).await;
            process::stop(&mut child, GRACE).await;
            let why = match end {
                End::Told => return,
                End::Exited { status, ready } => match self.ending(status.as_ref().ok().copied(), ready).await {
                    Ending::Finished => return tell(&events, JobManagerEvent::Finished).await,
                    Ending::Cancelled => return tell(&events, JobManagerEvent::Cancelled).await,
                    Ending::ApplicationFailed(why) => {
                        let why = why.map(|why| format!(": {why}")).unwrap_or_default();
                        let log = self.log_file();
                        let why = format!("the application failed{why}; the JobManager's log is {}", log.display());
                        return tell(&events, JobManagerEvent::ApplicationFailed(why)).await;
                    }
                    Ending::Crashed => {
                        was_ready |= ready;
                        self.reason(&describe(status)).await
                    }
                },
                End::NeverReady => {
                    self.reason(&format!("its REST API did not answer within {} s", START.as_secs())).await
                }
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

    async fn ending(&self, status: Option<ExitStatus>, ready: bool) -> Ending {
        let log = self.log_file();
        let log = spawn_blocking(move || tail(&log)).await.ok().flatten().unwrap_or_default();
        if self.runs_application {
            ending::of_application(status, &log)
        } else {
            ending::of_session(status, ready, &log)
        }
    }

    fn log_file(&self) -> PathBuf {
        self.log.join("jobmanager.log")
    }

    async fn reason(&self, end: &str) -> String {
        let (log, err) = (self.log_file(), self.log.join("jobmanager.err"));
        let path = log.clone();
        let lines = spawn_blocking(move || last_lines(&path).or_else(|| last_lines(&err))).await;
        let lines = lines.ok().flatten().unwrap_or_default();
        format!("the JobManager failed: {end}; its log is {}{lines}", log.display())
    }
}

async fn tell(events: &mpsc::Sender<JobManagerEvent>, event: JobManagerEvent) {
    // Nobody listens any more when everything is ending.
    _ = events.send(event).await;
}

fn describe(status: io::Result<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("it ended with exit code {code}"),
            (None, Some(signal)) => format!("it was ended by signal {signal}"),
            (None, None) => "it ended".to_owned(),
        },
        Err(e) => format!("its end could not be awaited: {e}"),
    }
}

/// The last lines of a log that say something, for an error message; at most ten.
fn last_lines(path: &Path) -> Option<String> {
    let tail = tail(path)?;
    let mut lines: Vec<&str> = tail.lines().rev().filter(|line| !line.trim().is_empty()).take(10).collect();
    lines.reverse();
    (!lines.is_empty()).then(|| format!(", which ends with:\n  {}", lines.join("\n  ")))
}

/// The end of a log, 64 KiB at most.
fn tail(path: &Path) -> Option<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = fs::File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(64 * 1024))).ok()?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail).ok()?;
    Some(String::from_utf8_lossy(&tail).into_owned())
}
