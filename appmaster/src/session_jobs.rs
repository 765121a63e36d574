//! `flink-mesos run` and `flink-mesos jobs`: jobs on a running cluster, through the REST API of its
//! JobManager.

mod choice;
mod show;
mod watch;

use anyhow::anyhow;
use common::files::{LARGEST_CERTIFICATES, read_text};
use serde_json::json;

use self::choice::choose;
pub use self::watch::run;
use crate::{
    cli::{Jobs, JobsCommand, Session},
    clusters::client,
    console::{OutputForm, one_line},
    environment::Lookup,
    failure::Failure,
    flink_rest::{FlinkRest, JobState, SavepointOptions},
    table::Paint,
};

/// Carries out the command and returns the text to print.
pub async fn jobs(jobs: Jobs, lookup: &Lookup) -> Result<String, Failure> {
    let form = jobs.session.form.output;
    let rest = job_manager(jobs.session, lookup).await?;
    let list = rest.job_list().await.map_err(Failure::other)?;
    match jobs.what.unwrap_or(JobsCommand::List) {
        JobsCommand::List => Ok(show::list(&list, form, Paint::stdout(lookup))),
        JobsCommand::Show { job } => {
            let job = choose(&list, job.as_deref())?;
            show::job(&rest, job, form, Paint::stdout(lookup)).await.map_err(Failure::other)
        }
        JobsCommand::Cancel { job } => {
            let job = choose(&list, job.as_deref())?;
            rest.cancel(&job.id).await.map_err(Failure::other)?;
            let state = watch::ended(&rest, &job.id).await?;
            if state != JobState::Cancelled {
                let how = if state == JobState::Finished { "finished" } else { "failed" };
                return Err(Failure::other(anyhow!(
                    "job {} {how} before it could be cancelled",
                    one_line(&job.id)
                )));
            }
            Ok(answer(form, &json!({ "job": job.id, "state": "CANCELED" }), || {
                format!("Cancelled job {} ({})", one_line(&job.name), one_line(&job.id))
            }))
        }
        JobsCommand::Savepoint { job, to, stop, drain } => {
            let job = choose(&list, job.as_deref())?;
            let options = SavepointOptions { folder: to, stops: stop, drains: drain };
            let made = rest.savepoint(&job.id, &options).await.map_err(Failure::other)?;
            let place = made.map_err(|why| {
                Failure::other(anyhow!("no savepoint of job {} ({}): {why}", job.name, job.id))
            })?;
            Ok(answer(form, &json!({ "job": job.id, "savepoint": place }), || one_line(&place)))
        }
    }
}

fn answer(form: OutputForm, value: &serde_json::Value, text: impl FnOnce() -> String) -> String {
    if form == OutputForm::Json { value.to_string() } else { text() }
}

/// A client of the cluster's JobManager.
async fn job_manager(session: Session, lookup: &Lookup) -> Result<FlinkRest, Failure> {
    let authorities = session.rest_authorities.map(|file| read_text(&file, LARGEST_CERTIFICATES));
    let authorities = authorities.transpose().map_err(Failure::usage)?;
    let status = client(session.contact, lookup).await?.status().await.map_err(Failure::other)?;
    let unknown = || Failure::other(anyhow!("the cluster has not found its JobManager yet"));
    let web = status.job_manager.web.ok_or_else(unknown)?;
    FlinkRest::new(web, String::new(), authorities.as_deref())
        .map_err(|error| Failure::usage(anyhow!("--rest-authorities: {error}")))
}
