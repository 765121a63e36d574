//! Submits a job to a running cluster and watches it until it ends.

use std::time::Duration;

use anyhow::anyhow;
use serde_json::json;
use tokio::{
    signal::ctrl_c,
    time::{Instant, sleep},
};

use super::job_manager;
use crate::{
    cli::Run,
    console::Console,
    environment::Lookup,
    failure::Failure,
    flink_rest::{FlinkError, FlinkRest, JobState, RunOptions},
    job_file::{MISTAKE, SqlFile, ToolsJar},
};

const POLL: Duration = Duration::from_millis(500);

/// How long a JobManager may not answer while its job is watched: it may be restarting.
const SILENCE: Duration = Duration::from_secs(120);

/// Submits the job, and watches it unless it runs detached.
pub async fn run(run: Run, lookup: &Lookup) -> Result<(), Failure> {
    let console = Console::new(run.session.form.output);
    let (jar, options) = submission(&run)?;
    let path = jar.as_ref().map_or_else(|| run.program.clone(), ToolsJar::path);
    let rest = job_manager(run.session, lookup).await?;
    console.waiting("Waiting for the JobManager to run the program");
    let id = rest.run_jar(&path, &options).await.map_err(|error| match error {
        FlinkError::File(error) => Failure::usage(error),
        FlinkError::Refused { reason, .. } if reason.starts_with(MISTAKE) => {
            Failure::usage(anyhow!(reason.replacen(MISTAKE, "", 1)))
        }
        error => Failure::other(error),
    })?;
    console.report("submitted", &format!("Submitted job {id}"), json!({ "job": id }));
    if run.detached {
        return Ok(());
    }
    tokio::select! {
        state = watched(&rest, &id, &console) => verdict(&rest, &id, state?, &console).await,
        _ = ctrl_c() => {
            console.settled();
            interrupted(&rest, &id, run.cancel_on_interrupt, &console).await
        }
    }
}

/// What to upload, if that is not the program itself, and how to run it.
fn submission(run: &Run) -> Result<(Option<ToolsJar>, RunOptions), Failure> {
    common::files::open(&run.program).map_err(Failure::usage)?;
    let options = RunOptions {
        entry_class: run.job_classname.clone(),
        program_args_list: run.arguments.clone(),
        parallelism: run.parallelism,
        savepoint_path: run.from_savepoint.clone(),
        allow_non_restored_state: run.allow_non_restored_state,
    };
    if run.program.extension().is_none_or(|end| !end.eq_ignore_ascii_case("sql")) {
        return Ok((None, options));
    }
    if run.job_classname.is_some() || !run.arguments.is_empty() {
        return Err(Failure::usage(anyhow!("a file with SQL has neither a class nor arguments")));
    }
    let (class, arguments) = SqlFile::as_text(&run.program).map_err(Failure::usage)?;
    let options =
        RunOptions { entry_class: Some(class.to_owned()), program_args_list: arguments, ..options };
    Ok((Some(ToolsJar::write().map_err(Failure::other)?), options))
}

/// Watches a job until it has ended.
pub(super) async fn ended(rest: &FlinkRest, id: &str) -> Result<JobState, Failure> {
    follow(rest, id, |_| {}).await
}

async fn watched(rest: &FlinkRest, id: &str, console: &Console) -> Result<JobState, Failure> {
    let state = follow(rest, id, |progress| console.waiting(progress)).await;
    console.settled();
    state
}

async fn follow(
    rest: &FlinkRest,
    id: &str,
    mut progress: impl FnMut(&str),
) -> Result<JobState, Failure> {
    let mut silent = None;
    loop {
        match rest.job_state(id).await {
            Ok(JobState::Going) => {
                silent = None;
                if let Ok(jobs) = rest.job_list().await
                    && let Some(job) = jobs.iter().find(|job| job.id == id)
                {
                    let tasks = |state: &str| job.tasks.get(state).copied().unwrap_or(0);
                    let (running, total) = (tasks("running"), tasks("total"));
                    let finished = tasks("finished");
                    progress(&format!(
                        "{}: {running} of {total} tasks run, {finished} have finished",
                        job.state.to_lowercase()
                    ));
                }
            }
            Ok(state) => return Ok(state),
            Err(error) => {
                // A request may take much longer than the pause between two.
                if silent.get_or_insert_with(Instant::now).elapsed() > SILENCE {
                    return Err(Failure::other(error));
                }
            }
        }
        sleep(POLL).await;
    }
}

async fn verdict(
    rest: &FlinkRest,
    id: &str,
    state: JobState,
    console: &Console,
) -> Result<(), Failure> {
    match state {
        JobState::Finished => {
            console.report("finished", &format!("Job {id} finished"), json!({ "job": id }));
            Ok(())
        }
        JobState::Failed => {
            let why = rest.why_failed(id).await.join("\n  ");
            Err(Failure::other(anyhow!("job {id} failed: {why}")))
        }
        JobState::Cancelled | JobState::Going => {
            Err(Failure::Cancelled(anyhow!("job {id} was cancelled")))
        }
    }
}

async fn interrupted(
    rest: &FlinkRest,
    id: &str,
    cancels: bool,
    console: &Console,
) -> Result<(), Failure> {
    if !cancels {
        return Err(Failure::Cancelled(anyhow!(
            "job {id} keeps running: see `flink-mesos jobs show {id}`, or cancel it with `flink-mesos jobs cancel {id}`"
        )));
    }
    rest.cancel(id).await.map_err(Failure::other)?;
    tokio::select! {
        state = ended(rest, id) => verdict(rest, id, state?, console).await,
        _ = ctrl_c() => Err(Failure::Cancelled(anyhow!("job {id} is being cancelled"))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_job_manager_that_hangs_is_given_up_in_time() {
        let hangs = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", hangs.local_addr().unwrap());
        let rest = FlinkRest::new(address, String::new(), None).unwrap();
        let began = Instant::now();
        assert!(ended(&rest, "a").await.is_err());
        assert!(began.elapsed() < SILENCE + Duration::from_secs(30), "{:?}", began.elapsed());
    }
}
