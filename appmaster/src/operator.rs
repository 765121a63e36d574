//! `flink-mesos workers` and `flink-mesos stop`: send requests to a running application master.

use anyhow::anyhow;
use common::files::{LARGEST_CERTIFICATES, read_secret, read_text};

use crate::{
    cli::{Contact, Workers, WorkersCommand},
    console::OutputForm,
    control::{
        Command, Token,
        client::{Client, ControlError, address},
        run_file::{self, RunFolderError, Running},
        view,
    },
    environment::Lookup,
    failure::Failure,
};

/// Variable with the token, for users who do not want it in a file.
const TOKEN_VARIABLE: &str = "FLINK_MESOS_CONTROL_TOKEN";

/// Sends the request and returns the text to print.
pub async fn operate(workers: Workers, lookup: &Lookup) -> Result<String, Failure> {
    let client = client(workers.contact, lookup)?;
    let command = match workers.what {
        WorkersCommand::List => return shown(client.get("workers").await, workers.output),
        WorkersCommand::History => return shown(client.get("history").await, workers.output),
        WorkersCommand::Drain { agent } => Command::Drain { agent },
        WorkersCommand::Undrain { agent } => Command::Undrain { agent },
        WorkersCommand::Restart { surge, max_unavailable } => {
            Command::Restart { surge, max_unavailable }
        }
        WorkersCommand::ClearAgent { agent } => Command::ClearAgent { agent },
    };
    command.clone().into_request().map_err(|reason| Failure::usage(anyhow!(reason)))?;
    shown(client.command(&command).await, workers.output)
}

/// Stops the cluster and returns the text to print, as soon as the stop has begun.
pub async fn stop(contact: Contact, lookup: &Lookup) -> Result<String, Failure> {
    client(contact, lookup)?.command(&Command::Stop {}).await.map_err(Failure::other)?;
    Ok("Stopping the TaskManagers and the JobManager; the application master ends in a few seconds.".to_owned())
}

/// A client of the application master at the given address, or of the only one. Blocks.
pub fn client(contact: Contact, lookup: &Lookup) -> Result<Client, Failure> {
    let (running, obstacle) = (run_file::running(lookup), run_file::obstacle(lookup));
    let given = contact.at.as_deref().map(address).transpose().map_err(Failure::usage)?;
    let found = match &given {
        Some(given) => running.iter().find(|running| running.is_at(given)),
        None => Some(only(&running, obstacle.as_ref())?),
    };
    let token = match (contact.token_file, lookup(TOKEN_VARIABLE), found) {
        (Some(file), _, _) => {
            let text = read_secret(&file).map_err(Failure::usage)?;
            Some(token(&text, &format!("--token-file: {}", file.display()))?)
        }
        (None, Some(text), _) => Some(token(&text, TOKEN_VARIABLE)?),
        (None, None, Some(running)) => Some(running.token.clone()),
        (None, None, None) => match obstacle {
            Some(obstacle) => return Err(Failure::usage(anyhow!(obstacle.advice()))),
            None => None,
        },
    };
    let own = contact.authorities.map(|file| read_text(&file, LARGEST_CERTIFICATES));
    let own = own.transpose().map_err(Failure::usage)?;
    let authorities = own.or_else(|| found.and_then(|running| running.authorities.clone()));
    // The run file has the URL for this machine.
    let at = found
        .map(|running| running.address.clone())
        .or_else(|| given.map(String::from))
        .unwrap_or_default();
    Client::new(&at, token.as_deref(), authorities.as_deref()).map_err(Failure::usage)
}

fn token(text: &str, place: &str) -> Result<String, Failure> {
    Ok(Token::parse(text)
        .map_err(|error| Failure::usage(anyhow!("{place} {error}")))?
        .reveal()
        .to_owned())
}

/// The only application master; an error if there are none or several.
fn only<'a>(
    running: &'a [Running],
    obstacle: Option<&RunFolderError>,
) -> Result<&'a Running, Failure> {
    match (running, obstacle) {
        ([only], _) => Ok(only),
        ([], Some(obstacle)) => Err(Failure::usage(anyhow!(obstacle.advice()))),
        ([], None) => Err(Failure::usage(anyhow!(
            "no application master of this user runs on this machine. Use --at URL or set FLINK_MESOS_CONTROL (the \"Control API\" \
             address printed at startup)"
        ))),
        (several, _) => {
            let line = |running: &Running| {
                format!(
                    "\n  --at {}  {} (process {})",
                    running.address,
                    running.cluster,
                    running.pid()
                )
            };
            let lines: String = several.iter().map(line).collect();
            Err(Failure::usage(anyhow!(
                "{} application masters of this user run on this machine; choose one:{lines}",
                several.len()
            )))
        }
    }
}

fn shown(
    answer: Result<serde_json::Value, ControlError>,
    form: OutputForm,
) -> Result<String, Failure> {
    let answer = answer.map_err(Failure::other)?;
    Ok(if form == OutputForm::Json { answer.to_string() } else { view::lines(&answer) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn running(port: u16) -> Running {
        let token = Token::parse("a-token-of-a-test").unwrap();
        let address = format!("http://127.0.0.1:{port}");
        Running::here(address.clone(), address, &token, None, format!("flink-{port}"))
    }

    #[test]
    fn one_of_several_application_masters_must_be_chosen_by_its_address() {
        let error = only(&[running(1), running(2)], None).unwrap_err();
        assert_eq!(error.exit_code(), 64);
        let text = error.to_string();
        assert!(
            text.contains("--at http://127.0.0.1:1  flink-1")
                && text.contains("--at http://127.0.0.1:2"),
            "{text}"
        );
        assert!(!text.contains("a-token"), "{text}");
        assert_eq!(only(&[running(3)], None).unwrap().address, "http://127.0.0.1:3");
        assert!(only(&[], None).unwrap_err().to_string().contains("--at URL"));
    }
}
