//! `flink-mesos workers` and `flink-mesos stop`: ask a running application master.

use anyhow::anyhow;
use fs_err as fs;

use crate::{
    cli::{Contact, Workers, WorkersCommand},
    console::OutputForm,
    control::{Command, client::Client, view},
    failure::Failure,
};

/// Asks, and gives what is to be printed.
pub async fn operate(workers: Workers) -> Result<String, Failure> {
    let client = client(workers.contact)?;
    let command = match workers.what {
        WorkersCommand::List => return shown(client.get("workers").await, workers.output),
        WorkersCommand::History => return shown(client.get("history").await, workers.output),
        WorkersCommand::Drain { agent } => Command::Drain { agent },
        WorkersCommand::Undrain { agent } => Command::Undrain { agent },
        WorkersCommand::Restart { surge, max_unavailable } => Command::Restart { surge, max_unavailable },
        WorkersCommand::ClearAgent { agent } => Command::ClearAgent { agent },
    };
    command.clone().ask().map_err(|reason| Failure::usage(anyhow!(reason)))?;
    shown(client.command(&command).await, workers.output)
}

/// Has the cluster ended. Returns as soon as that has begun.
pub async fn stop(contact: Contact) -> Result<(), Failure> {
    client(contact)?.command(&Command::Stop).await.map(drop).map_err(Failure::other)
}

fn client(contact: Contact) -> Result<Client, Failure> {
    let hint =
        "where is the application master? Give --at or FLINK_MESOS_CONTROL: the address that it prints at its start";
    let address = contact.at.ok_or_else(|| Failure::usage(anyhow!(hint)))?;
    let token = contact.token_file.map(fs::read_to_string).transpose().map_err(Failure::usage)?;
    Client::new(&address, token.as_deref().map(str::trim)).map_err(Failure::other)
}

fn shown(
    answer: Result<serde_json::Value, crate::control::client::ControlError>,
    form: OutputForm,
) -> Result<String, Failure> {
    let answer = answer.map_err(Failure::other)?;
    Ok(if form == OutputForm::Json { answer.to_string() } else { view::lines(&answer) })
}
