//! `flink-mesos status`, `workers` and `stop`: send requests to a running application master.

use std::time::SystemTime;

use anyhow::anyhow;

use crate::{
    cli::{Contact, Question, Workers, WorkersCommand},
    clusters::client,
    console::OutputForm,
    control::{Command, client::ControlError, status, view},
    environment::Lookup,
    failure::Failure,
    table::Paint,
};

/// Asks for the cluster's status and returns the text to print.
pub async fn status(question: Question, lookup: &Lookup) -> Result<String, Failure> {
    let client = client(question.contact, lookup).await?;
    let status = client.status().await.map_err(Failure::other)?;
    match question.form.output {
        OutputForm::Json => serde_json::to_string(&status).map_err(Failure::other),
        OutputForm::Text => Ok(status::lines(&status, SystemTime::now(), Paint::stdout(lookup))),
    }
}

/// Sends the request and returns the text to print.
pub async fn operate(workers: Workers, lookup: &Lookup) -> Result<String, Failure> {
    let client = client(workers.contact, lookup).await?;
    let command = match workers.what {
        WorkersCommand::List => return shown(client.get("workers").await, workers.form.output),
        WorkersCommand::History => return shown(client.get("history").await, workers.form.output),
        WorkersCommand::Drain { agent } => Command::Drain { agent },
        WorkersCommand::Undrain { agent } => Command::Undrain { agent },
        WorkersCommand::Restart { surge, max_unavailable } => {
            Command::Restart { surge, max_unavailable }
        }
        WorkersCommand::ClearAgent { agent } => Command::ClearAgent { agent },
    };
    command.clone().into_request().map_err(|reason| Failure::usage(anyhow!(reason)))?;
    shown(client.command(&command).await, workers.form.output)
}

/// Stops the cluster and returns the text to print, as soon as the stop has begun.
pub async fn stop(contact: Contact, lookup: &Lookup) -> Result<String, Failure> {
    let client = client(contact, lookup).await?;
    client.command(&Command::Stop {}).await.map_err(Failure::other)?;
    Ok("Stopping the TaskManagers and the JobManager; the application master ends in a few seconds.".to_owned())
}

fn shown(
    answer: Result<serde_json::Value, ControlError>,
    form: OutputForm,
) -> Result<String, Failure> {
    let answer = answer.map_err(Failure::other)?;
    Ok(if form == OutputForm::Json { answer.to_string() } else { view::lines(&answer) })
}
