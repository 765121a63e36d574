//! `flink-mesos events`: print the last events of a cluster, and follow it.

use std::{
    io::{self, ErrorKind, Write as _},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    cli::{EventStream, Question},
    clusters::client,
    console::OutputForm,
    control::events::{Event, Shown},
    environment::Lookup,
    failure::Failure,
};

/// How often new events are requested.
const PERIOD: Duration = Duration::from_secs(1);
/// How long to look for the next application master of a cluster whose leader is gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Prints the last events, and with `--follow` those that come.
pub async fn events(stream: EventStream, lookup: &Lookup) -> Result<(), Failure> {
    let EventStream { question: Question { mut contact, form }, follow } = stream;
    let mut leader = client(contact.clone(), lookup).await?;
    if follow && contact.at.is_none() && contact.cluster.is_none() {
        // Later, another one may be the only cluster.
        contact.cluster = Some(leader.status().await?.cluster);
    }
    let (mut shown, mut lost) = (Shown::default(), None);
    loop {
        match leader.events(shown.last).await {
            Ok(answer) => {
                lost = None;
                match shown.news(answer) {
                    Some(events) if !print(&events, form.output)? => return Ok(()),
                    Some(_) => {}
                    None => continue,
                }
            }
            Err(error) if !follow || shown.last == 0 => return Err(error.into()),
            Err(_) if shown.ends => return Ok(()),
            Err(error) => {
                let since = *lost.get_or_insert_with(Instant::now);
                if since.elapsed() >= PATIENCE {
                    return Err(error.into());
                }
                // Another application master may lead now.
                if let Ok(found) = client(contact.clone(), lookup).await {
                    leader = found;
                }
            }
        }
        if !follow {
            return Ok(());
        }
        sleep(PERIOD).await;
    }
}

/// Whether there is still a reader, unlike behind `| head`.
fn print(events: &[Event], form: OutputForm) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    for event in events {
        let line = match form {
            OutputForm::Text => event.line(),
            OutputForm::Json => serde_json::to_string(event).map_err(Failure::other)?,
        };
        match writeln!(out, "{line}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(false),
            written => written.map_err(Failure::other)?,
        }
    }
    Ok(true)
}
