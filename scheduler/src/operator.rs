//! `flink-mesos workers`: asks a running application master.

use anyhow::anyhow;
use fs_err as fs;

use crate::{
    cli::{Workers, WorkersCommand},
    console::OutputForm,
    control::{Command, client::Client, view},
    failure::Failure,
};

/// Asks, and gives what is to be printed.
pub async fn operate(workers: Workers) -> Result<String, Failure> {
    let hint =
        "where is the application master? Give --at or FLINK_MESOS_CONTROL: the address that it prints at its start";
    let address = workers.at.ok_or_else(|| Failure::usage(anyhow!(hint)))?;
    let token = workers.token_file.map(fs::read_to_string).transpose().map_err(Failure::usage)?;
    let client = Client::new(&address, token.as_deref().map(str::trim)).map_err(Failure::other)?;
    let command = match workers.what {
        WorkersCommand::List => return shown(client.get("workers").await, workers.output),
        WorkersCommand::History => return shown(client.get("history").await, workers.output),
        WorkersCommand::Drain { agent } => Command::Drain { agent },
        WorkersCommand::Undrain { agent } => Command::Undrain { agent },
        WorkersCommand::Restart { surge, max_unavailable } => Command::Restart { surge, max_unavailable },
        WorkersCommand::ClearAgent { agent } => Command::ClearAgent { agent },
    };
    command.clone().input().map_err(|reason| Failure::usage(anyhow!(reason)))?;
    shown(client.command(&command).await, workers.output)
}

fn shown(
    answer: Result<serde_json::Value, crate::control::client::ControlError>,
    form: OutputForm,
) -> Result<String, Failure> {
    let answer = answer.map_err(Failure::other)?;
    Ok(if form == OutputForm::Json { answer.to_string() } else { view::lines(&answer) })
}
