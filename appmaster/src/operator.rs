//! `flink-mesos status`, `offers`, `workers` and `stop`: send requests to a running application master.

use std::time::SystemTime;

use anyhow::anyhow;
use serde_json::Value;

use crate::{
    abbreviation::{self, Meant},
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
    let status = client.status().await?;
    match question.form.output {
        OutputForm::Json => serde_json::to_string(&status).map_err(Failure::other),
        OutputForm::Text => Ok(status::lines(&status, SystemTime::now(), Paint::stdout(lookup))),
    }
}

/// Asks why offers are declined and returns the text to print.
pub async fn offers(question: Question, lookup: &Lookup) -> Result<String, Failure> {
    let offers = client(question.contact, lookup).await?.offers().await?;
    match question.form.output {
        OutputForm::Json => serde_json::to_string(&offers).map_err(Failure::other),
        OutputForm::Text => Ok(offers.lines()),
    }
}

/// Sends the request and returns the text to print.
pub async fn operate(workers: Workers, lookup: &Lookup) -> Result<String, Failure> {
    let client = client(workers.contact, lookup).await?;
    let command = match workers.what {
        WorkersCommand::List => return shown(client.get("workers").await, workers.form.output),
        WorkersCommand::History { worker } => {
            let mut answer = client.get("history").await?;
            if let Some(worker) = worker {
                only(&mut answer, &worker)?;
            }
            return shown(Ok(answer), workers.form.output);
        }
        WorkersCommand::Drain { agent } => Command::Drain { agent },
        WorkersCommand::Undrain { agent } => Command::Undrain { agent },
        WorkersCommand::Restart { surge, max_unavailable } => {
            Command::Restart { surge, max_unavailable }
        }
        WorkersCommand::Scale { workers } => Command::Scale { workers },
        WorkersCommand::ClearAgent { agent } => Command::ClearAgent { agent },
    };
    command.clone().into_request().map_err(|reason| Failure::usage(anyhow!(reason)))?;
    shown(client.command(&command).await, workers.form.output)
}

/// Stops the cluster and returns the text to print, as soon as the stop has begun.
pub async fn stop(contact: Contact, lookup: &Lookup) -> Result<String, Failure> {
    let client = client(contact, lookup).await?;
    client.command(&Command::Stop {}).await?;
    Ok("Stopping the TaskManagers and the JobManager; the application master ends in a few seconds.".to_owned())
}

fn shown(
    answer: Result<serde_json::Value, ControlError>,
    form: OutputForm,
) -> Result<String, Failure> {
    let answer = answer?;
    Ok(if form == OutputForm::Json { answer.to_string() } else { view::lines(&answer) })
}

/// Leaves only the steps of this TaskManager in a history.
fn only(history: &mut Value, worker: &str) -> Result<(), Failure> {
    let Some(steps) = history["history"].as_array_mut() else { return Ok(()) };
    let known = steps.iter().filter_map(|step| step["worker"].as_str());
    match abbreviation::worker(worker, known) {
        Meant::One(id) => steps.retain(|step| step["worker"] == id.as_str()),
        Meant::Several(ids) => {
            return Err(Failure::usage(anyhow!(
                "{worker:?} stands for several TaskManagers: {}",
                ids.join(", ")
            )));
        }
        Meant::Nothing => {
            return Err(Failure::usage(anyhow!(
                "the history has no TaskManager {worker:?}; `flink-mesos workers history` shows all"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_history_of_one_task_manager_is_chosen_by_its_number() {
        let step = |id: &str| json!({ "worker": id, "to": "gone" });
        let all = ["taskmanager-a-00001", "taskmanager-a-00002", "taskmanager-b-00002"].map(step);
        let mut history = json!({ "history": all });
        let error = only(&mut history, "2").unwrap_err();
        assert!(error.to_string().ends_with("taskmanager-a-00002, taskmanager-b-00002"), "{error}");
        assert_eq!(only(&mut history, "9").unwrap_err().exit_code(), 64);
        only(&mut history, "1").unwrap();
        assert_eq!(history, json!({ "history": [all[0]] }));
    }
}
