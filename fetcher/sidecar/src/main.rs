//! `flink-mesos-fetcher`: the host's sidecar and its commands.

use std::env;
use std::io::Write as _;
use std::process::ExitCode;

use common::environment::variables;
use common::exit_code::USAGE;
use fetcher_sidecar::cli::{Command, Invocation, UsageError};
use fetcher_sidecar::places::{self, RefusedPlace};
use fetcher_sidecar::settings::{LogFormat, Settings};
use fetcher_sidecar::{commands, daemon};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

fn main() -> ExitCode {
    let variables = variables();
    match Invocation::read(env::args_os().collect(), &variables) {
        Ok(invocation) => match run(&invocation, &variables) {
            Ok(code) => code,
            Err(error) => {
                complain(&format!("{error:#}"));
                // A restart does not change it.
                if error.is::<RefusedPlace>() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
            }
        },
        Err(UsageError::Arguments(error)) => {
            error.print().ok();
            ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
        }
        Err(UsageError::Settings(error)) => {
            complain(&error.to_string());
            ExitCode::from(USAGE)
        }
    }
}

fn run(invocation: &Invocation, variables: &[(String, String)]) -> anyhow::Result<ExitCode> {
    let Invocation { cli, sources, settings } = invocation;
    if cli.check_config {
        places::check(settings)?;
        common::stdout::write(&sources.explain())?;
        return Ok(ExitCode::SUCCESS);
    }
    start_log(settings);
    match &cli.command {
        None | Some(Command::Daemon) => daemon::run(settings.clone()).map(|()| ExitCode::SUCCESS),
        Some(command) => {
            let answer = commands::run(command, settings, cli.output, variables)?;
            common::stdout::write(&answer.text)?;
            Ok(if answer.good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn start_log(settings: &Settings) {
    let filter = settings.log.parse::<Targets>().unwrap_or_default();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    let log = tracing_subscriber::registry().with(filter);
    match settings.log_format {
        LogFormat::Json => log.with(lines.json()).init(),
        LogFormat::Text => log.with(lines).init(),
    }
}

fn complain(text: &str) {
    writeln!(std::io::stderr(), "flink-mesos-fetcher: {text}").ok();
}
