//! `flink-mesos logs`: print the log of a cluster's JobManager or of a TaskManager, and follow it.

use std::{
    io::{self, ErrorKind, Write as _},
    time::Duration,
};

use tokio::time::sleep;

use crate::{
    cli::Logs, clusters::client, console::one_line, control::logs::LogRequest, environment::Lookup,
    failure::Failure,
};

/// How often a followed log is read.
const PERIOD: Duration = Duration::from_secs(1);

/// Prints the log, and with `--follow` what is added to it.
pub async fn logs(logs: Logs, lookup: &Lookup) -> Result<(), Failure> {
    let client = client(logs.contact, lookup).await?;
    let offset = logs.all.then_some(0);
    let mut request = LogRequest { of: logs.of, file: logs.file, offset };
    loop {
        let part = client.log(&request).await?;
        if !print(&part.text)? {
            return Ok(());
        }
        let is_whole = part.next >= part.size || request.offset == Some(part.next);
        request.offset = Some(part.next);
        if is_whole && !logs.follow {
            return Ok(());
        }
        if is_whole {
            sleep(PERIOD).await;
        }
    }
}

/// Prints lines so that they cannot control the terminal. Whether there is still a reader.
fn print(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let line = one_line(line.trim_end_matches('\r'));
        match write!(out, "{line}{end}").and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(false),
            written => written.map_err(Failure::other)?,
        }
    }
    Ok(true)
}
