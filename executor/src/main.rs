//! `flink-mesos-executor`: a Mesos agent starts it as executor, and the executor starts it as its
//! own guard.

use std::{env, io::Write as _, path::PathBuf, process::ExitCode};

use clap::Parser;
use common::{environment::variables, exit_code::USAGE};
use executor::{
    host::{self, HostCommand},
    log,
    process::{self, guard},
    shell::{self, Options},
};
use mesos::executor::ExecutorEnvironment;
use nix::sys::stat::{Mode, umask};
use tracing::{error, info, warn};

/// Run one Flink TaskManager as a custom Mesos executor.
///
/// Do not start it by hand without a command. A Mesos agent starts it when flink-mesos launches a
/// TaskManager, and passes what it needs to connect in MESOS_* environment variables. It logs to
/// standard error, which is the file `stderr` in the sandbox, and to a file in /var/log/flink-mesos
/// if that folder exists.
#[derive(Debug, Parser)]
#[command(
    name = "flink-mesos-executor",
    version = common::version!(),
    after_help = log::HELP
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<HostCommand>,
}

fn main() -> ExitCode {
    if env::args_os().nth(1).is_some_and(|argument| argument == guard::ARGUMENT) {
        return guard::run();
    }
    match Arguments::try_parse() {
        Ok(Arguments { command: None }) => execute(),
        Ok(Arguments { command: Some(command) }) => at_host(&command),
        Err(error) => {
            error.print().ok();
            ExitCode::from(if error.use_stderr() { USAGE } else { 0 })
        }
    }
}

/// Runs a command for a person on the host.
fn at_host(command: &HostCommand) -> ExitCode {
    match host::run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "flink-mesos-executor: {}", host::shown(&error)).ok();
            ExitCode::FAILURE
        }
    }
}

/// Runs as executor, as an agent starts it.
fn execute() -> ExitCode {
    // Whatever umask the agent has: other users have no business in a sandbox.
    umask(Mode::from_bits_truncate(0o027));
    let variables = variables();
    let lookup =
        |name: &str| variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    log::start(lookup);
    let agent = match ExecutorEnvironment::from_variables(lookup) {
        Ok(agent) => agent,
        Err(error) => {
            error!(
                "{error}; flink-mesos-executor is started by a Mesos agent, not by hand: see --help"
            );
            return ExitCode::from(USAGE);
        }
    };
    info!(
        executor_id = agent.executor_id.value,
        framework_id = agent.framework_id.value,
        agent = agent.agent_endpoint,
        checkpoint = agent.checkpoint,
        "flink-mesos-executor {}",
        common::version!()
    );
    // A fork must happen before there is a second thread.
    let guard = process::fork()
        .inspect_err(|error| warn!("Cannot start the guard process yet: {error}"))
        .ok();
    run(Options { agent, variables, binary: PathBuf::from("/proc/self/exe"), guard })
}

/// One thread does everything; short-lived ones do what blocks. That leaves memory to the
/// TaskManager.
fn run(options: Options) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(8)
        .thread_keep_alive(std::time::Duration::from_secs(1))
        .build();
    let ended = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(shell::run(options)));
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
