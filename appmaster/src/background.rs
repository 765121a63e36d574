//! `--detached`: runs the application master in the background, and waits until its cluster works.
//!
//! ```text
//!   this process ── starts the same command line in a session of its own ──▶ application master
//!        ▲                                                                     │         │
//!        └──────────── each event as a line of JSON, on its standard output ◀──┘         ▼
//!          until it works                                            its lines for people: the log
//! ```
//!
//! The application master outlives the terminal and the reader of its events.

mod events;
mod log;

use std::process::ExitStatus;

use anyhow::anyhow;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    signal::ctrl_c,
    task::spawn_blocking,
};

use self::{
    events::{Progress, Started},
    log::Log,
};
use crate::{
    console::{Console, OutputForm},
    environment::Lookup,
    failure::Failure,
    plan::Request,
    process,
};

/// Says to the application master that it runs in the background.
const VARIABLE: &str = "FLINK_MESOS_BACKGROUND";

/// Whether this process is the application master in the background.
pub fn is_background(lookup: &Lookup) -> bool {
    lookup(VARIABLE).is_some()
}

/// Reports the end of the application master in the background to the process that waits for it.
pub fn report_end(failure: &Failure) {
    let event =
        json!({ "event": "failed", "text": failure.to_string(), "exit_code": failure.exit_code() });
    // The reader may have gone.
    _ = common::stdout::write(&format!("{event}\n"));
}

/// Starts this command line in the background, and waits until its cluster is ready, or its job
/// runs.
pub async fn start(
    request: Request,
    form: OutputForm,
    lookup: std::sync::Arc<Lookup>,
) -> Result<(), Failure> {
    let console = Console::new(form);
    let mut started = Started::new(&request);
    let opened = spawn_blocking(move || Log::open(&request, &*lookup)).await;
    let log = opened.map_err(Failure::other)??;
    let spawned = process::again(&log.file, VARIABLE);
    let mut child = spawned.map_err(|error| {
        Failure::other(anyhow!("cannot start the application master in the background: {error}"))
    })?;
    let process = child.id().unwrap_or_default();
    console.waiting("Starting the application master in the background");
    let Some(out) = child.stdout.take() else {
        return Err(Failure::other(anyhow!("the application master has no standard output")));
    };
    let mut lines = BufReader::new(out).lines();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line,
            _ = ctrl_c() => return Err(interrupted(process, &log)),
        };
        let Ok(Some(line)) = line else { break };
        match started.take(&line) {
            Progress::Line(event, text, fields) => console.report(event, &text, fields),
            Progress::Waits(text) => console.waiting(&text),
            Progress::Works => {
                console.settled();
                let (text, fields) = started.summary(process, &log);
                console.report("detached", &text, fields);
                return Ok(());
            }
        }
    }
    console.settled();
    let status = child.wait().await.map_err(Failure::other)?;
    ended(started, status, &log, &console)
}

/// The result of an application master that has ended before its cluster worked.
fn ended(
    started: Started,
    status: ExitStatus,
    log: &Log,
    console: &Console,
) -> Result<(), Failure> {
    let place = log.path.display();
    match (started.failure, status.success()) {
        (Some(failure), _) => {
            if let Failure::Usage(_) = failure {
                // The message says all.
                _ = fs_err::remove_file(&log.path);
                return Err(failure);
            }
            Err(failure.and(&format!("the log is {place}")))
        }
        (None, true) if started.has_job => {
            let text = format!("The job finished before it was seen running. Log: {place}");
            console.report("finished", &text, json!({ "log": log.path }));
            Ok(())
        }
        (None, true) => Err(Failure::Cancelled(anyhow!(
            "the cluster was stopped before it was ready; the log is {place}"
        ))),
        (None, false) => Err(Failure::other(anyhow!(
            "the application master ended ({status}) before it had started everything: the log is {place}"
        ))),
    }
}

fn interrupted(process: u32, log: &Log) -> Failure {
    Failure::Cancelled(anyhow!(
        "the application master keeps starting in the background (process {process}): see {}, or stop it with `kill {process}`",
        log.path.display()
    ))
}
